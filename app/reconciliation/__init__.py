"""Reconciliation with WeChat (微信对账): bills, requests and books must say the same.

- `processes`: the bills of a day are fetched, checked and matched; `recover` brings a
  restored backup up to what WeChat knows.
- `reading` (pure): a file is whole by its hash, its foot and the account's balance, or
  none of it is taken. `importing` stores it chunk by chunk.
- `matching`: three ways and in sets; from the bill to us and from us to the bill.
- `service`: what disagrees is a break, which closes itself once it agrees, or by a
  person with a reason. Breaks lock payouts; two people unlock them once none is open.

WeChat's fees, top-ups and the merchant's own withdrawals are shown with a day but are
not in our books, so they are matched with nothing.
"""

from app.reconciliation.errors import (
    BillNotReady,
    BillRefused,
    BillUnclear,
    BreaksOpen,
    DaysMissing,
)
from app.reconciliation.importing import Superseded
from app.reconciliation.models import (
    BillFile,
    BillKind,
    BillRow,
    Break,
    BreakKind,
    DayState,
    FileState,
    ReconciledDay,
    Sort,
)
from app.reconciliation.ports import BillSource, RawBill
from app.reconciliation.processes import Recovered, reconcile, recover
from app.reconciliation.queries import (
    desk_breaks,
    desk_days,
    due_days,
    files_of,
    open_breaks,
    waiting,
)
from app.reconciliation.service import close_break, days_missing, keep, unlock

__all__ = [
    "BillFile",
    "BillKind",
    "BillNotReady",
    "BillRefused",
    "BillRow",
    "BillSource",
    "BillUnclear",
    "Break",
    "BreakKind",
    "BreaksOpen",
    "DayState",
    "DaysMissing",
    "FileState",
    "RawBill",
    "ReconciledDay",
    "Recovered",
    "Sort",
    "Superseded",
    "close_break",
    "days_missing",
    "desk_breaks",
    "desk_days",
    "due_days",
    "files_of",
    "keep",
    "open_breaks",
    "reconcile",
    "recover",
    "unlock",
    "waiting",
]
