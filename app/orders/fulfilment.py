"""From paid to finished: shipping, receiving, the end of the return window."""

import re
from datetime import datetime, timedelta

import sqlalchemy as sa

from app import audit, catalog, outbox, settings
from app.core.errors import IllegalMove, InvalidInput
from app.core.rows import direct
from app.orders import queries, states
from app.orders.models import Order, OrderLine, OrderStatus

DELIVERY_NOTE_MAX = 500
_TRACKING = re.compile(r"[0-9A-Za-z-]{6,40}", re.ASCII)


def ship(
    order_id: int, *, carrier: str, tracking_number: str, actor: audit.Actor, now: datetime
) -> Order:
    """Hand the parcel to a carrier (发货). Raises NotFound, IllegalMove, InvalidInput."""
    order = states.locked(order_id)
    carrier, tracking_number = carrier.strip(), tracking_number.strip()
    judge_parcel(order, carrier, tracking_number)
    states.move(order, OrderStatus.SHIPPED, actor=actor, now=now)
    order.carrier, order.tracking_number, order.shipped_at = carrier, tracking_number, now
    audit.record(
        "order.ship",
        subject="order",
        subject_id=order.id,
        actor=actor,
        now=now,
        after={"carrier": carrier, "tracking_number": tracking_number},
    )
    outbox.publish("order_shipped", order.id, now=now)
    return order


def judge_parcel(order: Order, carrier: str, tracking_number: str) -> None:
    """Whether this order may go with this parcel. Raises IllegalMove, InvalidInput."""
    if order.pickup is not None:
        raise IllegalMove("自提订单不用发货，请在备好货后等待顾客提货")
    if order.is_virtual:
        raise IllegalMove("虚拟商品不用快递，请直接交付给买家")
    if order.open_aftersales:
        raise IllegalMove("这笔订单有售后在处理，请先处理售后再发货")
    if not 1 <= len(carrier) <= 30:
        raise InvalidInput("carrier", "请填写快递公司")
    if not _TRACKING.fullmatch(tracking_number):
        raise InvalidInput("tracking_number", "快递单号应为 6 到 40 位数字或字母")


def deliver(order_id: int, *, note: str, actor: audit.Actor, now: datetime) -> Order:
    """Hand virtual goods over (交付): what the buyer reads instead of a parcel's number.

    Raises NotFound, IllegalMove, InvalidInput.
    """
    order = states.locked(order_id)
    if not order.is_virtual:
        raise IllegalMove("这笔订单有实物商品，请填写快递单号发货")
    if order.open_aftersales:
        raise IllegalMove("这笔订单有售后在处理，请先处理售后再交付")
    note = note.strip()
    if not 1 <= len(note) <= DELIVERY_NOTE_MAX:
        raise InvalidInput("note", f"请填写交付内容，最多 {DELIVERY_NOTE_MAX} 个字，买家会看到")
    states.move(order, OrderStatus.SHIPPED, actor=actor, now=now)
    order.delivery_note, order.shipped_at = note, now
    # Not what it says: a code in it is worth money.
    audit.record("order.deliver", subject="order", subject_id=order.id, actor=actor, now=now)
    outbox.publish("order_shipped", order.id, now=now)
    return order


def receive(order_id: int, *, actor: audit.Actor, now: datetime, with_code: bool = False) -> Order:
    """The goods arrived (确认收货); the return window starts, its end is fixed now.

    What is fetched at a shop is received `with_code` only.
    """
    order = states.locked(order_id)
    if order.pickup is not None and not with_code:
        raise IllegalMove("自提订单请到店出示提货码，由店员核销")
    states.move(order, OrderStatus.RECEIVED, actor=actor, now=now)
    order.received_at = now
    order.guard_ends_at = now + timedelta(days=settings.value(settings.registry.GUARD_DAYS))
    outbox.publish("order_received", order.id, now=now)
    return order


def count_sold(order_id: int, now: datetime) -> None:
    """Add a paid order to its products' sold counts (order_paid).

    Here and not in the paying unit: many pay for one product at once, and none
    of them must wait for its row.
    """
    for product_id, quantity in direct(_SOLD, order_id=order_id).all():
        catalog.count_sold(product_id, quantity)


# Neither changes once the order is placed.
_SOLD = (
    sa.select(OrderLine.product_id, OrderLine.quantity)
    .where(OrderLine.order_id == sa.bindparam("order_id"))
    .order_by(OrderLine.product_id, OrderLine.id)
)


def finish(order_id: int, *, now: datetime) -> bool:
    """End an order whose guard is over: the shop has earned what is left of it.

    False, with nothing changed, where it is not due: the guard still runs, or
    news of this order is undelivered (its commissions may not be booked yet).
    """
    order = states.locked(order_id)
    if order.status is not OrderStatus.RECEIVED or not queries.may_finish(order, now):
        return False
    states.move(order, OrderStatus.FINISHED, actor=audit.Actor.system("finish"), now=now)
    order.finished_at = now
    states.earn_the_rest(order, now=now)
    outbox.publish("order_finished", order.id, now=now)
    return True


def subscribe() -> None:
    """Register with the outbox; called once when the app is made."""
    outbox.subscribe("order_paid", "orders.count_sold", count_sold)
