"""What withdrawals need from the world outside."""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class BillAnswer:
    """WeChat's word on a transfer bill, from an answer, a query or a notice.

    `state` None: WeChat does not know the number.
    """

    out_bill_no: str
    state: str | None
    transfer_bill_no: str = ""
    package_info: str = ""
    fail_reason: str = ""
    amount_fen: int | None = None
    mchid: str | None = None
    openid: str | None = None


class GatewayUnclear(Exception):
    """No clear answer (time-out, 5xx, refusal): ask again, assume nothing."""


class MerchantShort(GatewayUnclear):
    """The merchant account is short of money: pause the run."""


class TransferGateway(Protocol):
    """WeChat's merchant transfer (商家转账). `mchid` is ours."""

    @property
    def mchid(self) -> str: ...

    def body(
        self, *, out_bill_no: str, openid: str, amount_fen: int, remark: str
    ) -> dict[str, Any]:
        """What will be sent for this bill, to be saved before the call."""
        ...

    def send(self, body: dict[str, Any], *, payee_name: str | None = None) -> BillAnswer:
        """Send a saved body; WeChat compares the receiver with `payee_name`, if given.

        The name is not in the body: it lies sealed beside it, and is sealed for
        WeChat anew each time. Raises GatewayUnclear, MerchantShort.
        """
        ...

    def query(self, out_bill_no: str) -> BillAnswer:
        """Raises GatewayUnclear."""
        ...

    def cancel(self, out_bill_no: str) -> BillAnswer:
        """Raises GatewayUnclear."""
        ...

    def confirm_parameters(self, package_info: str) -> dict[str, str]:
        """What the page needs to open the confirmation in WeChat."""
        ...
