"""What a span of time brought, summed from the facts (口径).

Every statement walks an index over its span, so that today costs what one day costs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

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


def midnight(day: date) -> datetime:
    """When a day begins in Shanghai."""
    return clock.as_utc(datetime.combine(day, time(), clock.SHANGHAI))


def facts_of(day: date, *, until: datetime | None = None) -> Found:
    """What a day brought, to the shop and to everything that has a part in it.

    `until` cuts it off: today so far.
    """
    start, end = midnight(day), midnight(day + timedelta(days=1))
    if until is not None:
        end = min(end, until)
    found: Found = defaultdict(lambda: defaultdict(int))
    for part in _PARTS:
        part(found, day, start, end)
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
    names = ("orders", "sales_fen", "returned_fen")
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
            _add(found, key, names, values)
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
    names = ("units", "cost_fen", "returned_fen", "returned_units")
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
        _add(found, _ALL, names, values)
        _add(found, (Dimension.SKU, sku_id), names, values)
        _add(found, (Dimension.SKU, sku_id), ("orders", "sales_fen"), (count, fen))
        _add(found, (Dimension.PRODUCT, product_id), names, values)
        _add(found, (Dimension.PRODUCT, product_id), ("sales_fen",), (fen,))
    # An order with two SKUs of a product is one order.
    in_orders = sold(line.product_id, sa.func.count(sa.distinct(line.order_id)))
    for product_id, count in db.session.execute(in_orders.group_by(line.product_id)):
        _add(found, (Dimension.PRODUCT, product_id), ("orders",), (count,))
    for region, *values in db.session.execute(
        sold(Order.receiver_region, *sums).group_by(Order.receiver_region)
    ):
        _add(found, (Dimension.PROVINCE, regions.province_code(region)), names, values)


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


def _earners(found: Found, _day: date, start: datetime, end: datetime) -> None:
    booked = _within(Commission.created_at, start, end)
    sold = (
        sa.select(
            OrderSeat.member_id,
            sa.literal(1).label("orders"),
            Order.payable_fen.label("sales_fen"),
            sa.literal(0).label("commissions_fen"),
        )
        .select_from(Order)
        .join(OrderSeat, OrderSeat.order_id == Order.id)
        .where(_within(Order.paid_at, start, end), OrderSeat.position == 1, OrderSeat.is_active)
    )
    earned = sa.select(
        Commission.member_id, sa.literal(0), sa.literal(0), Commission.amount_fen
    ).where(booked)
    both = sa.union_all(sold, earned).subquery()
    names = ("orders", "sales_fen", "commissions_fen")
    sums = [sa.func.sum(both.c[name]) for name in names]
    for member, *values in db.session.execute(
        sa.select(both.c.member_id, *sums).group_by(both.c.member_id)
    ):
        _add(found, (Dimension.DISTRIBUTOR, member), names, values)
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
        counted = sa.select(sa.func.count(sa.distinct(Commission.order_id)), sa.func.count())
        count, rows = db.session.execute(counted.where(Commission.filed_batch_id.in_(ids))).one()
        if rows < sum(batch.rows for batch in batches):
            # A run is under way: the others stand among all that are open.
            count, _ = db.session.execute(counted.where(*Commission.of_batches(ids))).one()
    fen = sum(batch.amount_fen for batch in batches)
    _add(found, _ALL, ("settled_fen", "settled_orders"), (fen, count))


def _money(found: Found, _day: date, start: datetime, end: datetime) -> None:
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


_PARTS: tuple[Callable[[Found, date, datetime, datetime], None], ...] = (
    *(_sales, _goods, _refunds, _people, _channels, _earners, _settled, _money),
)
