"""Booking commissions (计佣) when an order is paid, and dating them when it moves on."""

from datetime import datetime

import sqlalchemy as sa

from app import distribution, ledger, orders, outbox
from app.commission.documents import write_rate
from app.commission.following import follow
from app.commission.models import Commission, CommissionStatus
from app.commission.plans import plan_in_force
from app.commission.quote import Line, Person, quote
from app.core.db import affected, db, require_transaction
from app.ledger import AccountKind, Move


def accrue(order_id: int, now: datetime) -> None:
    """Book the commissions of a paid order, once (order_paid).

    The plan is the one in force when the order was paid, people are those that
    the order copied at checkout.
    """
    require_transaction()
    order = db.session.get_one(orders.Order, order_id)
    if order.paid_at is None:
        raise RuntimeError(f"order {order_id} is not paid")
    booked = sa.select(Commission.id).filter_by(order_id=order_id).limit(1)
    if db.session.scalar(booked) is not None:
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
            id=str(line.id),
            product_id=line.product_id,
            category_ids=line.category_ids,
            quantity=line.quantity,
            paid_fen=line.paid_fen,
            unit_cost_fen=line.unit_cost_fen,
        )
        for line in order.lines
    ]
    booked_now = [
        Commission(
            order_id=order_id,
            order_line_id=int(result.line.id),
            member_id=share.beneficiary_id,
            plan_id=version.id,
            depth=share.depth,
            base_fen=result.base_fen,
            rate=write_rate(share.rate),
            source=share.source,
            uncapped_fen=share.uncapped_fen,
            amount_fen=share.amount_fen,
            created_at=now,
        )
        for result in quote(plan, buyer=buyer, uplines=uplines, lines=lines)
        for share in result.shares
    ]
    if not booked_now:
        return
    db.session.add_all(booked_now)
    db.session.flush()
    ledger.post(
        f"order:{order_id}:accrued",
        event="commission_accrued",
        moves=[
            Move(
                ledger.system(AccountKind.ORDER_HOLD),
                ledger.member(AccountKind.PENDING, row.member_id),
                row.amount_fen,
            )
            for row in booked_now
        ],
        now=now,
        subject=("order", order_id),
    )
    # Something may have been refunded before this news came.
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
