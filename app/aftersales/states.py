"""The one place where an after-sale's state moves."""

from datetime import datetime

import sqlalchemy as sa

from app import audit, orders, outbox
from app.aftersales.errors import OwnAfterSale
from app.aftersales.models import TRANSITIONS, AfterSale, AfterSaleStatus
from app.core.db import db
from app.core.errors import IllegalMove, NotFound
from app.core.rows import lock_one
from app.orders import Order


def locked(aftersale_id: int) -> tuple[Order, AfterSale]:
    """The order and its after-sale, locked in this order everywhere. Raises NotFound."""
    order_id = db.session.scalar(sa.select(AfterSale.order_id).filter_by(id=aftersale_id))
    if order_id is None:
        raise NotFound("售后单不存在")
    order = lock_one(Order, order_id, "订单不存在")
    return order, lock_one(AfterSale, aftersale_id, "售后单不存在")


def never_own(order: Order, actor: audit.Actor) -> None:
    """Nobody decides about goods and money of their own. Raises OwnAfterSale."""
    if actor.member_id is not None and actor.member_id == order.member_id:
        raise OwnAfterSale()


def move(
    row: AfterSale, to: AfterSaleStatus, *, actor: audit.Actor, now: datetime, note: str = ""
) -> None:
    """Move a locked after-sale and log it. Raises IllegalMove."""
    if to not in TRANSITIONS[row.status]:
        raise IllegalMove(state=row.status.value)
    record(row, row.status.value, to, actor=actor, now=now, note=note)
    row.status = to


def record(
    row: AfterSale,
    before: str,
    to: AfterSaleStatus,
    *,
    actor: audit.Actor,
    now: datetime,
    note: str = "",
) -> None:
    audit.record_move(
        "aftersale",
        row.id,
        from_state=before,
        to_state=to.value,
        actor=actor,
        now=now,
        note=note,
    )
    if actor.ref.startswith("admin:"):
        audit.record(
            f"aftersale.{to.value}",
            subject="aftersale",
            subject_id=row.id,
            actor=actor,
            now=now,
            before={"status": before},
            after={"status": to.value, "amount_fen": row.amount_fen},
            reason=note,
        )


def end(order: Order, row: AfterSale, now: datetime) -> None:
    """Nothing waits for this after-sale any more: its lines and its order are free."""
    for item in row.items:
        item.open_line_id = None
    row.ended_at = now
    orders.aftersale_ended(order)
    outbox.publish("aftersale_ended", row.id, now=now)
