from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from app.core import clock
from app.core.db import Rows, db
from app.orders.models import Payment
from app.reconciliation.models import (
    BillFile,
    Break,
    BreakKind,
    DayState,
    ReconciledDay,
)

# WeChat has the bill of a day from about then on, and keeps it for three months.
READY_HOUR = 10
KEPT_DAYS = 90
# Of what is still under way, or open, so many days are looked at again.
AGAIN_DAYS = 10
DAYS_A_RUN = 14


def newest_day(now: datetime) -> date:
    """The newest day whose bill WeChat has by now."""
    local = clock.local(now)
    return local.date() - timedelta(days=1 if local.hour >= READY_HOUR else 2)


def due_days(now: datetime) -> list[date]:
    """Days to reconcile, oldest first: missed ones, and those not at their end."""
    newest = newest_day(now)
    began = db.session.scalar(sa.select(sa.func.min(Payment.created_at)))
    if began is None:
        return []
    first = max(clock.local(began).date(), newest - timedelta(days=KEPT_DAYS))
    known = {
        row.day: row
        for row in db.session.scalars(
            sa.select(ReconciledDay).where(ReconciledDay.day.between(first, newest))
        )
    }
    days = [first + timedelta(days=number) for number in range((newest - first).days + 1)]
    return [
        day
        for day in days
        if day not in known
        or known[day].state is DayState.REFUSED
        or (
            (known[day].in_flight or known[day].state is DayState.BREAKS)
            and day > newest - timedelta(days=AGAIN_DAYS)
        )
    ][:DAYS_A_RUN]


def desk_days(
    *, state: DayState | None = None, since: date | None = None, until: date | None = None
) -> Rows:
    """Days that were looked at, from `since` to `until`, as the panel's list reads them."""
    query: Rows = sa.select(ReconciledDay)
    if state is not None:
        query = query.where(ReconciledDay.state == state)
    if since is not None:
        query = query.where(ReconciledDay.day >= since)
    if until is not None:
        query = query.where(ReconciledDay.day <= until)
    return query


def files_of(days: Sequence[date]) -> dict[date, list[BillFile]]:
    found: dict[date, list[BillFile]] = {day: [] for day in days}
    for row in db.session.scalars(
        sa.select(BillFile).where(BillFile.day.in_(days)).order_by(BillFile.id)
    ):
        found[row.day].append(row)
    return found


def desk_breaks(
    *,
    is_closed: bool,
    kind: BreakKind | None = None,
    day: date | None = None,
    number: str = "",
) -> Rows:
    """Breaks that a person must look at, or has looked at, as the panel's list reads them.

    `number` is a part of our number or of WeChat's.
    """
    query: Rows = sa.select(Break)
    query = query.where(Break.closed_at.is_not(None) if is_closed else Break.closed_at.is_(None))
    if kind is not None:
        query = query.where(Break.kind == kind)
    if day is not None:
        query = query.where(Break.day == day)
    if number:
        query = query.where(
            sa.or_(
                Break.reference.contains(number, autoescape=True),
                Break.wx_number.contains(number, autoescape=True),
            )
        )
    return query


def open_breaks(day: date | None = None) -> int:
    query = sa.select(sa.func.count()).select_from(Break).where(Break.closed_at.is_(None))
    return db.session.scalar(query if day is None else query.where(Break.day == day)) or 0


def waiting() -> tuple[int, datetime | None]:
    """How many breaks wait for a person, and since when the oldest does."""
    count, oldest = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(Break.found_at)).where(Break.closed_at.is_(None))
    ).one()
    return count, oldest
