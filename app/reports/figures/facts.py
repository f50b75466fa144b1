"""What a span of time brought, summed from the facts (口径).

Every statement walks an index over its span, so that today costs what one day costs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from app import commission
from app.commission import Commission, SettlementBatch
from app.core import clock
from app.core.db import db
from app.distribution import AttemptResult, BindingAttempt, Distributor
from app.distribution.channels import ChannelMember, Scan, ScanSource
from app.interests import VisitorDay
from app.ledger import Account, AccountKind, Entry, Posting
from app.members import Member, regions
from app.orders import Order, OrderLine, OrderSeat
from app.reports.figures.models import Dimension
from app.withdrawals import Withdrawal

Key = tuple[Dimension, int]
Found = dict[Key, dict[str, int]]
_ALL = (Dimension.ALL, 0)


@dataclass(frozen=True, eq=False)
class Part:
    """Some of a day's facts: what adds them up, and the measures it fills of each dimension."""

    fill: Callable[[Found, date, datetime, datetime], None]
    gives: Mapping[Dimension, frozenset[str]]


def midnight(day: date) -> datetime:
    """When a day begins in Shanghai."""
    return clock.as_utc(datetime.combine(day, time(), clock.SHANGHAI))


def facts_of(
    day: date, *, until: datetime | None = None, parts: Iterable[Part] | None = None
) -> Found:
    """What a day brought, to the shop and to everything that has a part in it.

    `until` cuts it off: today so far. `parts` leaves all others out.
    """
    start, end = midnight(day), midnight(day + timedelta(days=1))
    if until is not None:
        end = min(end, until)
    found: Found = defaultdict(lambda: defaultdict(int))
    for part in PARTS if parts is None else parts:
        part.fill(found, day, start, end)
    found[_ALL]
    return {key: {name: n for name, n in row.items() if n} for key, row in found.items()}


def _add(found: Found, key: Key, names: Iterable[str], values: Iterable[Any]) -> None:
    row = found[key]
    for name, value in zip(names, values, strict=True):
        row[name] += int(value or 0)


def _within(column: Any, start: datetime, end: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(column >= start, column < end)


def _sales(found: Found, _day: date, start: datetime, end: datetime) -> None:
    paid = _within(Order.paid_at, start, end)
    for region, *values in db.session.execute(
        sa.select(
            Order.receiver_region,
            sa.func.count(),
            sa.func.sum(Order.payable_fen),
            sa.func.sum(Order.freight_refunded_fen),
        )
        .where(paid)
        .group_by(Order.receiver_region)
    ):
        for key in (_ALL, (Dimension.PROVINCE, regions.province_code(region))):
            _add(found, key, _SALES, values)


def _buyers(found: Found, _day: date, start: datetime, end: datetime) -> None:
    _add(found, _ALL, ("buyers", "first_buyers", "repeat_buyers"), buyers_of(start, end))


def buyers_of(start: datetime, end: datetime) -> tuple[int, int, int]:
    """Distinct buyers of a span: all, those who never bought before it, those who came back.

    The last bought twice or more within the span.
    """
    earlier = orm.aliased(Order)
    bought_before = (
        sa.exists()
        .where(earlier.member_id == Order.member_id, earlier.paid_at < start)
        .correlate(Order)
    )
    buyers = (
        sa.select(sa.func.count().label("orders"), bought_before.label("before"))
        .where(_within(Order.paid_at, start, end))
        .group_by(Order.member_id)
        .subquery()
    )
    found = db.session.execute(
        sa.select(
            sa.func.count(),
            sa.func.sum(sa.case((buyers.c.before, 0), else_=1)),
            sa.func.sum(sa.case((buyers.c.orders > 1, 1), else_=0)),
        ).select_from(buyers)
    ).one()
    every, first, repeat = (int(value or 0) for value in found)
    return every, first, repeat


def _goods(found: Found, _day: date, start: datetime, end: datetime) -> None:
    sums = (
        sa.func.sum(OrderLine.quantity),
        sa.func.sum(OrderLine.unit_cost_fen * OrderLine.quantity),
        sa.func.sum(OrderLine.refunded_fen),
        sa.func.sum(OrderLine.refunded_quantity),
    )

    def sold(*values: Any) -> Any:
        query = sa.select(*values).select_from(Order)
        joined = query.join(OrderLine, OrderLine.order_id == Order.id)
        return joined.where(_within(Order.paid_at, start, end))

    line = OrderLine
    for product_id, sku_id, count, fen, *values in db.session.execute(
        sold(
            line.product_id, line.sku_id, sa.func.count(), sa.func.sum(line.paid_fen), *sums
        ).group_by(line.product_id, line.sku_id)
    ):
        _add(found, _ALL, _GOODS, values)
        _add(found, (Dimension.SKU, sku_id), _GOODS, values)
        _add(found, (Dimension.SKU, sku_id), ("orders", "sales_fen"), (count, fen))
        _add(found, (Dimension.PRODUCT, product_id), _GOODS, values)
        _add(found, (Dimension.PRODUCT, product_id), ("sales_fen",), (fen,))
    # An order with two SKUs of a product is one order.
    in_orders = sold(line.product_id, sa.func.count(sa.distinct(line.order_id)))
    for product_id, count in db.session.execute(in_orders.group_by(line.product_id)):
        _add(found, (Dimension.PRODUCT, product_id), ("orders",), (count,))
    for region, *values in db.session.execute(
        sold(Order.receiver_region, *sums).group_by(Order.receiver_region)
    ):
        _add(found, (Dimension.PROVINCE, regions.province_code(region)), _GOODS, values)


def _refunds(found: Found, _day: date, start: datetime, end: datetime) -> None:
    for count, fen in db.session.execute(
        sa.select(sa.func.count(), sa.func.sum(Entry.amount_fen))
        .select_from(Posting)
        .join(Entry, Entry.posting_id == Posting.id)
        .join(Account, Account.id == Entry.account_id)
        .where(
            _within(Posting.at, start, end),
            Posting.event == "refund_approved",
            Account.kind == AccountKind.REFUND_DUE,
        )
    ):
        _add(found, _ALL, ("refunds", "refunds_fen"), (count, fen))


def _people(found: Found, day: date, start: datetime, end: datetime) -> None:
    def count(column: Any, *where: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).where(_within(column, start, end), *where)
        return int(db.session.scalar(query) or 0)

    visitors = count(VisitorDay.first_at, VisitorDay.day == day)
    names = ("visitors", "members", "distributors")
    values = (visitors, count(Member.created_at), count(Distributor.approved_at))
    _add(found, _ALL, names, values)
    for owner, found_binds in db.session.execute(
        sa.select(BindingAttempt.owner_id, sa.func.count())
        .where(
            _within(BindingAttempt.at, start, end),
            BindingAttempt.result.in_((AttemptResult.BOUND, AttemptResult.REBOUND)),
        )
        .group_by(BindingAttempt.owner_id)
    ):
        _add(found, _ALL, ("binds",), (found_binds,))
        if owner is not None:
            _add(found, (Dimension.DISTRIBUTOR, owner), ("members",), (found_binds,))


def _channels(found: Found, day: date, start: datetime, end: datetime) -> None:
    follows = sa.func.sum(sa.case((Scan.source == ScanSource.FOLLOW, 1), else_=0))
    for channel, *values in db.session.execute(
        sa.select(Scan.channel_id, sa.func.count(), follows)
        .where(Scan.day == day, Scan.at < end)
        .group_by(Scan.channel_id)
    ):
        _add(found, _ALL, ("scans", "follows"), values)
        if channel is not None:
            _add(found, (Dimension.CHANNEL, channel), ("scans", "follows"), values)
    for channel, count in db.session.execute(
        sa.select(ChannelMember.channel_id, sa.func.count())
        .where(_within(ChannelMember.at, start, end))
        .group_by(ChannelMember.channel_id)
    ):
        _add(found, (Dimension.CHANNEL, channel), ("members",), (count,))
    for channel, *values in db.session.execute(
        sa.select(ChannelMember.channel_id, sa.func.count(), sa.func.sum(Order.payable_fen))
        .select_from(Order)
        .join(ChannelMember, ChannelMember.member_id == Order.member_id)
        # As on the channel's own page: what they ordered before they came is not its doing.
        .where(_within(Order.paid_at, start, end), Order.created_at >= ChannelMember.at)
        .group_by(ChannelMember.channel_id)
    ):
        _add(found, (Dimension.CHANNEL, channel), ("orders", "sales_fen"), values)


def _earners(found: Found, day: date, _start: datetime, end: datetime) -> None:
    for member, *values in db.session.execute(sold_directly(day, end)):
        _add(found, (Dimension.DISTRIBUTOR, member), ("orders", "sales_fen"), values)
    for member, fen in db.session.execute(earned(day, end)):
        _add(found, (Dimension.DISTRIBUTOR, member), ("commissions_fen",), (fen,))


def sold_directly(day: date, until: datetime) -> sa.Select[int, int, int]:
    """By distributor, the orders of those directly below that were paid on a day, and their sum."""
    return (
        sa.select(
            OrderSeat.member_id,
            sa.func.count().label("orders"),
            sa.func.sum(Order.payable_fen).label("sales_fen"),
        )
        .select_from(Order)
        .join(OrderSeat, OrderSeat.order_id == Order.id)
        .where(
            _within(Order.paid_at, midnight(day), until),
            OrderSeat.position == 1,
            OrderSeat.is_active,
        )
        .group_by(OrderSeat.member_id)
    )


def earned(day: date, until: datetime, keys: Iterable[int] | None = None) -> sa.Select[int, int]:
    """By distributor, or by these alone, the commissions that were booked on a day."""
    query = (
        sa.select(Commission.member_id, sa.func.sum(Commission.amount_fen))
        .where(_within(Commission.created_at, midnight(day), until))
        .group_by(Commission.member_id)
    )
    return query if keys is None else query.where(Commission.member_id.in_(keys))


def _referred(found: Found, _day: date, start: datetime, end: datetime) -> None:
    booked = _within(Commission.created_at, start, end)
    referred, fen = db.session.execute(
        sa.select(
            sa.func.count(sa.distinct(Commission.order_id)), sa.func.sum(Commission.amount_fen)
        ).where(booked)
    ).one()
    _add(found, _ALL, ("referred_orders", "commissions_fen"), (referred, fen))


def _settled(found: Found, _day: date, start: datetime, end: datetime) -> None:
    at = _within(SettlementBatch.at, start, end)
    batches = db.session.scalars(sa.select(SettlementBatch).where(at)).all()
    ids = [batch.id for batch in batches]
    count = 0
    if ids:
        taken = commission.settled_in(ids)
        distinct = sa.select(sa.func.count(sa.distinct(taken.c.order_id)))
        count = db.session.execute(distinct).scalar_one()
    fen = sum(batch.amount_fen for batch in batches)
    _add(found, _ALL, ("settled_fen", "settled_orders"), (fen, count))


def _reversed(found: Found, _day: date, start: datetime, end: datetime) -> None:
    back = db.session.scalar(
        sa.select(sa.func.sum(Entry.amount_fen))
        .select_from(Posting)
        .join(Entry, Entry.posting_id == Posting.id)
        .join(Account, Account.id == Entry.account_id)
        .where(
            _within(Posting.at, start, end),
            Posting.event == "commission_reversed",
            Account.kind.in_((AccountKind.ORDER_HOLD, AccountKind.SHOP)),
        )
    )
    _add(found, _ALL, ("reversed_fen",), (back,))


def _paid_out(found: Found, _day: date, start: datetime, end: datetime) -> None:
    paid = sa.select(
        sa.func.count(),
        sa.func.sum(Withdrawal.net_fen),
        sa.func.sum(Withdrawal.tax_fen + Withdrawal.vat_fen),
    ).select_from(Posting)
    for values in db.session.execute(
        paid.join(Withdrawal, Withdrawal.id == Posting.subject_id).where(
            _within(Posting.at, start, end),
            Posting.event == "withdrawal_paid",
            Posting.subject == "withdrawal",
        )
    ):
        _add(found, _ALL, ("withdrawals", "withdrawn_fen", "tax_fen"), values)


def _part(
    fill: Callable[[Found, date, datetime, datetime], None], **gives: tuple[str, ...]
) -> Part:
    return Part(fill, {Dimension(name): frozenset(found) for name, found in gives.items()})


_SALES = ("orders", "sales_fen", "returned_fen")
_GOODS = ("units", "cost_fen", "returned_fen", "returned_units")
PARTS = (
    _part(_sales, all=_SALES, province=_SALES),
    _part(_buyers, all=("buyers", "first_buyers", "repeat_buyers")),
    _part(
        _goods,
        all=_GOODS,
        province=_GOODS,
        product=("orders", "sales_fen", *_GOODS),
        sku=("orders", "sales_fen", *_GOODS),
    ),
    _part(_refunds, all=("refunds", "refunds_fen")),
    _part(_people, all=("visitors", "members", "distributors", "binds"), distributor=("members",)),
    _part(
        _channels,
        all=("scans", "follows"),
        channel=("scans", "follows", "members", "orders", "sales_fen"),
    ),
    _part(_referred, all=("referred_orders", "commissions_fen")),
    _part(_earners, distributor=("orders", "sales_fen", "commissions_fen")),
    _part(_settled, all=("settled_fen", "settled_orders")),
    _part(_reversed, all=("reversed_fen",)),
    _part(_paid_out, all=("withdrawals", "withdrawn_fen", "tax_fen")),
)


def parts_of(dimension: Dimension, measures: Iterable[str]) -> list[Part]:
    """What has to be added up to know these measures of a dimension."""
    wanted = frozenset(measures)
    return [part for part in PARTS if part.gives.get(dimension, frozenset()) & wanted]
