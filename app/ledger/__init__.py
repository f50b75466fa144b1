"""The ledger (总账): the only writer of balances.

Every change of money is a posting (分录) with a unique `idem_key` made from the
business fact, and entries that sum to 0 per asset. Postings and entries never
change: triggers refuse it. See `reference/money.md` for accounts and moves.

Decisions
- Member accounts cache their balance; it moves relatively, conditionally, and
  under a CHECK. System accounts cache nothing: one hot row would make every
  order wait for the last. They are summed.
- Accounts are locked in id order before anything is written, so two postings
  over the same members wait for each other instead of dead-locking.
"""

from app.ledger.errors import InsufficientBalance
from app.ledger.invariants import Invariant, InvariantResult, invariant, verify
from app.ledger.many import post_many
from app.ledger.models import Account, AccountKind, Entry, Posting
from app.ledger.queries import (
    Wallet,
    balance_fen,
    entries_of,
    first_entries,
    held_for,
    lock_wallets,
    posting,
    postings_of,
    postings_page,
    wallet_of,
)
from app.ledger.service import Move, Ref, lock_system, member, post, system
from app.ledger.sums import balances, keep_sums, system_balance_fen

__all__ = [
    "Account",
    "AccountKind",
    "Entry",
    "InsufficientBalance",
    "Invariant",
    "InvariantResult",
    "Move",
    "Posting",
    "Wallet",
    "balance_fen",
    "balances",
    "entries_of",
    "first_entries",
    "held_for",
    "invariant",
    "keep_sums",
    "lock_system",
    "lock_wallets",
    "member",
    "post",
    "post_many",
    "posting",
    "postings_of",
    "postings_page",
    "system",
    "system_balance_fen",
    "verify",
    "wallet_of",
    "Ref",
]
