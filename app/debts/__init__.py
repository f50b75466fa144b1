"""Debts of distributors (待追回): what was clawed back beyond what they had.

Later income fills a debt first (`ledger.post_many`, `commission.following`), the oldest
part of it before the newest, so that what is left is the newest. Where it will never
come back, one admin asks to write it off and another agrees (核销): the shop bears it,
`shop` > `debt`.
"""

from app.debts.models import DebtWriteOff, WriteOffState
from app.debts.queries import BUCKETS, Aged, ageing, desk, open_requests
from app.debts.service import DebtChanged, OwnDebt, SamePerson, ShopShort, ask, decide

__all__ = [
    "BUCKETS",
    "Aged",
    "DebtChanged",
    "DebtWriteOff",
    "OwnDebt",
    "SamePerson",
    "ShopShort",
    "WriteOffState",
    "ageing",
    "ask",
    "desk",
    "decide",
    "open_requests",
]
