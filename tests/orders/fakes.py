"""WeChat Pay as a test wants it."""

from datetime import datetime

import pytest

from app.core.db import require_transaction
from app.orders import PaidNotice, PaymentState, PrepayRefused
from tests.factories import APPID, MCHID, NOON


class FakePay:
    """Implements `orders.PaymentGateway`; keeps payments as WeChat would.

    `unclear` names the calls that give no clear answer: prepay, query, close.
    """

    mchid = MCHID
    appid = APPID

    def __init__(self) -> None:
        self.prepaid: dict[str, dict[str, object]] = {}
        self.paid: dict[str, PaidNotice] = {}
        self.closed: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.unclear: set[str] = set()

    def prepay(
        self,
        *,
        out_trade_no: str,
        amount_fen: int,
        description: str,
        openid: str,
        expires_at: datetime,
    ) -> str:
        self._called("prepay", out_trade_no)
        self.prepaid[out_trade_no] = {
            "amount_fen": amount_fen,
            "description": description,
            "openid": openid,
            "expires_at": expires_at,
        }
        return f"wx-{out_trade_no}"

    def query(self, out_trade_no: str) -> PaymentState:
        self._called("query", out_trade_no)
        if out_trade_no in self.paid:
            return PaymentState("SUCCESS", self.paid[out_trade_no])
        if out_trade_no in self.closed:
            return PaymentState("CLOSED")
        if out_trade_no in self.prepaid:
            return PaymentState("NOTPAY")
        return PaymentState("UNKNOWN_NUMBER")

    def close(self, out_trade_no: str) -> bool:
        self._called("close", out_trade_no)
        if out_trade_no in self.paid:
            return False
        self.closed.add(out_trade_no)
        return True

    def sheet(self, prepay_id: str) -> dict[str, str]:
        return {"package": f"prepay_id={prepay_id}"}

    def pay(self, out_trade_no: str, **changed: object) -> PaidNotice:
        """The person pays at WeChat; we hear of it by what a query says."""
        facts = self.prepaid[out_trade_no]
        self.paid[out_trade_no] = PaidNotice(
            **{
                "out_trade_no": out_trade_no,
                "transaction_id": f"42{out_trade_no[-12:]}",
                "mchid": MCHID,
                "appid": APPID,
                "amount_fen": facts["amount_fen"],
                "currency": "CNY",
                "openid": facts["openid"],
                "paid_at": NOON,
                **changed,
            }
        )
        return self.paid[out_trade_no]

    def _called(self, name: str, number: str) -> None:
        with pytest.raises(RuntimeError):
            # No network inside of a unit of work.
            require_transaction()
        self.calls.append((name, number))
        if name in self.unclear:
            raise PrepayRefused(f"{name} timed out")
