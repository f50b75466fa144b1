"""What after-sales do to an order: holding its end, counting what went back."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from app import audit, outbox
from app.core.db import db, require_transaction
from app.core.rows import lock_one
from app.orders import states
from app.orders.models import (
    TRANSITIONS,
    Oddity,
    OddityKind,
    Order,
    OrderLine,
    OrderStatus,
    Payment,
    PaymentKind,
    PaymentStatus,
)

_LATE_MONEY = (OddityKind.PAID_LATE, OddityKind.PAID_TWICE)


def aftersale_opened(order: Order) -> None:
    """A locked order does not finish while an after-sale is open."""
    order.open_aftersales += 1


def aftersale_ended(order: Order) -> None:
    order.open_aftersales -= 1


def add_refund(line_id: int, *, fen: int, pieces: int) -> None:
    """Count what went back of a line of a locked order; negative takes it back."""
    require_transaction()
    line = lock_one(OrderLine, line_id, "订单行不存在")
    line.refunded_fen += fen
    line.refunded_quantity += pieces


def payment_that_paid(order_id: int) -> Payment:
    """The payment that paid an order; not one that came late or was the second."""
    late = sa.select(Oddity.reference).where(
        Oddity.order_id == order_id, Oddity.kind.in_(_LATE_MONEY)
    )
    return db.session.scalars(
        sa.select(Payment)
        .where(
            Payment.order_id == order_id,
            Payment.status == PaymentStatus.SUCCESS,
            sa.or_(Payment.kind == PaymentKind.BALANCE, Payment.transaction_id.not_in(late)),
        )
        .order_by(Payment.id)
        .limit(1)
    ).one()


def skus_of_lines(line_ids: Iterable[int]) -> dict[int, int]:
    """SKU ids by line."""
    rows = db.session.execute(
        sa.select(OrderLine.id, OrderLine.sku_id).where(OrderLine.id.in_(set(line_ids)))
    )
    return dict(rows.all())


def end_refunded(order: Order, *, now: datetime) -> bool:
    """End a locked order of which every line was refunded; what is left is the shop's.

    Its commissions must have followed before. False where something is left.
    """
    if order.open_aftersales or OrderStatus.REFUNDED not in TRANSITIONS[order.status]:
        return False
    if any(line.refunded_fen < line.paid_fen for line in order.lines):
        return False
    states.move(order, OrderStatus.REFUNDED, actor=audit.Actor.system("refund"), now=now)
    states.earn_the_rest(order, now=now)
    outbox.publish("order_refunded", order.id, now=now)
    return True
