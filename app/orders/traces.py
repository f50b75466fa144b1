"""Where a parcel is (物流轨迹): entered by hand, unless a provider is plugged in."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from app import audit
from app.core.db import db, require_transaction
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.orders import states
from app.orders.extras import OrderTrace
from app.orders.models import Order
from app.orders.ports import Trace

TRACES_MAX = 60


class EnteredTraces:
    """Implements `TraceProvider` with what admins typed."""

    def traces(self, order: Order) -> Sequence[Trace]:
        return [Trace(row.at, row.text) for row in entered(order.id)]


def entered(order_id: int) -> Sequence[OrderTrace]:
    """The rows of an order, the newest first."""
    return db.session.scalars(
        sa.select(OrderTrace)
        .filter_by(order_id=order_id)
        .order_by(OrderTrace.at.desc(), OrderTrace.id.desc())
    ).all()


def add_trace(
    order_id: int, *, at: datetime, text: str, actor: audit.Actor, now: datetime
) -> OrderTrace:
    """Enter where a parcel was. Raises NotFound, IllegalMove, InvalidInput."""
    order = states.locked(order_id)
    text = " ".join(text.split())
    if order.shipped_at is None or order.pickup is not None:
        raise IllegalMove("订单还没有发货，不能录入物流")
    if not text:
        raise InvalidInput("text", "请填写物流信息")
    if len(text) > 120:
        raise InvalidInput("text", "物流信息最多 120 个字")
    if at > now:
        raise InvalidInput("at", "时间不能晚于现在")
    if at < order.created_at:
        raise InvalidInput("at", "时间不能早于下单时间")
    if len(entered(order_id)) >= TRACES_MAX:
        raise InvalidInput("text", f"一个订单最多 {TRACES_MAX} 条物流信息")
    row = OrderTrace(order_id=order_id, at=at, text=text, entered_by=actor.ref)
    db.session.add(row)
    db.session.flush()
    audit.record(
        "order.trace",
        subject="order",
        subject_id=order_id,
        actor=actor,
        now=now,
        after={"at": at.isoformat(), "text": text},
    )
    return row


def delete_trace(order_id: int, trace_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Take back a row that was mistyped. Raises NotFound."""
    require_transaction()
    row = db.session.scalar(sa.select(OrderTrace).filter_by(id=trace_id, order_id=order_id))
    if row is None:
        raise NotFound("这条物流信息不存在")
    audit.record(
        "order.trace_delete",
        subject="order",
        subject_id=order_id,
        actor=actor,
        now=now,
        before={"at": row.at.isoformat(), "text": row.text},
    )
    db.session.delete(row)
