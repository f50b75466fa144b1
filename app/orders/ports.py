"""What orders need from the world outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.orders.models import Order


@dataclass(frozen=True)
class PaidNotice:
    """WeChat's word on one payment, from a verified notice or from a query."""

    out_trade_no: str
    transaction_id: str
    mchid: str
    appid: str
    amount_fen: int
    currency: str
    openid: str
    paid_at: datetime


@dataclass(frozen=True)
class PaymentState:
    """The answer to a query. `notice` is there exactly when it was paid."""

    state: str  # SUCCESS NOTPAY CLOSED REFUND, or UNKNOWN_NUMBER
    notice: PaidNotice | None = None


class PrepayRefused(Exception):
    """WeChat refused, or did not answer in time; safe to try with the same number."""


class PaymentGateway(Protocol):
    """WeChat Pay, JSAPI (微信支付). `mchid` and `appid` are ours."""

    mchid: str
    appid: str

    def prepay(
        self,
        *,
        out_trade_no: str,
        amount_fen: int,
        description: str,
        openid: str,
        expires_at: datetime,
    ) -> str:
        """The prepay id. Raises PrepayRefused."""
        ...

    def query(self, out_trade_no: str) -> PaymentState:
        """Raises PrepayRefused when there is no clear answer."""
        ...

    def close(self, out_trade_no: str) -> bool:
        """True: closed now, nobody can pay it. False: it was paid. Raises PrepayRefused."""
        ...

    def sheet(self, prepay_id: str) -> dict[str, str]:
        """The signed parameters with which the page opens the paying sheet."""
        ...


@dataclass(frozen=True)
class Trace:
    """Where a parcel was at a moment."""

    at: datetime
    text: str


class TraceProvider(Protocol):
    """Who knows where parcels are (物流轨迹); by default the rows that admins enter."""

    def traces(self, order: Order) -> Sequence[Trace]:
        """What is known of the order's parcel, the newest first; empty for nothing."""
        ...
