"""Withdrawals (提现): money leaves exactly once, to the right person.

- `service`: a member asks, the amount freezes at once; admins approve (two above
  a limit, never one's own) or refuse.
- `payout`: one transfer bill (转账单) at a time. Its number and body are saved and
  committed before WeChat is called; an unclear answer makes the withdrawal
  `unknown`, with its money frozen, until a query says what happened. A new bill
  is made only after a queried failure.
- `payees`, `channels`: to whom and by which way, each way with its terms. What goes to
  bank cards and Alipay is paid by hand: `byhand` gathers approved withdrawals in
  batches, with vouchers (`vouchers`); a returned payment (退票) is a second person's act.
- `grants`, `granting`: who let WeChat take transfers without asking (免确认收款) is paid so.
  A bill that fails because its grant was closed goes on as an ordinary one, once.
- `locks`: no money leaves while the books do not agree, until two people unlock it.
- `withholding`: tax across the withdrawals of a person; `rules`: how much, how often.
- Approved money waits for the payout job; the member confirms in WeChat.
"""

from app.withdrawals import (
    batches,
    byhand,
    channels,
    granting,
    grants,
    locks,
    payees,
    rules,
    vouchers,
    withholding,
)
from app.withdrawals.errors import (
    IdentityNeeded,
    NameNeeded,
    PayoutsLocked,
    PayoutsNotLocked,
    SameUnlocker,
)
from app.withdrawals.grant_models import GrantStatus, TransferGrant
from app.withdrawals.models import (
    BY_HAND,
    TRANSITIONS,
    BillState,
    Channel,
    LockCause,
    PayoutLock,
    TransferBill,
    Withdrawal,
    WithdrawalStatus,
    Withholding,
)
from app.withdrawals.payee_models import (
    LineState,
    PayeeAccount,
    PayoutBatch,
    PayoutLine,
    PayoutVoucher,
    WithdrawalPayee,
)
from app.withdrawals.payout import (
    begin_cancel,
    bill_to_send,
    bills_to_query,
    prepare_bill,
    report,
    unclear,
)
from app.withdrawals.ports import (
    BillAnswer,
    GatewayUnclear,
    GrantAnswer,
    GrantGateway,
    GrantRefused,
    MerchantShort,
    TransferGateway,
)
from app.withdrawals.processes import ask, cancel_bill, pay, send
from app.withdrawals.queries import (
    bills_of,
    counts_by_status,
    current_bill,
    desk_withdrawals,
    due_to_pay,
    lost_its_grant,
    numbers_by_id,
    numbers_of,
    preview_for,
    withdrawal_by_number,
    withdrawal_of,
    withdrawals_of,
    withdrawals_page,
)
from app.withdrawals.reasons import reason_of
from app.withdrawals.remittance_models import RemittanceState, TaxRemittance
from app.withdrawals.service import Preview, approve, cancel, preview, reject, request

__all__ = [
    "BY_HAND",
    "TRANSITIONS",
    "BillAnswer",
    "BillState",
    "Channel",
    "GatewayUnclear",
    "GrantAnswer",
    "GrantGateway",
    "GrantRefused",
    "GrantStatus",
    "IdentityNeeded",
    "LineState",
    "LockCause",
    "MerchantShort",
    "NameNeeded",
    "PayeeAccount",
    "PayoutBatch",
    "PayoutLine",
    "PayoutLock",
    "PayoutVoucher",
    "PayoutsLocked",
    "PayoutsNotLocked",
    "Preview",
    "RemittanceState",
    "SameUnlocker",
    "TaxRemittance",
    "TransferBill",
    "TransferGateway",
    "TransferGrant",
    "Withdrawal",
    "WithdrawalPayee",
    "WithdrawalStatus",
    "Withholding",
    "approve",
    "ask",
    "batches",
    "begin_cancel",
    "bill_to_send",
    "bills_of",
    "bills_to_query",
    "byhand",
    "cancel",
    "cancel_bill",
    "channels",
    "counts_by_status",
    "current_bill",
    "due_to_pay",
    "granting",
    "grants",
    "locks",
    "lost_its_grant",
    "numbers_by_id",
    "numbers_of",
    "pay",
    "payees",
    "prepare_bill",
    "preview",
    "preview_for",
    "reason_of",
    "reject",
    "remitting",
    "report",
    "request",
    "rules",
    "send",
    "unclear",
    "vouchers",
    "withdrawal_by_number",
    "withdrawal_of",
    "withdrawals_of",
    "desk_withdrawals",
    "withdrawals_page",
    "withholding",
]
