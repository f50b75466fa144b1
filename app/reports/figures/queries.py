"""Reading the figures: stored days, and today as it is by now."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
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
from app.reports.figures.facts import Found, facts_of, midnight
from app.reports.figures.models import MEASURES, DailyFigure, Dimension
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
) -> dict[date, Sums]:
    """What each day from `first` to `last` brought, the oldest first."""
    found = dict.fromkeys(days_of(first, last), Sums())
    columns = [getattr(DailyFigure, name) for name in MEASURES]
    for day, *values in db.session.execute(
        sa.select(DailyFigure.day, *columns).where(
            DailyFigure.dimension == dimension,
            DailyFigure.key_id == key_id,
            DailyFigure.day.between(first, last),
        )
    ):
        found[day] = Sums(*values)
    for day, facts in _live(first, last, now):
        found[day] = Sums(**facts.get((dimension, key_id), {}))
    return found


def total(first: date, last: date, *, now: datetime) -> Sums:
    """What the days from `first` to `last` brought to the shop."""
    return sum(by_day(first, last, now=now).values(), Sums())


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
    sums = [sa.func.sum(getattr(DailyFigure, name)).label(name) for name in measures]
    query = (
        sa.select(DailyFigure.key_id, *sums)
        .where(DailyFigure.dimension == dimension, DailyFigure.day.between(first, last))
        .group_by(DailyFigure.key_id)
    )
    if keys is not None:
        query = query.where(DailyFigure.key_id.in_(keys))
    live = [
        (key, row)
        for _, facts in _live(first, last, now)
        for (kind, key), row in facts.items()
        if kind is dimension and (keys is None or key in keys)
    ]
    found: dict[int, Sums] = defaultdict(Sums)

    def read(rows: Any) -> None:
        for key, *values in db.session.execute(rows):
            found[key] = Sums(**{n: int(v) for n, v in zip(measures, values, strict=True)})

    if limit is None:
        read(query)
    else:
        read(query.order_by(sa.desc(order)).limit(2 * limit))
        live = _may_lead(live, found, order, limit)
        if missing := [key for key, _ in live if key not in found]:
            read(query.where(DailyFigure.key_id.in_(missing)))
    for key, row in live:
        found[key] += Sums(**{name: row.get(name, 0) for name in measures})
    ranked = sorted(found.items(), key=lambda item: (-getattr(item[1], order), item[0]))
    return ranked[:limit]


def _may_lead(
    live: list[tuple[int, dict[str, int]]], stored: dict[int, Sums], order: str, limit: int
) -> list[tuple[int, dict[str, int]]]:
    """Those of today who can be among the first `limit`: thousands sell, few lead.

    Whoever was not read has at most what the last of those read has.
    """
    values = {key: getattr(row, order) for key, row in stored.items()}
    most = min(values.values(), default=0) if len(values) == 2 * limit else 0
    sums = dict(values)
    for key, row in live:
        sums[key] = values.get(key, 0) + row.get(order, 0)
    bar = sorted(sums.values(), reverse=True)[limit - 1] if len(sums) >= limit else 0
    return [(key, row) for key, row in live if key in values or most + row.get(order, 0) >= bar]


def today(now: datetime) -> Found:
    """What today brought so far, as of at most half a minute ago."""
    day = clock.local(now).date()
    return brief.current().get(("figures", day), lambda: facts_of(day, until=now), times=10)


def _live(first: date, last: date, now: datetime) -> Iterator[tuple[date, Found]]:
    """The days of a span that are not stored yet: today, and yesterday around midnight."""
    this = clock.local(now).date()
    if first <= this <= last:
        yield this, today(now)
    before = this - timedelta(days=1)
    if first <= before <= last and not _is_stored(before):
        facts = brief.current().get(("figures", before), lambda: facts_of(before), times=10)
        yield before, facts


def _is_stored(day: date) -> bool:
    query = sa.select(sa.literal(1)).where(
        DailyFigure.dimension == Dimension.ALL, DailyFigure.day == day, DailyFigure.key_id == 0
    )
    return db.session.scalar(query) is not None


def moments(now: datetime) -> dict[str, Moment]:
    """Today so far, against the same hours of yesterday and of the same day last week."""
    start = midnight(clock.local(now).date())
    spans = [(start - timedelta(days=back), now - timedelta(days=back)) for back in (0, 1, 7)]

    def read(query: Any, column: Any) -> list[list[int]]:
        """Each value over the three spans, which are short walks along an index."""
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
    return {name: Moment(*values) for name, values in found.items()}
