"""From news of the outbox to what a receiver reads."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import members, orders, outbox
from app.aftersales import AfterSale, AfterSaleStatus
from app.commission import SettlementBatch
from app.core import clock, ids
from app.core.db import db
from app.distribution import Distributor
from app.integrations.hooks.models import (
    HookDelivery,
    HookEndpoint,
    HookEvent,
    HookState,
)
from app.withdrawals import Withdrawal

E = HookEvent
Data = dict[str, Any]


def subscribe() -> None:
    """Register with the outbox; called once when the app is made."""
    for topic, (event, tell) in _TOPICS.items():
        outbox.subscribe(topic, f"hooks.{event.value}", _writer(event, tell), holds_up=False)


def _writer(event: HookEvent, tell: Callable[[int], Data | None]) -> outbox.Handler:
    def write(subject_id: int, now: datetime) -> None:
        wanting = [
            row.id
            for row in db.session.scalars(sa.select(HookEndpoint).filter_by(state=HookState.ACTIVE))
            if event.value in row.events
        ]
        # Most shops have none, and news is frequent.
        if not wanting:
            return
        data = tell(subject_id)
        if data is None:
            return
        body = json.dumps(
            {"type": event.value, "timestamp": _said(now), "data": data}, ensure_ascii=False
        )
        known = set(
            db.session.scalars(
                sa.select(HookDelivery.endpoint_id).filter_by(event=event, subject_id=subject_id)
            )
        )
        for endpoint_id in wanting:
            if endpoint_id not in known:
                db.session.add(
                    HookDelivery(
                        public_id=f"evt_{ids.random_code(24)}",
                        endpoint_id=endpoint_id,
                        event=event,
                        subject_id=subject_id,
                        body=body,
                        due_at=now,
                        created_at=now,
                    )
                )

    return write


def _order(order_id: int) -> Data:
    row = orders.by_ids([order_id])[order_id]
    return {
        "order": row.number,
        "member": members.get(row.member_id).public_id,
        "status": row.status.value,
        "payable_fen": row.payable_fen,
        "carrier": row.carrier,
        "tracking_number": row.tracking_number,
    }


def _refunded(aftersale_id: int) -> Data | None:
    """Of after-sales that ended, those that gave money back."""
    row = db.session.get_one(AfterSale, aftersale_id)
    if row.status not in (AfterSaleStatus.SUCCESS, AfterSaleStatus.MANUAL):
        return None
    return {
        "aftersale": row.number,
        "order": orders.by_ids([row.order_id])[row.order_id].number,
        "member": members.get(row.member_id).public_id,
        "kind": row.kind.value,
        "amount_fen": row.amount_fen,
    }


def _bound(member_id: int) -> Data:
    row = members.get(member_id)
    upline = members.get(row.upline1_id).public_id if row.upline1_id else None
    return {"member": row.public_id, "upline": upline, "bound_at": _said(row.bound_at)}


def _joined(distributor_id: int) -> Data:
    row = db.session.get_one(Distributor, distributor_id)
    return {"member": members.get(row.member_id).public_id, "level": row.level}


def _settled(batch_id: int) -> Data:
    row = db.session.get_one(SettlementBatch, batch_id)
    return {"settlement_id": row.id, "commissions": row.rows, "amount_fen": row.amount_fen}


def _paid(withdrawal_id: int) -> Data:
    row = db.session.get_one(Withdrawal, withdrawal_id)
    return {
        "withdrawal": row.number,
        "member": members.get(row.member_id).public_id,
        "gross_fen": row.gross_fen,
        "net_fen": row.net_fen,
    }


def _said(moment: datetime | None) -> str | None:
    return None if moment is None else clock.local(moment).isoformat()


_TOPICS: dict[str, tuple[HookEvent, Callable[[int], Data | None]]] = {
    "order_paid": (E.ORDER_PAID, _order),
    "order_shipped": (E.ORDER_SHIPPED, _order),
    "order_received": (E.ORDER_RECEIVED, _order),
    "order_closed": (E.ORDER_CLOSED, _order),
    "aftersale_ended": (E.AFTERSALE_REFUNDED, _refunded),
    "member_bound": (E.MEMBER_BOUND, _bound),
    "distributor_approved": (E.DISTRIBUTOR_JOINED, _joined),
    "commissions_settled": (E.COMMISSION_SETTLED, _settled),
    "withdrawal_paid": (E.WITHDRAWAL_PAID, _paid),
}
