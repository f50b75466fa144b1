"""The one place where an order's state moves."""

from datetime import datetime

import sqlalchemy as sa

from app import audit
from app.core.db import db, require_transaction
from app.core.errors import IllegalMove, NotFound
from app.orders.models import TRANSITIONS, Order, OrderStatus


def locked(order_id: int) -> Order:
    """The order, locked and freshly read. Raises NotFound."""
    require_transaction()
    order = db.session.scalar(
        sa.select(Order)
        .filter_by(id=order_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if order is None:
        raise NotFound("订单不存在")
    return order


def move(
    order: Order, to: OrderStatus, *, actor: audit.Actor, now: datetime, note: str = ""
) -> None:
    """Move a locked order and log it. Raises IllegalMove."""
    if to not in TRANSITIONS[order.status]:
        raise IllegalMove(state=order.status.value)
    audit.record_move(
        "order",
        order.id,
        from_state=order.status.value,
        to_state=to.value,
        actor=actor,
        now=now,
        note=note,
    )
    order.status = to
