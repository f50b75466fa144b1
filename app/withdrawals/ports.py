"""What withdrawals need from the world outside."""

from dataclasses import dataclass
from typing import Any, Protocol

from app.withdrawals.grant_models import GrantStatus


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


class GrantRefused(GatewayUnclear):
    """WeChat refused to make a grant; `code` is its word."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class GrantAnswer:
    """WeChat's word on a grant, from an answer, a query or a notice.

    `status` None: WeChat does not know the number.
    """

    out_authorization_no: str
    status: GrantStatus | None
    authorization_id: str = ""
    package_info: str = ""
    close_reason: str = ""
    appid: str | None = None
    openid: str | None = None


class GrantGateway(Protocol):
    """WeChat's grants to receive without confirming (免确认收款授权). `appid` is ours."""

    @property
    def appid(self) -> str: ...

    def body(self, *, out_authorization_no: str, openid: str, display_name: str) -> dict[str, Any]:
        """What will be sent for this grant, to be saved before the call."""
        ...

    def start(self, body: dict[str, Any]) -> GrantAnswer:
        """Raises GatewayUnclear, GrantRefused."""
        ...

    def query(self, out_authorization_no: str) -> GrantAnswer:
        """Raises GatewayUnclear."""
        ...

    def close(self, out_authorization_no: str) -> GrantAnswer:
        """Raises GatewayUnclear."""
        ...


class TransferGateway(Protocol):
    """WeChat's merchant transfer (商家转账). `mchid` is ours."""

    @property
    def mchid(self) -> str: ...

    @property
    def grants(self) -> GrantGateway: ...

    def body(
        self,
        *,
        out_bill_no: str,
        openid: str,
        amount_fen: int,
        remark: str,
        authorization_no: str = "",
    ) -> dict[str, Any]:
        """What will be sent for this bill, to be saved before the call.

        With the number of a grant WeChat pays it without the member's confirmation.
        """
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
