"""Grants to receive transfers without confirming each (免确认收款授权).

Merchant documents 4015901167 (asking), 4014399423 (query), 4015653811 (closing) and
4014512908 (notices). wechatpayv3 has no calls for them: its signed `request` is used.
"""

from collections.abc import Mapping
from typing import Any

from wechatpayv3.type import RequestType

from app.wechat.pay import Answer, NoticeRefused, Pay, Unclear
from app.wechat.shapes import NotAnAnswer, optional_text, text
from app.withdrawals.ports import GatewayUnclear, GrantAnswer, GrantRefused, GrantStatus

# Scene 1005 佣金报酬, for which the shop pays (compliance.md).
SCENE_ID = "1005"
PERCEPTION = "劳务报酬"
PATH = "/v3/fund-app/mch-transfer/user-confirm-authorization"
_STATUS = {
    "WAIT_USER_CONFIRM": GrantStatus.WAITING,
    "TAKING_EFFECT": GrantStatus.ACTIVE,
    "CLOSED": GrantStatus.CLOSED,
}
# Too many calls at once refuse nothing.
_TOO_FAST = ("FREQUENCY_LIMIT_EXCEED", "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED")


class Authorizations:
    """Implements `withdrawals.GrantGateway`."""

    def __init__(self, pay: Pay) -> None:
        self._pay = pay

    @property
    def appid(self) -> str:
        return self._pay.appid

    def body(self, *, out_authorization_no: str, openid: str, display_name: str) -> dict[str, Any]:
        """What is sent, and sent again unchanged, under this number."""
        return {
            "out_authorization_no": out_authorization_no,
            "appid": self._pay.appid,
            "openid": openid,
            "transfer_scene_id": SCENE_ID,
            "user_display_name": display_name,
            "user_recv_perception": PERCEPTION,
            "authorization_notify_url": f"{self._pay.notify_base}/wechat/authorization/notify",
        }

    def start(self, body: dict[str, Any]) -> GrantAnswer:
        """Raises GatewayUnclear, GrantRefused."""
        answer = self._call(PATH, RequestType.POST, body)
        if answer.status == 200:
            return _grant(answer.data, body["out_authorization_no"])
        if answer.code in _TOO_FAST or not answer.code:
            raise GatewayUnclear(answer.code)
        raise GrantRefused(answer.code)

    def query(self, out_authorization_no: str) -> GrantAnswer:
        """With the package for the page while it waits. Raises GatewayUnclear."""
        path = self._one(out_authorization_no)
        answer = self._call(f"{path}?is_display_authorization=true", RequestType.GET)
        return self._known(answer, out_authorization_no)

    def close(self, out_authorization_no: str) -> GrantAnswer:
        """Raises GatewayUnclear."""
        answer = self._call(f"{self._one(out_authorization_no)}/close", RequestType.POST)
        return self._known(answer, out_authorization_no)

    def _one(self, out_authorization_no: str) -> str:
        return f"{PATH}/out-authorization-no/{self._pay.checked(out_authorization_no)}"

    def _known(self, answer: Answer, number: str) -> GrantAnswer:
        if answer.is_unknown_number:
            return GrantAnswer(number, status=None)
        if answer.status != 200:
            raise GatewayUnclear(answer.code)
        return _grant(answer.data, number)

    def _call(self, path: str, method: RequestType, body: dict[str, Any] | None = None) -> Answer:
        core = self._pay.library._core  # noqa: SLF001
        try:
            return self._pay.call(lambda: core.request(path, method=method, data=body))
        except Unclear as error:
            raise GatewayUnclear(str(error)) from error


def authorization_notice(resource: Mapping[str, Any]) -> GrantAnswer:
    """The resource of MCHTRANSFER.AUTHORIZATION.*. Raises NoticeRefused if it is not whole."""
    try:
        return _read(resource, text(resource, "out_authorization_no"), text(resource, "openid"))
    except NotAnAnswer as error:
        raise NoticeRefused(f"not whole: {error}") from error


def _grant(data: Mapping[str, Any], number: str) -> GrantAnswer:
    if data.get("out_authorization_no") != number:
        raise GatewayUnclear("answer about another grant")
    try:
        return _read(data, number, optional_text(data, "openid"))
    except NotAnAnswer as error:
        raise GatewayUnclear(f"answer not whole: {error}") from error


def _read(data: Mapping[str, Any], number: str, openid: str) -> GrantAnswer:
    state = text(data, "state")
    if state not in _STATUS:
        raise NotAnAnswer(f"state {state[:40]}")
    closed = data.get("close_info") or {}
    return GrantAnswer(
        out_authorization_no=number,
        status=_STATUS[state],
        authorization_id=optional_text(data, "authorization_id"),
        package_info=optional_text(data, "package_info"),
        close_reason=optional_text(closed, "close_reason"),
        appid=optional_text(data, "appid") or None,
        openid=openid or None,
    )
