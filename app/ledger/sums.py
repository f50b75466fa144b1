"""What the accounts of each kind hold together, without adding up years of entries (累计).

Sums are kept up to a mark; whoever asks adds what lies behind it. The mark moves to an
entry that was the newest one some minutes ago, so that every statement which had taken
an id below it is over; the entries of a unit of work that is still open are waited for.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from app.core.db import db, require_transaction
from app.core.rows import add_once, lock_rows
from app.ledger.models import Account, AccountKind, Entry, KeptMark, KeptSum

# Longer than any statement that writes entries.
AGE = timedelta(minutes=5)
_MARK = 1

_KIND_SUMS = (
    sa.select(Account.kind, sa.func.sum(Entry.amount_fen).label("amount_fen"))
    .join(Account, Account.id == Entry.account_id)
    .group_by(Account.kind)
)


def balances() -> dict[AccountKind, int]:
    """What all accounts of each kind hold together, in fen (of points: points).

    One statement: the mark may move between two.
    """
    mark = sa.select(KeptMark.upto_id).where(KeptMark.id == _MARK).scalar_subquery()
    behind = _KIND_SUMS.where(Entry.id > sa.func.coalesce(mark, 0))
    found: dict[AccountKind, int] = {}
    for kind, amount in db.session.execute(
        sa.union_all(sa.select(KeptSum.kind, KeptSum.amount_fen), behind)
    ):
        found[kind] = found.get(kind, 0) + int(amount)
    return found


def system_balance_fen(kind: AccountKind) -> int:
    """What a system account holds; of such a kind there is one."""
    return balances().get(kind, 0)


def keep_sums(now: datetime) -> int:
    """Move the mark to what was the newest entry at the last call; return how many entries."""
    require_transaction()
    newest = db.session.scalar(sa.select(sa.func.max(Entry.id))) or 0
    marks = lock_rows(KeptMark, [_MARK])
    if not marks:
        add_once(KeptMark(id=_MARK, upto_id=0, seen_id=newest, seen_at=now))
        return 0
    mark = marks[0]
    if now - mark.seen_at < AGE:
        return 0
    span = (Entry.id > mark.upto_id, Entry.id <= mark.seen_id)
    # Nothing but a lock waits for an entry whose unit of work is open, and a lock on what
    # is added up would hold those who book.
    entries = db.session.scalar(
        sa.select(sa.func.count()).select_from(Entry).where(*span).with_for_update(read=True)
    )
    kept = {row.kind: row for row in db.session.scalars(sa.select(KeptSum))}
    for kind, amount in db.session.execute(_KIND_SUMS.where(*span)).all():
        if kind in kept:
            kept[kind].amount_fen += int(amount)
        else:
            db.session.add(KeptSum(kind=kind, amount_fen=int(amount)))
    mark.upto_id, mark.seen_id, mark.seen_at = mark.seen_id, newest, now
    return entries or 0
