"""WeChat's merchant transfer as a test wants it, and short ways to get there."""

from dataclasses import replace
from typing import Any

import pytest

from app import withdrawals
from app.core.db import require_transaction, run_unit
from app.members import Member
from app.withdrawals import BillAnswer, GatewayUnclear, GrantAnswer, GrantStatus, Withdrawal
from tests.factories import ADMIN, APPID, MCHID, NOON, give_available, make_member


class FakeGrants:
    """Implements `withdrawals.GrantGateway`; keeps grants as WeChat would.

    `on_start`, `on_query` and `on_close` say what comes of the next calls: `LOST`, or
    an exception before anything was done.
    """

    appid = APPID

    def __init__(self) -> None:
        self.known: dict[str, GrantAnswer] = {}
        self.sent: list[dict[str, Any]] = []
        self.closed: list[str] = []
        self.on_start: list[str | Exception] = []
        self.on_query: list[str | Exception] = []
        self.on_close: list[str | Exception] = []

    def body(self, *, out_authorization_no: str, openid: str, display_name: str) -> dict[str, Any]:
        return {
            "out_authorization_no": out_authorization_no,
            "openid": openid,
            "user_display_name": display_name,
        }

    def start(self, body: dict[str, Any]) -> GrantAnswer:
        self.sent.append(dict(body))
        lost = self._mishap(self.on_start)
        number = body["out_authorization_no"]
        self.known.setdefault(
            number,
            GrantAnswer(
                number, GrantStatus.WAITING, package_info=f"page-{number}", openid=body["openid"]
            ),
        )
        if lost:
            raise GatewayUnclear("timed out")
        return self.known[number]

    def query(self, out_authorization_no: str) -> GrantAnswer:
        if self._mishap(self.on_query):
            raise GatewayUnclear("timed out")
        return self.known.get(out_authorization_no) or GrantAnswer(out_authorization_no, None)

    def close(self, out_authorization_no: str) -> GrantAnswer:
        lost = self._mishap(self.on_close)
        self.closed.append(out_authorization_no)
        if out_authorization_no not in self.known:
            return GrantAnswer(out_authorization_no, None)
        answer = self.end(out_authorization_no, "CLOSE_VIA_MCH_API")
        if lost:
            raise GatewayUnclear("timed out")
        return answer

    def agree(self, number: str) -> GrantAnswer:
        """The member confirms in WeChat; what the notice says, if there is one."""
        known = self.known[number]
        if known.status is GrantStatus.WAITING:
            self.known[number] = replace(
                known, status=GrantStatus.ACTIVE, authorization_id=f"A{number}", package_info=""
            )
        return self.known[number]

    def end(self, number: str, reason: str = "USER_CLOSE") -> GrantAnswer:
        """It ends at WeChat; what the notice says."""
        known = self.known[number]
        if known.status is not GrantStatus.CLOSED:
            self.known[number] = replace(
                known, status=GrantStatus.CLOSED, close_reason=reason, package_info=""
            )
        return self.known[number]

    def _mishap(self, script: list[str | Exception]) -> bool:
        no_unit_is_open()
        told = script.pop(0) if script else ""
        if isinstance(told, Exception):
            raise told
        return told == LOST


LOST = "LOST"  # WeChat takes the bill, its answer does not reach us


class FakeTransfers:
    """Implements `withdrawals.TransferGateway`; keeps bills as WeChat would.

    `on_send`, `on_query` and `on_cancel` say what comes of the next calls: a state,
    `LOST`, or an exception. Without them a bill waits for the member's confirmation.
    """

    mchid = MCHID

    def __init__(self) -> None:
        self.grants = FakeGrants()
        self.bills: dict[str, BillAnswer] = {}
        self.sent: list[dict[str, Any]] = []
        self.names: list[str | None] = []
        self.queried: list[str] = []
        self.on_send: list[str | Exception] = []
        self.on_query: list[Exception] = []
        self.on_cancel: list[Exception] = []

    def body(
        self,
        *,
        out_bill_no: str,
        openid: str,
        amount_fen: int,
        remark: str,
        authorization_no: str = "",
    ) -> dict[str, Any]:
        receiver = {"out_authorization_no": authorization_no}
        return {
            "out_bill_no": out_bill_no,
            **(receiver if authorization_no else {"openid": openid}),
            "transfer_amount": amount_fen,
            "transfer_remark": remark,
        }

    def send(self, body: dict[str, Any], *, payee_name: str | None = None) -> BillAnswer:
        no_unit_is_open()
        self.sent.append(dict(body))
        self.names.append(payee_name)
        number = body["out_bill_no"]
        grant = body.get("out_authorization_no")
        usual = "SUCCESS" if grant else "WAIT_USER_CONFIRM"
        script = self.on_send.pop(0) if self.on_send else usual
        if isinstance(script, Exception):
            raise script
        if number not in self.bills:
            if grant and self.grants.known[grant].status is not GrantStatus.ACTIVE:
                raise GatewayUnclear("INVALID_REQUEST")
            state = usual if script == LOST else script
            self.bills[number] = BillAnswer(
                number,
                state,
                transfer_bill_no=f"13300{number[-6:]}",
                package_info=f"package-{number}",
                fail_reason="PAYEE_ACCOUNT_ABNORMAL" if state == "FAIL" else "",
            )
        if script == LOST:
            raise GatewayUnclear("timed out")
        return self.bills[number]

    def query(self, out_bill_no: str) -> BillAnswer:
        no_unit_is_open()
        self.queried.append(out_bill_no)
        if self.on_query:
            raise self.on_query.pop(0)
        return self._without_package(out_bill_no)

    def cancel(self, out_bill_no: str) -> BillAnswer:
        no_unit_is_open()
        if self.on_cancel:
            raise self.on_cancel.pop(0)
        self.end(out_bill_no, "CANCELING")
        return self._without_package(out_bill_no)

    def confirm_parameters(self, package_info: str) -> dict[str, str]:
        return {"package": package_info}

    def end(self, number: str, state: str, fail_reason: str = "") -> BillAnswer:
        """The bill moves on at WeChat; the answer is what a notice would say."""
        known = self.bills[number]
        self.bills[number] = BillAnswer(
            number, state, transfer_bill_no=known.transfer_bill_no, fail_reason=fail_reason
        )
        return self.bills[number]

    def _without_package(self, number: str) -> BillAnswer:
        known = self.bills.get(number)
        if known is None:
            return BillAnswer(number, None)
        return BillAnswer(number, known.state, known.transfer_bill_no, "", known.fail_reason)


def no_unit_is_open() -> None:
    """A call must not happen inside of a unit of work."""
    with pytest.raises(RuntimeError):
        require_transaction()


def request(member: Member, fen: int, key: str = "tap") -> Withdrawal:
    return run_unit(withdrawals.request, member.id, amount_fen=fen, request_key=key, now=NOON)


def approve(row: Withdrawal, actor: Any = ADMIN, *, note: str = "") -> bool:
    return run_unit(
        withdrawals.approve, row.id, actor=actor, actor_member_id=None, now=NOON, note=note
    )


def approved(fen: int = 50_00, *, available_fen: int | None = None) -> Withdrawal:
    """An approved withdrawal of a member who has exactly this much."""
    member = make_member()
    give_available(member, fen if available_fen is None else available_fen)
    row = request(member, fen)
    assert approve(row) is True
    return row
