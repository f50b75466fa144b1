"""Writing the read model: a day at a time, whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from app.core import clock
from app.core.db import db, require_transaction, run_unit
from app.core.rows import insert_all
from app.ledger import Posting
from app.members import Member
from app.orders import Order
from app.reports.figures.facts import buyers_of, facts_of, midnight
from app.reports.figures.models import (
    MEASURES,
    SPAN_MEASURES,
    SPANNED,
    SPANS,
    DailyFigure,
    Dimension,
    FigureDay,
    FigureSpan,
    SpanFigure,
)

# What came in the last moments of a day is written a moment later.
CLOSES_AFTER = timedelta(minutes=10)
# How far back late news is looked for, beyond the last run.
LATE = timedelta(days=2)
# Postings about an order that change the day on which it was paid: a payment that
# was heard of late, goods that came back.
_CHANGES_THE_PAST = ("order_paid", "refund_approved", "refund_closed")
# What a day writes: all but months.
_BY_DAY = tuple(dimension for dimension in Dimension if dimension is not Dimension.MONTH)


@dataclass(frozen=True)
class Refreshed:
    """How many days were computed, and how many of them had been before."""

    days: int = 0
    again: int = 0


def refresh(now: datetime) -> Refreshed:
    """Compute each past day that is missing, or that later news has changed.

    A day is one transaction: dying between two leaves whole days only, and the next
    run goes on. Running twice writes the same rows.
    """
    built = set(db.session.scalars(sa.select(FigureDay.day)))
    wanted = sorted(stale(now))
    db.session.rollback()
    for day in wanted:
        run_unit(rebuild, day, now=now)
    for month in sorted({day.replace(day=1) for day in wanted}):
        run_unit(rebuild_month, month, now=now)
    _sum_spans(now)
    return Refreshed(len(wanted), len(built.intersection(wanted)))


def stale(now: datetime) -> set[date]:
    """The past days that `refresh` has to compute."""
    last = last_closed(now)
    first = first_day()
    if first is None:
        return set()
    built = {row.day: row.built_at for row in db.session.scalars(sa.select(FigureDay))}
    missing = {day for day in _days(first, last) if day not in built}
    # News is looked for from before the last run, so that none falls between two.
    since = min(now, max(built.values(), default=now)) - LATE
    for paid_at, at in db.session.execute(
        sa.select(Order.paid_at, sa.func.max(Posting.at))
        .select_from(Posting)
        .join(Order, Order.id == Posting.subject_id)
        .where(
            Posting.at >= since,
            Posting.event.in_(_CHANGES_THE_PAST),
            Posting.subject == "order",
            # Today's are not stored yet.
            Order.paid_at < midnight(last + timedelta(days=1)),
        )
        .group_by(Order.paid_at)
    ):
        if paid_at is None:
            continue
        day = clock.local(paid_at).date()
        # The clocks of two machines differ a little; computing once more harms nothing.
        if day in built and at + CLOSES_AFTER > built[day]:
            missing.add(day)
    return missing


def rebuild(day: date, *, now: datetime) -> None:
    """Compute a past day anew; its rows are replaced together."""
    require_transaction()
    if day > last_closed(now):
        raise ValueError(f"{day} is not over")
    # Two at a time would both insert: the second waits here for the first.
    if not db.session.scalar(sa.select(FigureDay).filter_by(day=day).with_for_update()):
        db.session.add(FigureDay(day=day, built_at=now))
        db.session.flush()
    facts = facts_of(day)
    # Who came is forgotten after a while, so the count of it only grows.
    whole = facts[Dimension.ALL, 0]
    whole["visitors"] = max(whole.get("visitors", 0), _visitors_before(day))
    rows = [
        dict.fromkeys(MEASURES, 0) | {"dimension": dimension, "key_id": key, "day": day} | found
        for (dimension, key), found in sorted(facts.items())
    ]
    db.session.execute(
        sa.delete(DailyFigure).where(DailyFigure.day == day, DailyFigure.dimension.in_(_BY_DAY))
    )
    for start in range(0, len(rows), 1000):
        insert_all(DailyFigure, rows[start : start + 1000])
    db.session.execute(sa.delete(FigureSpan).where(FigureSpan.first <= day, FigureSpan.last >= day))
    db.session.execute(
        sa.update(FigureDay).where(FigureDay.day == day).values(built_at=now),
        execution_options={"synchronize_session": False},
    )


def rebuild_month(month: date, *, now: datetime) -> None:
    """Count the buyers of the month that begins on this day, up to the newest closed day.

    A member who bought on two days is one buyer: months are no sums of days.
    """
    require_transaction()
    following = (month + timedelta(days=31)).replace(day=1)
    end = min(midnight(following), midnight(last_closed(now) + timedelta(days=1)))
    names = ("buyers", "first_buyers", "repeat_buyers")
    key = {"dimension": Dimension.MONTH, "day": month, "key_id": 0}
    # One at a time, as with the days.
    db.session.scalar(sa.select(FigureDay).order_by(FigureDay.day).limit(1).with_for_update())
    db.session.execute(sa.delete(DailyFigure).filter_by(**key))
    counts = dict(zip(names, buyers_of(midnight(month), end), strict=True))
    insert_all(DailyFigure, [dict.fromkeys(MEASURES, 0) | key | counts])


def _visitors_before(day: date) -> int:
    query = sa.select(DailyFigure.visitors).filter_by(dimension=Dimension.ALL, day=day, key_id=0)
    return db.session.scalar(query) or 0


def rebuild_all(first: date, last: date, *, now: datetime) -> Iterator[date]:
    """Compute every day from `first` to `last` anew, a transaction each."""
    last = min(last, last_closed(now))
    for day in _days(first, last):
        run_unit(rebuild, day, now=now)
        yield day
    for month in sorted({day.replace(day=1) for day in _days(first, last)}):
        run_unit(rebuild_month, month, now=now)
    _sum_spans(now)


def _sum_spans(now: datetime) -> None:
    """Sum the spans that are missing or end too early."""
    last = last_closed(now)
    summed = set(db.session.scalars(sa.select(FigureSpan.days).where(FigureSpan.last >= last)))
    db.session.rollback()
    for days in SPANS:
        if days not in summed:
            run_unit(rebuild_span, days, now=now)


def rebuild_span(days: int, *, now: datetime) -> None:
    """Sum the `days` that end with the newest closed one anew; nothing while it is missing."""
    require_transaction()
    last = last_closed(now)
    first = last - timedelta(days=days - 1)
    # Whoever computes one of these days anew waits, and then removes the span.
    locked = db.session.scalars(
        sa.select(FigureDay.day)
        .where(FigureDay.day.between(first, last))
        .order_by(FigureDay.day)
        .with_for_update()
    ).all()
    if last not in locked:
        return
    db.session.execute(sa.delete(FigureSpan).where(FigureSpan.days == days))
    db.session.execute(sa.delete(SpanFigure).where(SpanFigure.days == days))
    sums = [sa.func.sum(getattr(DailyFigure, name)) for name in SPAN_MEASURES]
    rows = (
        sa.select(sa.literal(days), DailyFigure.dimension, DailyFigure.key_id, *sums)
        .where(DailyFigure.dimension.in_(SPANNED), DailyFigure.day.between(first, last))
        .group_by(DailyFigure.dimension, DailyFigure.key_id)
    )
    names = ["days", "dimension", "key_id", *SPAN_MEASURES]
    db.session.execute(sa.insert(SpanFigure).from_select(names, rows))
    db.session.add(FigureSpan(days=days, first=first, last=last, built_at=now))


def last_closed(now: datetime) -> date:
    """The newest day that is over."""
    return clock.local(now - CLOSES_AFTER).date() - timedelta(days=1)


def first_day() -> date | None:
    """The day of the shop's first member; None where there is none yet."""
    moments = [
        at
        for at in (
            db.session.scalar(sa.select(sa.func.min(Member.created_at))),
            db.session.scalar(sa.select(sa.func.min(Order.paid_at))),
        )
        if at is not None
    ]
    return clock.local(min(moments)).date() if moments else None


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))
