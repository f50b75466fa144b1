"""What a member bought, for rules of other packages that ask (`distribution.ports`)."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from app.core.db import db
from app.members import Member
from app.orders.models import Order, OrderLine, OrderStatus

# Commission may still come of these.
_OPEN = (OrderStatus.UNPAID, OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.RECEIVED)


def last_paid_at(member_id: int) -> datetime | None:
    """When the member last paid for an order; None for who never did."""
    return db.session.scalar(
        sa.select(Order.paid_at)
        .where(Order.member_id == member_id, Order.paid_at.is_not(None))
        .order_by(Order.paid_at.desc())
        .limit(1)
    )


def open_below(member_id: int) -> int:
    """Orders under way of a member and of everybody with the member among the uplines."""
    return (
        db.session.scalar(
            sa.select(sa.func.count())
            .select_from(Order)
            .join(Member, Member.id == Order.member_id)
            .where(
                Order.status.in_(_OPEN),
                sa.or_(
                    Member.id == member_id,
                    Member.upline1_id == member_id,
                    Member.upline2_id == member_id,
                    Member.upline3_id == member_id,
                ),
            )
        )
        or 0
    )


def spent_fen(member_id: int) -> int:
    """What is left of all that the member paid for goods, after refunds."""
    return int(
        db.session.scalar(
            sa.select(sa.func.sum(OrderLine.paid_fen - OrderLine.refunded_fen))
            .join(Order, Order.id == OrderLine.order_id)
            .where(Order.member_id == member_id, Order.paid_at.is_not(None))
        )
        or 0
    )


def has_bought(member_id: int, product_ids: Iterable[int]) -> bool:
    """Whether the member paid for one of these products and kept it."""
    return (
        db.session.scalar(
            sa.select(OrderLine.id)
            .join(Order, Order.id == OrderLine.order_id)
            .where(
                Order.member_id == member_id,
                Order.paid_at.is_not(None),
                OrderLine.product_id.in_(set(product_ids)),
                OrderLine.refunded_fen < OrderLine.paid_fen,
            )
            .limit(1)
        )
        is not None
    )
