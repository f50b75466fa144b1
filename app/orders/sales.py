"""What people sold (推广业绩): sums over paid orders, by who sat above the buyer.

An order counts by its seats, copied at checkout, and only for a seat that was
active then. It counts with what is left of it: paid minus refunded, freight left
out; one that was refunded whole does not count at all.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.core.db import db
from app.orders.models import Order, OrderLine, OrderSeat


@dataclass(frozen=True)
class Sold:
    """Sales in fen, the orders they come from, and their distinct buyers.

    Somebody's own orders make no customer.
    """

    sales_fen: int = 0
    orders: int = 0
    customers: int = 0


def sold_by(
    member_id: int,
    positions: Collection[int],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sold:
    """What a member sold from these seats: 0 the buyer's own, 1 the direct upline's.

    Orders paid from `since` on and before `until`, where they are given.
    """
    per_order = (
        sa.select(
            Order.member_id.label("buyer"),
            sa.func.sum(OrderLine.paid_fen - OrderLine.refunded_fen).label("fen"),
        )
        .select_from(OrderSeat)
        .join(Order, Order.id == OrderSeat.order_id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(
            OrderSeat.member_id == member_id,
            OrderSeat.position.in_(positions),
            OrderSeat.is_active,
            Order.paid_at.is_not(None),
        )
        .group_by(Order.id, Order.member_id)
        .having(sa.func.sum(OrderLine.paid_fen - OrderLine.refunded_fen) > 0)
    )
    if since is not None:
        per_order = per_order.where(Order.paid_at >= since)
    if until is not None:
        per_order = per_order.where(Order.paid_at < until)
    left = per_order.subquery()
    others = sa.case((left.c.buyer != member_id, left.c.buyer))
    fen, count, customers = db.session.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(left.c.fen), 0),
            sa.func.count(),
            sa.func.count(sa.distinct(others)),
        ).select_from(left)
    ).one()
    return Sold(int(fen), count, customers)
