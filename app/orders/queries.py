from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from app import outbox
from app.core.db import Rows, db
from app.core.errors import NotFound
from app.core.pages import Page, counts_up_to, newest_first
from app.core.rows import direct
from app.orders.extras import Pickup
from app.orders.models import (
    Oddity,
    Order,
    OrderLine,
    OrderSeat,
    OrderStatus,
    Payment,
    PaymentStatus,
)


def order_of(member_id: int, number: str) -> Order:
    """An order of this member with its lines.

    Raises NotFound for anyone else's, and for one that they took out of their list.
    """
    order = db.session.scalar(
        sa.select(Order)
        .filter_by(number=number, member_id=member_id, hidden_at=None)
        .options(selectinload(Order.lines), joinedload(Order.pickup))
    )
    if order is None:
        raise NotFound("订单不存在")
    return order


_NAMED = (
    sa.select(
        Order.id,
        sa.select(OrderLine.title)
        .where(OrderLine.order_id == Order.id)
        .order_by(OrderLine.id)
        .limit(1)
        .scalar_subquery()
        .label("title"),
    )
    .where(Order.number == sa.bindparam("number"), Order.hidden_at.is_(None))
    .where(Order.member_id == sa.bindparam("member_id"))
)


def named(member_id: int, number: str) -> tuple[int, str]:
    """The id of a member's order and what comes first in it. Raises NotFound as `order_of`."""
    found = direct(_NAMED, number=number, member_id=member_id).one_or_none()
    if found is None:
        raise NotFound("订单不存在")
    return found.id, found.title


def order_by_number(number: str) -> Order:
    """For the admin panel. Raises NotFound."""
    order = db.session.scalar(
        sa.select(Order).filter_by(number=number).options(selectinload(Order.lines))
    )
    if order is None:
        raise NotFound("订单不存在")
    return order


def orders_of(
    member_id: int,
    statuses: Sequence[OrderStatus] | None = None,
    *,
    wanted: str = "",
    before: int | None = None,
    size: int = 10,
) -> Page[Order]:
    """A member's orders, newest first, in any of these states.

    `wanted` is a part of a product's title or of the order's number.
    """
    query = (
        sa.select(Order)
        .filter_by(member_id=member_id, hidden_at=None)
        .options(selectinload(Order.lines), selectinload(Order.pickup))
    )
    if statuses:
        query = query.where(Order.status.in_(statuses))
    if wanted:
        titled = sa.select(OrderLine.id).where(
            OrderLine.order_id == Order.id, OrderLine.title.contains(wanted, autoescape=True)
        )
        query = query.where(
            sa.or_(Order.number.contains(wanted.upper(), autoescape=True), titled.exists())
        )
    return newest_first(query, Order.id, before=before, size=size)


def orders_page(
    status: OrderStatus | None = None,
    *,
    number: str = "",
    member_id: int | None = None,
    before: int | None = None,
    size: int = 20,
) -> Page[Order]:
    """All members' orders, or one's with those they took out of their list, newest first."""
    query = desk_orders(status, number=number)
    if member_id is not None:
        query = query.filter_by(member_id=member_id)
    return newest_first(query.options(*WITH_LINES), Order.id, before=before, size=size)


WITH_LINES = (selectinload(Order.lines), selectinload(Order.pickup))


def desk_orders(status: OrderStatus | None = None, *, number: str = "") -> Rows:
    """What the desk's list of orders is narrowed to."""
    query = sa.select(Order)
    if status is not None:
        query = query.filter_by(status=status)
    if number:
        query = query.filter_by(number=number)
    return query


def counts_by_status(member_id: int) -> dict[OrderStatus, int]:
    """How many orders a member has in each state, as they list them."""
    query = (
        sa.select(Order.status, sa.func.count())
        .where(Order.member_id == member_id, Order.hidden_at.is_(None))
        .group_by(Order.status)
    )
    return dict(db.session.execute(query).all())


@dataclass(frozen=True)
class Bought:
    """What a member bought: orders that were paid, what of it stayed, and the last time."""

    orders: int
    kept_fen: int
    last_at: datetime | None


def bought_by(member_ids: Iterable[int]) -> dict[int, Bought]:
    """By member; who has not paid anything yet is left out."""
    wanted = set(member_ids)
    if not wanted:
        return {}
    back = (
        sa.select(sa.func.sum(OrderLine.refunded_fen))
        .where(OrderLine.order_id == Order.id)
        .scalar_subquery()
    )
    rows = db.session.execute(
        sa.select(
            Order.member_id,
            sa.func.count(),
            sa.func.sum(Order.payable_fen - Order.freight_refunded_fen - back),
            sa.func.max(Order.paid_at),
        )
        .where(Order.member_id.in_(wanted), Order.paid_at.is_not(None))
        .group_by(Order.member_id)
    )
    return {
        member_id: Bought(count, int(kept), last) for member_id, count, kept, last in rows.all()
    }


def buyer_of(number: str) -> int | None:
    """Whose order this is; None for a number that is no order's."""
    return db.session.scalar(sa.select(Order.member_id).filter_by(number=number))


def counts_for_desk() -> dict[OrderStatus, int]:
    """How many orders stand in each state, each counted to `COUNTED_MAX`."""
    return counts_up_to(Order.status, OrderStatus)


def by_ids(order_ids: Iterable[int]) -> dict[int, Order]:
    """Orders by id with their lines, for lists that name them."""
    wanted = set(order_ids)
    if not wanted:
        return {}
    found = db.session.scalars(
        sa.select(Order).where(Order.id.in_(wanted)).options(selectinload(Order.lines))
    )
    return {order.id: order for order in found}


def line_by_id(line_id: int) -> OrderLine:
    """A line that is known to be there."""
    return db.session.get_one(OrderLine, line_id)


def paid_counts(member_ids: Iterable[int]) -> dict[int, int]:
    """How many paid orders each of these members has; without any, no key."""
    wanted = set(member_ids)
    if not wanted:
        return {}
    rows = db.session.execute(
        sa.select(Order.member_id, sa.func.count())
        .where(Order.member_id.in_(wanted), Order.paid_at.is_not(None))
        .group_by(Order.member_id)
    )
    return dict(rows.all())


def numbers_of(order_ids: Iterable[int], *, listed: bool = False) -> dict[int, str]:
    """Order numbers by id; `listed` leaves out what its member took out of their list."""
    wanted = set(order_ids)
    if not wanted:
        return {}
    query = sa.select(Order.id, Order.number).where(Order.id.in_(wanted))
    if listed:
        query = query.where(Order.hidden_at.is_(None))
    return dict(db.session.execute(query).all())


def pieces_bought(member_id: int, product_ids: Iterable[int]) -> dict[int, int]:
    """How many pieces of each product are in this member's orders, closed ones left out."""
    rows = db.session.execute(
        sa.select(OrderLine.product_id, sa.func.sum(OrderLine.quantity))
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            Order.member_id == member_id,
            Order.status.not_in([OrderStatus.CLOSING, OrderStatus.CLOSED]),
            OrderLine.product_id.in_(set(product_ids)),
        )
        .group_by(OrderLine.product_id)
    )
    return {product_id: int(pieces) for product_id, pieces in rows}


class TakenSeat(NamedTuple):
    """Who may earn from an order, as they stood at checkout: position 0 is the buyer."""

    position: int
    member_id: int
    level: str
    is_active: bool


_SEATS = (
    sa.select(OrderSeat.position, OrderSeat.member_id, OrderSeat.level, OrderSeat.is_active)
    .where(OrderSeat.order_id == sa.bindparam("order_id"))
    .order_by(OrderSeat.position)
)


def seats_of(order_id: int) -> list[TakenSeat]:
    """Who may earn from an order, the buyer first."""
    return [TakenSeat(*row) for row in direct(_SEATS, order_id=order_id)]


def open_payment(order_id: int) -> Payment | None:
    """The payment of an order that may still be paid."""
    return db.session.scalar(
        sa.select(Payment)
        .filter_by(order_id=order_id, status=PaymentStatus.CREATED)
        .order_by(Payment.id.desc())
        .limit(1)
    )


def payments_of(order_id: int) -> Sequence[Payment]:
    """Every payment of an order, oldest first."""
    return db.session.scalars(
        sa.select(Payment).filter_by(order_id=order_id).order_by(Payment.id)
    ).all()


def payment_by_number(out_trade_no: str) -> Payment | None:
    return db.session.scalar(sa.select(Payment).filter_by(out_trade_no=out_trade_no))


def payments_to_query(now: datetime, *, limit: int = 500) -> list[int]:
    """Payments that WeChat knows and that were neither paid nor closed.

    Each is asked about a minute after it was made and then once a minute, so
    that a lost notice costs at most two minutes. Those that nobody asked about yet
    come first: when all notices are lost, orders left unpaid do not delay the rest.
    """
    a_minute_ago = now - timedelta(seconds=55)
    return list(
        db.session.scalars(
            sa.select(Payment.id)
            .where(
                Payment.status == PaymentStatus.CREATED,
                Payment.prepay_id != "",
                Payment.created_at <= a_minute_ago,
                sa.or_(Payment.queried_at.is_(None), Payment.queried_at <= a_minute_ago),
            )
            .order_by(Payment.queried_at, Payment.id)
            .limit(limit)
        )
    )


def due_to_expire(now: datetime, *, limit: int = 100) -> list[int]:
    """Unpaid orders past their time, and those whose closing was not finished."""
    return list(
        db.session.scalars(
            sa.select(Order.id)
            .where(
                sa.or_(
                    sa.and_(Order.status == OrderStatus.UNPAID, Order.expires_at <= now),
                    Order.status == OrderStatus.CLOSING,
                )
            )
            .order_by(Order.id)
            .limit(limit)
        )
    )


def due_to_receive(now: datetime, days: int, *, limit: int = 200) -> list[int]:
    """Orders shipped at least `days` ago that nobody confirmed."""
    return list(
        db.session.scalars(
            sa.select(Order.id)
            .where(
                Order.status == OrderStatus.SHIPPED,
                Order.shipped_at <= now - timedelta(days=days),
                Order.open_aftersales == 0,
                # What waits at a shop was not received by waiting.
                Order.id.not_in(sa.select(Pickup.order_id)),
            )
            .order_by(Order.id)
            .limit(limit)
        )
    )


def due_to_finish(now: datetime, *, after_id: int = 0, limit: int = 200) -> list[int]:
    """Received orders whose guard is over and whose news is all delivered."""
    return list(
        db.session.scalars(
            sa.select(Order.id)
            .where(
                Order.id > after_id,
                Order.status == OrderStatus.RECEIVED,
                Order.guard_ends_at <= now,
                *_delivered(),
            )
            .order_by(Order.id)
            .limit(limit)
        )
    )


def may_finish(order: Order, now: datetime) -> bool:
    """Whether a locked, received order is due."""
    if order.guard_ends_at is None or order.guard_ends_at > now:
        return False
    return (
        db.session.scalar(sa.select(Order.id).where(Order.id == order.id, *_delivered()))
        is not None
    )


def desk_oddities(*, is_resolved: bool) -> Rows:
    """What a person must look at, or has looked at, as the panel's list reads it."""
    query: Rows = sa.select(Oddity)
    resolved = Oddity.resolved_at.is_not(None) if is_resolved else Oddity.resolved_at.is_(None)
    return query.where(resolved)


def oddities(*, is_resolved: bool, before: int | None = None, size: int = 20) -> Page[Oddity]:
    """The same, newest first."""
    query = desk_oddities(is_resolved=is_resolved)
    return newest_first(query, Oddity.id, before=before, size=size)


def open_oddities() -> int:
    return (
        db.session.scalar(
            sa.select(sa.func.count()).select_from(Oddity).where(Oddity.resolved_at.is_(None))
        )
        or 0
    )


def _delivered() -> list[sa.ColumnElement[bool]]:
    """No after-sale is open, and nothing that changes money is still to be told."""
    return [
        Order.open_aftersales == 0,
        *(Order.id.not_in(outbox.undelivered(topic)) for topic in ("order_paid", "order_received")),
    ]
