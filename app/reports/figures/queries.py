"""Reading the figures: stored days, and today as it is by now."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.commission import Commission
from app.core import brief, clock
from app.core.db import db
from app.distribution import Distributor
from app.interests import VisitorDay
from app.ledger import Posting
from app.members import Member
from app.orders import Order
from app.reports.figures.facts import Part, facts_of, midnight, parts_of
from app.reports.figures.models import (
    MEASURES,
    SPAN_MEASURES,
    SPANNED,
    SPANS,
    DailyFigure,
    Dimension,
    FigureSpan,
    SpanFigure,
)
from app.withdrawals import Withdrawal


@dataclass(frozen=True)
class Sums:
    """What a span of days, or one day, brought; money in fen. See `DailyFigure`."""

    orders: int = 0
    units: int = 0
    sales_fen: int = 0
    cost_fen: int = 0
    buyers: int = 0
    first_buyers: int = 0
    repeat_buyers: int = 0
    returned_fen: int = 0
    returned_units: int = 0
    refunds: int = 0
    refunds_fen: int = 0
    visitors: int = 0
    members: int = 0
    distributors: int = 0
    scans: int = 0
    follows: int = 0
    binds: int = 0
    referred_orders: int = 0
    settled_orders: int = 0
    commissions_fen: int = 0
    reversed_fen: int = 0
    settled_fen: int = 0
    withdrawals: int = 0
    withdrawn_fen: int = 0
    tax_fen: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, name) + getattr(other, name) for name in MEASURES))

    @property
    def per_order_fen(self) -> int | None:
        return self.sales_fen // self.orders if self.orders else None

    @property
    def net_fen(self) -> int:
        """Sales without what came back of them."""
        return self.sales_fen - self.returned_fen

    @property
    def return_bps(self) -> int | None:
        """What came back of the sales, in basis points of them."""
        return self.returned_fen * 10_000 // self.sales_fen if self.sales_fen else None

    @property
    def returning_bps(self) -> int | None:
        """Buyers who had bought before the day, in basis points of the day's buyers."""
        return self.returning_buyers * 10_000 // self.buyers if self.buyers else None

    @property
    def returning_buyers(self) -> int:
        """Buyers who had bought before the day."""
        return self.buyers - self.first_buyers

    @property
    def repeat_bps(self) -> int | None:
        """Buyers who paid twice or more, in basis points of all."""
        return self.repeat_buyers * 10_000 // self.buyers if self.buyers else None

    @property
    def commission_bps(self) -> int | None:
        """What commissions cost, in basis points of the sales."""
        cost = self.commissions_fen - self.reversed_fen
        return cost * 10_000 // self.sales_fen if self.sales_fen else None


@dataclass(frozen=True)
class Moment:
    """A figure of today so far, beside the same hours of yesterday and of a week ago."""

    today: int
    yesterday: int
    last_week: int

    @property
    def to_yesterday(self) -> int | None:
        """The change in whole percent; None where there was nothing."""
        return percent(self.today, self.yesterday)

    @property
    def to_last_week(self) -> int | None:
        return percent(self.today, self.last_week)


def percent(now: int, before: int) -> int | None:
    """How `now` differs from `before`, in whole percent towards 0; None without a before."""
    if not before:
        return None
    # Towards 0: a fall of half a percent is not one of a whole percent.
    change = (abs(now - before)) * 100 // before
    return change if now >= before else -change


def days_of(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def by_day(
    first: date,
    last: date,
    *,
    now: datetime,
    dimension: Dimension = Dimension.ALL,
    key_id: int = 0,
    measures: Sequence[str] = MEASURES,
) -> dict[date, Sums]:
    """What each day from `first` to `last` brought, the oldest first.

    `measures` are those that are read; the others stay 0.
    """
    found = dict.fromkeys(days_of(first, last), Sums())
    columns = [getattr(DailyFigure, name) for name in measures]
    for day, *values in db.session.execute(
        sa.select(DailyFigure.day, *columns).where(
            DailyFigure.dimension == dimension,
            DailyFigure.key_id == key_id,
            DailyFigure.day.between(first, last),
        )
    ):
        found[day] = Sums(**dict(zip(measures, values, strict=True)))
    for live in _live(first, last, now):
        row = live.rows(dimension, measures).get(key_id, {})
        found[live.day] = Sums(**{name: row.get(name, 0) for name in measures})
    return found


def total(first: date, last: date, *, now: datetime, measures: Sequence[str] = MEASURES) -> Sums:
    """What the days from `first` to `last` brought to the shop."""
    return sum(by_day(first, last, now=now, measures=measures).values(), Sums())


def by_key(
    dimension: Dimension,
    first: date,
    last: date,
    *,
    now: datetime,
    order: str = "sales_fen",
    limit: int | None = None,
    measures: Sequence[str] = MEASURES,
    keys: Sequence[int] | None = None,
) -> list[tuple[int, Sums]]:
    """What a span brought each of a kind, or of these `keys`, the most of `order` first.

    `measures` are those that are read; the others stay 0.
    """
    stored = _stored(dimension, first, last, order, measures, now)
    live = {
        key: row
        for day in _live(first, last, now)
        for key, row in day.rows(dimension, {order, *measures}).items()
        if keys is None or key in keys
    }
    found: dict[int, Sums] = defaultdict(Sums)

    def read(rows: Any) -> None:
        for key, *values in db.session.execute(rows):
            found[key] = Sums(**{n: int(v) for n, v in zip(measures, values, strict=True)})

    if keys is not None:
        read(stored.of(keys))
    elif limit is None:
        read(stored.rows)
    else:
        read(stored.rows.order_by(sa.desc(order)).limit(limit))
        bar, floor = _bar(live, found, order, limit)
        if wanted := [key for key in live if key not in found]:
            read(stored.of(wanted, at_least=floor))
        live = {k: row for k, row in live.items() if k in found or row.get(order, 0) >= bar}
    for key, row in live.items():
        found[key] += Sums(**{name: row.get(name, 0) for name in measures})
    ranked = sorted(found.items(), key=lambda item: (-getattr(item[1], order), item[0]))
    return ranked[:limit]


def _bar(
    live: Mapping[int, Mapping[str, int]], leaders: Mapping[int, Sums], order: str, limit: int
) -> tuple[int, int]:
    """What one must have in all to be among the first `limit`, and before today at least.

    Thousands sell today and few lead: whoever is not among the stored `leaders` gains at
    most what the best of the others gains today.
    """
    sums = {key: row.get(order, 0) for key, row in live.items()}
    most = max((fen for key, fen in sums.items() if key not in leaders), default=0)
    for key, row in leaders.items():
        sums[key] = sums.get(key, 0) + getattr(row, order)
    bar = heapq.nlargest(limit, sums.values())[-1] if len(sums) >= limit else 0
    return bar, bar - most


@dataclass(frozen=True)
class _Stored:
    """The stored sums of a span by key, and the sum that ranks them."""

    rows: Any
    key: Any
    by: Any
    is_summed: bool

    def of(self, keys: Sequence[int], *, at_least: int | None = None) -> Any:
        rows = self.rows.where(self.key.in_(keys))
        if at_least is None:
            return rows
        return (rows.where if self.is_summed else rows.having)(self.by >= at_least)


def kept_days(first: date, last: date, now: datetime) -> int | None:
    """How many days before today are kept summed of this span; None where they are not."""
    days = (last - first).days
    if days not in SPANS or last != clock.local(now).date():
        return None
    kept = db.session.scalar(sa.select(FigureSpan.first).filter_by(days=days))
    return days if kept == first else None


def _stored(
    dimension: Dimension,
    first: date,
    last: date,
    order: str,
    measures: Sequence[str],
    now: datetime,
) -> _Stored:
    """The sums as they are kept for spans that end today, else those of the days."""
    days = None
    if dimension in SPANNED and {order, *measures} <= set(SPAN_MEASURES):
        days = kept_days(first, last, now)
    if days is not None:
        columns = [getattr(SpanFigure, name) for name in measures]
        rows = sa.select(SpanFigure.key_id, *columns).filter_by(days=days, dimension=dimension)
        return _Stored(rows, SpanFigure.key_id, getattr(SpanFigure, order), is_summed=True)
    sums = {name: sa.func.sum(getattr(DailyFigure, name)) for name in measures}
    rows = (
        sa.select(DailyFigure.key_id, *(total.label(name) for name, total in sums.items()))
        .where(DailyFigure.dimension == dimension, DailyFigure.day.between(first, last))
        .group_by(DailyFigure.key_id)
    )
    return _Stored(rows, DailyFigure.key_id, sums[order], is_summed=False)


class Live:
    """A day that is not stored (实时), added up from the facts part by part as it is asked for.

    Each part is cut off at the same moment, so that they agree with one another.
    """

    def __init__(self, day: date, until: datetime) -> None:
        self.day = day
        self.until = until
        self._parts: dict[Part, dict[Dimension, dict[int, dict[str, int]]]] = {}

    def rows(self, dimension: Dimension, measures: Iterable[str]) -> dict[int, dict[str, int]]:
        """By key, these measures of a dimension and whatever is found along with them."""
        found: dict[int, dict[str, int]] = {}
        for part in parts_of(dimension, measures):
            for key, row in self._of(part).get(dimension, {}).items():
                mine = found.setdefault(key, {})
                for name, number in row.items():
                    mine[name] = mine.get(name, 0) + number
        return found

    def _of(self, part: Part) -> dict[Dimension, dict[int, dict[str, int]]]:
        if part not in self._parts:
            split: dict[Dimension, dict[int, dict[str, int]]] = defaultdict(dict)
            for (dimension, key), row in facts_of(
                self.day, until=self.until, parts=(part,)
            ).items():
                split[dimension][key] = row
            self._parts[part] = split
        return self._parts[part]


def today(now: datetime) -> Live:
    """What today brought so far, as of at most half a minute ago."""
    day = clock.local(now).date()
    # What came at this very moment as well.
    until = now + timedelta(microseconds=1)
    return brief.current().get(("figures", day), lambda: Live(day, until), times=10)


def _live(first: date, last: date, now: datetime) -> Iterator[Live]:
    """The days of a span that are not stored yet: today, and yesterday around midnight."""
    this = clock.local(now).date()
    if first <= this <= last:
        yield today(now)
    before = this - timedelta(days=1)
    if first <= before <= last and not _is_stored(before):
        yield brief.current().get(
            ("figures", before), lambda: Live(before, midnight(this)), times=10
        )


def _is_stored(day: date) -> bool:
    query = sa.select(sa.literal(1)).where(
        DailyFigure.dimension == Dimension.ALL, DailyFigure.day == day, DailyFigure.key_id == 0
    )
    return db.session.scalar(query) is not None


def moments(now: datetime) -> dict[str, Moment]:
    """Today so far, against the same hours of yesterday and of the same day last week."""
    start = midnight(clock.local(now).date())
    spans = [(start - timedelta(days=back), now - timedelta(days=back)) for back in (1, 7)]

    def read(query: Any, column: Any) -> list[list[int]]:
        """Each value over both spans, which are short walks along an index."""
        rows = [
            tuple(db.session.execute(query.where(column >= begin, column <= end)).one())
            for begin, end in spans
        ]
        return [[int(value or 0) for value in values] for values in zip(*rows, strict=True)]

    count = sa.func.count()
    orders, sales = read(sa.select(count, sa.func.sum(Order.payable_fen)), Order.paid_at)
    paid_out = (
        sa.select(sa.func.sum(Withdrawal.net_fen))
        .select_from(Posting)
        .join(Withdrawal, Withdrawal.id == Posting.subject_id)
        .where(Posting.event == "withdrawal_paid", Posting.subject == "withdrawal")
    )
    booked = sa.select(sa.func.sum(Commission.amount_fen))
    found = {"sales_fen": sales, "orders": orders}
    for name, query, column in (
        ("visitors", sa.select(count), VisitorDay.first_at),
        ("members", sa.select(count), Member.created_at),
        ("distributors", sa.select(count), Distributor.approved_at),
        ("commissions_fen", booked, Commission.created_at),
        ("withdrawn_fen", paid_out, Posting.at),
    ):
        found[name] = read(query, column)[0]
    # What the charts show of today, so that both say the same.
    whole = today(now).rows(Dimension.ALL, found).get(0, {})
    return {name: Moment(whole.get(name, 0), *values) for name, values in found.items()}
