"""Booking commissions (计佣) when an order is paid, and dating them when it moves on."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import aftersales, distribution, ledger, orders, outbox
from app.commission.documents import write_rate
from app.commission.following import follow
from app.commission.models import Commission, CommissionStatus
from app.commission.plans import plan_in_force
from app.commission.quote import Line, Person, quote
from app.core.db import db, require_transaction
from app.core.rows import affected, direct, insert_all
from app.ledger import AccountKind, Move
from app.orders import OrderLine

# Built once: every paid order executes them.
_PAID = (
    sa.select(orders.Order.paid_at, orders.Order.guard_ends_at)
    .where(orders.Order.id == sa.bindparam("order_id"))
    .with_for_update()
)
_LINES = (
    sa.select(
        OrderLine.id,
        OrderLine.product_id,
        OrderLine.category_ids,
        OrderLine.quantity,
        OrderLine.paid_fen,
        OrderLine.unit_cost_fen,
        OrderLine.refunded_fen,
        sa.exists().where(Commission.order_line_id == OrderLine.id).label("is_booked"),
        aftersales.is_open(OrderLine.id).label("is_returning"),
    )
    .where(OrderLine.order_id == sa.bindparam("order_id"))
    .order_by(OrderLine.id)
)


def accrue(order_id: int, now: datetime) -> None:
    """Book the commissions of a paid order, once (order_paid).

    The plan is the one in force when the order was paid, people are those that
    the order copied at checkout.
    """
    require_transaction()
    # Refunds and after-sales lock the order first, too: what is read now stands still.
    order = direct(_PAID, order_id=order_id).one_or_none()
    if order is None or order.paid_at is None:
        raise RuntimeError(f"order {order_id} is not paid")
    rows = direct(_LINES, order_id=order_id).all()
    if any(row.is_booked for row in rows):
        return
    in_force = plan_in_force(order.paid_at)
    if in_force is None:
        return
    version, plan = in_force
    seats = orders.seats_of(order_id)
    # Whoever ended it for good since the checkout left no wallet to pay into.
    closed = distribution.closed_among(seat.member_id for seat in seats)
    buyer, *uplines = (
        Person(seat.member_id, seat.level or None, seat.is_active and seat.member_id not in closed)
        for seat in seats
    )
    lines = [
        Line(
            id=str(row.id),
            product_id=row.product_id,
            category_ids=row.category_ids,
            quantity=row.quantity,
            paid_fen=row.paid_fen,
            unit_cost_fen=row.unit_cost_fen,
        )
        for row in rows
    ]
    booked: list[dict[str, Any]] = [
        {
            "order_id": order_id,
            "order_line_id": int(result.line.id),
            "member_id": share.beneficiary_id,
            "plan_id": version.id,
            "depth": share.depth,
            "base_fen": result.base_fen,
            "rate": write_rate(share.rate),
            "source": share.source,
            "uncapped_fen": share.uncapped_fen,
            "amount_fen": share.amount_fen,
            "created_at": now,
            # Known already where the goods were fetched before this news came.
            "expected_at": order.guard_ends_at,
        }
        for result in quote(plan, buyer=buyer, uplines=uplines, lines=lines)
        for share in result.shares
    ]
    if not booked:
        return
    insert_all(Commission, booked)
    ledger.post(
        f"order:{order_id}:accrued",
        event="commission_accrued",
        moves=[
            Move(
                ledger.system(AccountKind.ORDER_HOLD),
                ledger.member(AccountKind.PENDING, share["member_id"]),
                share["amount_fen"],
            )
            for share in booked
        ],
        now=now,
        subject=("order", order_id),
    )
    if any(row.refunded_fen or row.is_returning for row in rows):
        # That happened before this news came.
        follow(order_id, cause="accrued", now=now)
    outbox.publish("commissions_accrued", order_id, now=now)


def date(order_id: int, now: datetime) -> None:
    """Tell distributors when to expect their money (order_received)."""
    order = db.session.get_one(orders.Order, order_id)
    affected(
        sa.update(Commission)
        .where(Commission.order_id == order_id)
        .values(expected_at=order.guard_ends_at)
    )


def mature(order_id: int, now: datetime) -> None:
    """Let the settlement take the commissions of a finished order (order_finished)."""
    order = db.session.get_one(orders.Order, order_id)
    if order.finished_at is None:
        raise RuntimeError(f"order {order_id} is not finished")
    affected(
        sa.update(Commission)
        .where(
            Commission.order_id == order_id,
            Commission.status.in_([CommissionStatus.PENDING, CommissionStatus.HELD]),
        )
        .values(mature_at=order.guard_ends_at)
    )


def subscribe() -> None:
    """Register with the outbox; called once when the app is made."""
    outbox.subscribe("order_paid", "commission.accrue", accrue)
    outbox.subscribe("order_received", "commission.date", date)
    outbox.subscribe("order_finished", "commission.mature", mature)
