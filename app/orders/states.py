"""The one place where an order's state moves."""

from datetime import datetime

from app import audit, ledger
from app.core.errors import IllegalMove, NotFound
from app.core.rows import lock_one
from app.ledger import AccountKind, Move
from app.orders.models import TRANSITIONS, Order, OrderStatus


def locked(order_id: int) -> Order:
    """Locked and freshly read. Raises NotFound."""
    return lock_one(Order, order_id, "订单不存在")


def must_be_of(order: Order, member_id: int) -> None:
    """Raises NotFound for anyone else's order."""
    if order.member_id != member_id:
        raise NotFound("订单不存在")


def move(
    order: Order, to: OrderStatus, *, actor: audit.Actor, now: datetime, note: str = ""
) -> None:
    """Move a locked order and log it. Raises IllegalMove."""
    note_move(order.id, order.status, to, actor=actor, now=now, note=note)
    order.status = to


def note_move(
    order_id: int,
    before: OrderStatus,
    to: OrderStatus,
    *,
    actor: audit.Actor,
    now: datetime,
    note: str = "",
) -> None:
    """Log a move that the caller writes. Raises IllegalMove."""
    if to not in TRANSITIONS[before]:
        raise IllegalMove(state=before.value)
    audit.record_move(
        "order",
        order_id,
        from_state=before.value,
        to_state=to.value,
        actor=actor,
        now=now,
        note=note,
    )


def earn_the_rest(order: Order, *, now: datetime) -> None:
    """What is still held for an order that just ended is the shop's."""
    left = ledger.held_for(AccountKind.ORDER_HOLD, ("order", order.id))
    if left:
        ledger.post(
            f"order:{order.id}:{order.status}",
            event="order_finished",
            moves=[
                Move(ledger.system(AccountKind.ORDER_HOLD), ledger.system(AccountKind.SHOP), left)
            ],
            now=now,
            subject=("order", order.id),
        )
