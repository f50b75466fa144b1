"""Merchant transfers to change (商家转账): wechat.md, section 9."""

from collections.abc import Mapping
from typing import Any

from wechatpayv3.type import RequestType

from app.wechat.authorizations import PERCEPTION, SCENE_ID, Authorizations
from app.wechat.pay import Answer, NoticeRefused, Pay, Unclear
from app.wechat.shapes import NotAnAnswer, optional_text, text, whole
from app.withdrawals.ports import BillAnswer, GatewayUnclear, MerchantShort

# Scene 1005 佣金报酬 wants exactly these two facts (compliance.md).
SCENE_REPORT = [
    {"info_type": "岗位类型", "info_content": "分销员"},
    {"info_type": "报酬说明", "info_content": "商品推广佣金"},
]
_WITH_GRANT = "/v3/fund-app/mch-transfer/transfer-bills/transfer"
# WeChat compares no name below, and must be told one from there up.
NAME_FROM_FEN, NAME_NEEDED_FEN = 30, 2_000_00


class Transfers:
    """Implements `withdrawals.TransferGateway`."""

    def __init__(self, pay: Pay) -> None:
        self._pay = pay
        self._grants = Authorizations(pay)

    @property
    def grants(self) -> Authorizations:
        return self._grants

    @property
    def mchid(self) -> str:
        return self._pay.mchid

    def body(
        self,
        *,
        out_bill_no: str,
        openid: str,
        amount_fen: int,
        remark: str,
        authorization_no: str = "",
    ) -> dict[str, Any]:
        """What is sent, and sent again unchanged, under this number.

        A grant says who receives: WeChat refuses an openid beside it.
        """
        receiver = {"out_authorization_no": authorization_no} if authorization_no else None
        return {
            "appid": self._pay.appid,
            "out_bill_no": out_bill_no,
            "transfer_scene_id": SCENE_ID,
            **(receiver or {"openid": openid}),
            "transfer_amount": amount_fen,
            "transfer_remark": remark[:32],
            "user_recv_perception": PERCEPTION,
            "transfer_scene_report_infos": SCENE_REPORT,
            "notify_url": f"{self._pay.notify_base}/wechat/transfer/notify",
        }

    def send(self, body: dict[str, Any], *, payee_name: str | None = None) -> BillAnswer:
        """Raises GatewayUnclear, MerchantShort: nothing may be assumed then.

        The library encrypts the name with WeChat Pay's public key, leaves it out below
        0.30 yuan and refuses to send from 2,000 yuan up without it.
        """
        if "out_authorization_no" in body:
            answer = self._call(lambda: self._send_with_grant(body, payee_name))
        else:
            answer = self._call(
                lambda: self._pay.library.mch_transfer_bills(**body, user_name=payee_name)
            )
        if answer.status == 200:
            return _bill(answer.data, body["out_bill_no"])
        if answer.code in ("NOT_ENOUGH", "NOTENOUGH"):
            raise MerchantShort(answer.code)
        raise GatewayUnclear(answer.code)

    def _send_with_grant(self, body: dict[str, Any], payee_name: str | None) -> tuple[int, Any]:
        """The library has no call for it; the name is treated as it does elsewhere."""
        core = self._pay.library._core  # noqa: SLF001
        if body["transfer_amount"] >= NAME_NEEDED_FEN and not payee_name:
            raise ValueError("WeChat wants the receiver's name")
        if payee_name and body["transfer_amount"] >= NAME_FROM_FEN:
            body = {**body, "user_name": core.encrypt(payee_name)}
        said: tuple[int, Any] = core.request(
            _WITH_GRANT, method=RequestType.POST, data=body, cipher_data="user_name" in body
        )
        return said

    def query(self, out_bill_no: str) -> BillAnswer:
        """Raises GatewayUnclear."""
        number = self._pay.checked(out_bill_no)
        answer = self._call(lambda: self._pay.library.mch_transfer_bills_query(out_bill_no=number))
        if answer.is_unknown_number:
            return BillAnswer(out_bill_no, state=None)
        if answer.status != 200:
            raise GatewayUnclear(answer.code)
        return _bill(answer.data, out_bill_no)

    def cancel(self, out_bill_no: str) -> BillAnswer:
        """Raises GatewayUnclear."""
        answer = self._call(
            lambda: self._pay.library.mch_transfer_bills_cancel(self._pay.checked(out_bill_no))
        )
        if answer.status != 200:
            raise GatewayUnclear(answer.code)
        return _bill(answer.data, out_bill_no)

    def confirm_parameters(self, package_info: str) -> dict[str, str]:
        return {
            "mchId": self._pay.mchid,
            "appId": self._pay.appid,
            "package": package_info,
        }

    def _call(self, send: Any) -> Answer:
        try:
            return self._pay.call(send)
        except Unclear as error:
            raise GatewayUnclear(str(error)) from error


def transfer_notice(resource: Mapping[str, Any]) -> BillAnswer:
    """WeChat's mch_payment resource. Raises NoticeRefused if it is not whole."""
    try:
        return BillAnswer(
            out_bill_no=text(resource, "out_bill_no"),
            state=text(resource, "state"),
            transfer_bill_no=text(resource, "transfer_bill_no"),
            fail_reason=optional_text(resource, "fail_reason"),
            amount_fen=whole(resource, "transfer_amount"),
            mchid=text(resource, "mch_id"),
            openid=text(resource, "openid"),
        )
    except NotAnAnswer as error:
        raise NoticeRefused(f"not whole: {error}") from error


def _bill(data: Mapping[str, Any], out_bill_no: str) -> BillAnswer:
    if data.get("out_bill_no") != out_bill_no:
        raise GatewayUnclear("answer about another bill")
    try:
        return BillAnswer(
            out_bill_no=out_bill_no,
            state=text(data, "state"),
            transfer_bill_no=optional_text(data, "transfer_bill_no"),
            package_info=optional_text(data, "package_info"),
            fail_reason=optional_text(data, "fail_reason"),
            amount_fen=(
                whole(data, "transfer_amount") if data.get("transfer_amount") is not None else None
            ),
            mchid=optional_text(data, "mch_id") or None,
            openid=optional_text(data, "openid") or None,
        )
    except NotAnAnswer as error:
        raise GatewayUnclear(f"answer not whole: {error}") from error
