"""WeChat Pay behind the ports of the domains: what it was told it keeps.

Kept in a file it outlives a process that is killed, and several processes speak to
the same WeChat. What goes wrong is asked of `mishap`: in a simulation it is drawn
from the seed, in a story nothing does.
"""

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import current_app

from app.aftersales import RefundUnclear, RefundWord
from app.orders import PaidNotice, PaymentState, PrepayRefused
from app.withdrawals import BillAnswer, GatewayUnclear, GrantGateway

MCHID, APPID = "1900000001", "wxsimulated"
UNCLEAR, LOST = "unclear", "lost"  # the call did not arrive; its answer did not

Mishap = Callable[[str], str]
Kept = dict[str, dict[str, dict[str, Any]]]


def all_well(_call: str) -> str:
    """Every call arrives and is answered."""
    return ""


class Book:
    """What WeChat knows of payments, refunds and bills, by our numbers."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._kept: Kept = {"payments": {}, "refunds": {}, "bills": {}}
        if path is not None:
            path.write_text(json.dumps(self._kept))

    @contextmanager
    def open(self) -> Iterator[Kept]:
        """The book, ours alone until the block ends; what it then holds stays."""
        if self._path is None:
            yield self._kept
            return
        with self._path.open("r+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            kept: Kept = json.load(handle)
            yield kept
            handle.seek(0)
            handle.truncate()
            json.dump(kept, handle)


class Gateway:
    """What the three gateways have in common. `mchid` and `appid` are the shop's."""

    mchid = MCHID
    appid = APPID

    def __init__(self, book: Book, mishap: Mishap) -> None:
        self._book = book
        self._mishap = mishap


class Payments(Gateway):
    """Implements `orders.PaymentGateway`."""

    def prepay(
        self,
        *,
        out_trade_no: str,
        amount_fen: int,
        description: str,
        openid: str,
        expires_at: datetime,
    ) -> str:
        if self._mishap("prepay"):
            raise PrepayRefused("timed out")
        with self._book.open() as kept:
            kept["payments"].setdefault(
                out_trade_no, {"state": "NOTPAY", "amount_fen": amount_fen, "openid": openid}
            )
        return f"wx-{out_trade_no}"

    def query(self, out_trade_no: str) -> PaymentState:
        if self._mishap("query_payment"):
            raise PrepayRefused("timed out")
        with self._book.open() as kept:
            known = kept["payments"].get(out_trade_no)
        if known is None:
            return PaymentState("UNKNOWN_NUMBER")
        is_paid = known["state"] == "SUCCESS"
        return PaymentState(known["state"], _notice(out_trade_no, known) if is_paid else None)

    def close(self, out_trade_no: str) -> bool:
        if self._mishap("close"):
            raise PrepayRefused("timed out")
        with self._book.open() as kept:
            known = kept["payments"].setdefault(out_trade_no, {"state": "NOTPAY"})
            if known["state"] == "SUCCESS":
                return False
            known["state"] = "CLOSED"
        return True

    def sheet(self, prepay_id: str) -> dict[str, str]:
        return {"package": f"prepay_id={prepay_id}"}

    def paid(self, out_trade_no: str, *, now: datetime) -> PaidNotice | None:
        """The person pays; WeChat's notice of it, None where it cannot be paid."""
        with self._book.open() as kept:
            known = kept["payments"].get(out_trade_no)
            if known is None or known["state"] == "CLOSED":
                return None
            if known["state"] == "NOTPAY":
                known |= {"state": "SUCCESS", "paid_at": now.isoformat()}
            return _notice(out_trade_no, known)

    def late_money(self, out_trade_no: str, *, openid: str, fen: int, now: datetime) -> PaidNotice:
        """A payment that ended while the close was under way: it counts, all the same."""
        with self._book.open() as kept:
            kept["payments"][out_trade_no] = {
                "state": "SUCCESS",
                "amount_fen": fen,
                "openid": openid,
                "paid_at": now.isoformat(),
            }
            return _notice(out_trade_no, kept["payments"][out_trade_no])


def _notice(out_trade_no: str, known: dict[str, Any]) -> PaidNotice:
    return PaidNotice(
        out_trade_no=out_trade_no,
        transaction_id=f"42{out_trade_no}",
        mchid=MCHID,
        appid=APPID,
        amount_fen=known["amount_fen"],
        currency="CNY",
        openid=known["openid"],
        paid_at=datetime.fromisoformat(known["paid_at"]),
    )


class Refunds(Gateway):
    """Implements `aftersales.RefundGateway`."""

    def refund(
        self, *, out_refund_no: str, out_trade_no: str, amount_fen: int, total_fen: int, reason: str
    ) -> RefundWord:
        mishap = self._mishap("refund")
        if mishap == UNCLEAR:
            raise RefundUnclear("timed out")
        with self._book.open() as kept:
            known = kept["refunds"].setdefault(
                out_refund_no,
                {
                    "status": "PROCESSING",
                    "amount_fen": amount_fen,
                    "total_fen": total_fen,
                    "refund_id": f"50{out_refund_no}",
                    "out_trade_no": out_trade_no,
                },
            )
            if known["status"] == "ABNORMAL":
                known["status"] = "PROCESSING"
            word = RefundWord(out_refund_no, **known)
        if mishap == LOST:
            raise RefundUnclear("answer lost")
        return word

    def refund_state(self, out_refund_no: str) -> RefundWord | None:
        if self._mishap("query_refund"):
            raise RefundUnclear("timed out")
        with self._book.open() as kept:
            known = kept["refunds"].get(out_refund_no)
        return RefundWord(out_refund_no, **known) if known else None

    def end(self, out_refund_no: str, status: str) -> RefundWord | None:
        """The refund ends at WeChat; its notice, None where WeChat never heard of it."""
        with self._book.open() as kept:
            known = kept["refunds"].get(out_refund_no)
            if known is None:
                return None
            if known["status"] == "PROCESSING":
                known["status"] = status
            return RefundWord(out_refund_no, **known)


class Transfers(Gateway):
    """Implements `withdrawals.TransferGateway`; the shop offers no grants."""

    @property
    def grants(self) -> GrantGateway:
        raise NotImplementedError

    def body(
        self,
        *,
        out_bill_no: str,
        openid: str,
        amount_fen: int,
        remark: str,
        authorization_no: str = "",
    ) -> dict[str, Any]:
        return {"out_bill_no": out_bill_no, "openid": openid, "transfer_amount": amount_fen}

    def send(self, body: dict[str, Any], *, payee_name: str | None = None) -> BillAnswer:
        mishap = self._mishap("transfer")
        if mishap == UNCLEAR:
            raise GatewayUnclear("timed out")
        number = body["out_bill_no"]
        with self._book.open() as kept:
            known = kept["bills"].setdefault(number, {"state": "WAIT_USER_CONFIRM", **body})
            answer = _answer(number, known, package=f"package-{number}")
        if mishap == LOST:
            raise GatewayUnclear("answer lost")
        return answer

    def query(self, out_bill_no: str) -> BillAnswer:
        if self._mishap("query_transfer"):
            raise GatewayUnclear("timed out")
        with self._book.open() as kept:
            known = kept["bills"].get(out_bill_no)
        return _answer(out_bill_no, known) if known else BillAnswer(out_bill_no, None)

    def cancel(self, out_bill_no: str) -> BillAnswer:
        if self._mishap("cancel_transfer"):
            raise GatewayUnclear("timed out")
        with self._book.open() as kept:
            known = kept["bills"][out_bill_no]
            if known["state"] == "WAIT_USER_CONFIRM":
                known["state"] = "CANCELING"
            return _answer(out_bill_no, known)

    def confirm_parameters(self, package_info: str) -> dict[str, str]:
        return {"package": package_info}

    def end(self, out_bill_no: str, state: str) -> BillAnswer | None:
        """The bill ends at WeChat; its notice, None where WeChat never heard of it."""
        with self._book.open() as kept:
            known = kept["bills"].get(out_bill_no)
            if known is None:
                return None
            if known["state"] == "CANCELING":
                known["state"] = "CANCELLED"
            elif known["state"] == "WAIT_USER_CONFIRM":
                known["state"] = state
            return _answer(out_bill_no, known)


def _answer(number: str, known: dict[str, Any], *, package: str = "") -> BillAnswer:
    return BillAnswer(
        number,
        known["state"],
        transfer_bill_no=f"13{number}",
        package_info=package,
        fail_reason="PAYEE_ACCOUNT_ABNORMAL" if known["state"] == "FAIL" else "",
        amount_fen=known["transfer_amount"],
        mchid=MCHID,
        openid=known["openid"],
    )


class WeChat:
    """What stands in the place of `app.wechat.WeChat` while a simulation runs."""

    def __init__(self, book: Book, mishap: Mishap = all_well) -> None:
        self.pay = Payments(book, mishap)
        self.refunds = Refunds(book, mishap)
        self.transfers = Transfers(book, mishap)

    @contextmanager
    def in_its_place(self) -> Iterator[None]:
        """The running app speaks to this one inside the block."""
        before = current_app.extensions["wechat"]
        current_app.extensions["wechat"] = self
        try:
            yield
        finally:
            current_app.extensions["wechat"] = before
