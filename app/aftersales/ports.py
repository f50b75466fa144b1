from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class RefundWord:
    """WeChat's word on a refund, from its answer, a query or a notice."""

    out_refund_no: str
    status: str  # SUCCESS PROCESSING ABNORMAL CLOSED
    amount_fen: int
    total_fen: int
    refund_id: str = ""
    out_trade_no: str | None = None
    mchid: str | None = None


class RefundUnclear(Exception):
    """No answer to rely on: the same number is sent again later."""


class MerchantShort(RefundUnclear):
    """The merchant account is short of money: the refund waits."""


class RefundRefused(Exception):
    """WeChat refuses this refund; `code` is its reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class RefundGateway(Protocol):
    """WeChat Pay's refunds (退款)."""

    @property
    def mchid(self) -> str: ...

    def refund(
        self,
        *,
        out_refund_no: str,
        out_trade_no: str,
        amount_fen: int,
        total_fen: int,
        reason: str,
    ) -> RefundWord:
        """Raises RefundUnclear, MerchantShort, RefundRefused."""
        ...

    def refund_state(self, out_refund_no: str) -> RefundWord | None:
        """None: WeChat does not know the number. Raises RefundUnclear."""
        ...
