"""Who owes how much, and since when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.core.db import Rows, db
from app.debts.models import DebtWriteOff, WriteOffState
from app.ledger import Account, AccountKind, Entry, Posting
from app.members import Member

# The last day of each age but the last, in days.
BUCKETS = (30, 90, 180)


@dataclass(frozen=True)
class Aged:
    """What is owed, in fen, by age: up to 30, 90, 180 days, and longer; the oldest's day."""

    by_age: tuple[int, ...] = (0, 0, 0, 0)
    oldest_at: datetime | None = None

    @property
    def total_fen(self) -> int:
        return sum(self.by_age)

    def __add__(self, other: "Aged") -> "Aged":
        days = [at for at in (self.oldest_at, other.oldest_at) if at is not None]
        both = zip(self.by_age, other.by_age, strict=True)
        return Aged(tuple(a + b for a, b in both), min(days, default=None))


def desk(*, among: Rows | None = None, is_asked: bool | None = None) -> Rows:
    """Debt accounts that are not empty, as the panel's list reads them.

    `among` has the members who are meant; `is_asked` keeps the debts that somebody asked
    to let go, or the others.
    """
    query: Rows = sa.select(Account)
    query = query.where(Account.kind == AccountKind.DEBT, Account.balance_fen < 0)
    if among is not None:
        query = query.where(Account.owner_id.in_(among.with_only_columns(Member.id)))
    if is_asked is not None:
        asked = sa.exists().where(DebtWriteOff.open_member_id == Account.owner_id)
        query = query.where(asked if is_asked else ~asked)
    return query


def ageing(now: datetime, *, member_ids: Iterable[int] | None = None) -> dict[int, Aged]:
    """By member, what is owed by age; of all who owe, or of these.

    Income fills the oldest part first: what is left are the newest claw-backs that sum
    to the balance.
    """
    later = sa.func.sum(-Entry.amount_fen).over(
        partition_by=Entry.account_id, order_by=Entry.id.desc()
    )
    query = (
        sa.select(
            Account.owner_id,
            Account.balance_fen,
            Posting.at,
            Entry.amount_fen,
            later.label("up_to_here"),
        )
        .join(Entry, Entry.account_id == Account.id)
        .join(Posting, Posting.id == Entry.posting_id)
        .where(Account.kind == AccountKind.DEBT, Account.balance_fen < 0, Entry.amount_fen < 0)
    )
    if member_ids is not None:
        query = query.where(Account.owner_id.in_(set(member_ids)))
    found: dict[int, Aged] = {}
    for member_id, balance, at, amount, up_to_here in db.session.execute(query):
        left = min(-amount, -balance - (int(up_to_here) + amount))
        if left > 0:
            found[member_id] = found.get(member_id, Aged()) + _one(left, at, now)
    return found


def open_requests(member_ids: Iterable[int]) -> dict[int, DebtWriteOff]:
    """What waits for a second admin, by member."""
    rows: Sequence[DebtWriteOff] = db.session.scalars(
        sa.select(DebtWriteOff).where(
            DebtWriteOff.member_id.in_(set(member_ids)), DebtWriteOff.state == WriteOffState.ASKED
        )
    ).all()
    return {row.member_id: row for row in rows}


def _one(fen: int, at: datetime, now: datetime) -> Aged:
    days = (now - at).days
    place = sum(days > last for last in BUCKETS)
    return Aged(tuple(fen if n == place else 0 for n in range(len(BUCKETS) + 1)), at)
