"""Invariants (不变式): queries that return no row on a sound book.

Each domain registers its own beside its tables; `flask ledger verify` runs all.
Codes and meanings are those of `reference/money.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from app.core.db import Rows, db
from app.ledger.models import (
    MEMBER_KINDS,
    OVERPAID_KINDS,
    POINT_KINDS,
    SIGNED_SYSTEM_KINDS,
    Account,
    Entry,
    KeptMark,
    KeptSum,
    Posting,
)

Query = Callable[[], Rows]

# How many offending rows a report shows; the count is always the whole.
SAMPLE = 5


@dataclass(frozen=True)
class Invariant:
    code: str
    meaning: str
    queries: list[Query] = field(default_factory=list)


@dataclass(frozen=True)
class InvariantResult:
    code: str
    meaning: str
    offending: int
    sample: list[str]


_registered: dict[str, Invariant] = {}


def invariant(code: str, meaning: str) -> Callable[[Query], Query]:
    """Register a query builder under `code`; several may share one code."""

    def register(query: Query) -> Query:
        known = _registered.setdefault(code, Invariant(code, meaning))
        known.queries.append(query)
        return query

    return register


def verify(*, only: str = "") -> list[InvariantResult]:
    """Run every registered invariant, or `only` the one of this code, by their codes."""
    return [_run(item) for code, item in sorted(_registered.items()) if only in ("", code)]


def _run(item: Invariant) -> InvariantResult:
    offending, sample = 0, []
    for build in item.queries:
        rows = build().subquery()
        count = db.session.scalar(sa.select(sa.func.count()).select_from(rows)) or 0
        if count:
            found = db.session.execute(sa.select(rows).limit(SAMPLE))
            sample += [", ".join(f"{k}={v}" for k, v in row._mapping.items()) for row in found]
        offending += count
    return InvariantResult(item.code, item.meaning, offending, sample[:SAMPLE])


@invariant("L1", "every posting has at least two entries and sums to 0 per asset")
def _unbalanced_postings() -> Rows:
    points = sa.case((Account.kind.in_(POINT_KINDS), Entry.amount_fen), else_=0)
    return (
        sa.select(Posting.id.label("posting"), Posting.idem_key)
        .outerjoin(Entry, Entry.posting_id == Posting.id)
        .outerjoin(Account, Account.id == Entry.account_id)
        .group_by(Posting.id, Posting.idem_key)
        .having(
            sa.or_(
                sa.func.count(Entry.id) < 2,
                sa.func.sum(Entry.amount_fen) != 0,
                sa.func.sum(points) != 0,
            )
        )
    )


@invariant("L2", "a cached balance equals the sum of its entries")
def _stale_balances() -> Rows:
    summed = sa.func.coalesce(sa.func.sum(Entry.amount_fen), 0)
    return (
        sa.select(Account.id.label("account"), Account.balance_fen, summed.label("entries_fen"))
        .outerjoin(Entry, Entry.account_id == Account.id)
        .where(Account.owner_id > 0)
        .group_by(Account.id, Account.balance_fen)
        .having(Account.balance_fen != summed)
    )


@invariant("L2", "a cached balance equals the sum of its entries")
def _stale_sums() -> Rows:
    """The sums that are kept by kind, up to their mark; a kind that lacks one as well."""
    mark = sa.select(KeptMark.upto_id).scalar_subquery()
    nothing = sa.literal(0)
    both = sa.union_all(
        sa.select(KeptSum.kind, KeptSum.amount_fen.label("kept"), nothing.label("entries")),
        sa.select(Account.kind, nothing, sa.func.sum(Entry.amount_fen))
        .join(Account, Account.id == Entry.account_id)
        .where(Entry.id <= mark)
        .group_by(Account.kind),
    ).subquery()
    kept, entries = sa.func.sum(both.c.kept), sa.func.sum(both.c.entries)
    return (
        sa.select(both.c.kind, kept.label("kept_fen"), entries.label("entries_fen"))
        .group_by(both.c.kind)
        .having(kept != entries)
    )


@invariant("L3", "no account below 0 that may not be, debt never above 0")
def _member_out_of_bounds() -> Rows:
    return sa.select(Account.id.label("account"), Account.kind, Account.balance_fen).where(
        sa.or_(
            sa.and_(Account.kind == "debt", Account.balance_fen > 0),
            sa.and_(Account.kind != "debt", Account.balance_fen < 0),
        )
    )


@invariant("L3", "no account below 0 that may not be, debt never above 0")
def _system_below_zero() -> Rows:
    summed = sa.func.sum(Entry.amount_fen)
    return (
        sa.select(Account.id.label("account"), Account.kind, summed.label("entries_fen"))
        .join(Entry, Entry.account_id == Account.id)
        .where(
            Account.owner_id == 0,
            Account.kind.not_in(SIGNED_SYSTEM_KINDS | OVERPAID_KINDS | MEMBER_KINDS),
        )
        .group_by(Account.id, Account.kind)
        .having(summed < 0)
    )
