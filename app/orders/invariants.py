import sqlalchemy as sa

from app.audit.invariants import illegal_moves
from app.core.db import Rows
from app.ledger import Account, AccountKind, Entry, Posting, invariant
from app.orders.extras import INVOICE_TRANSITIONS, InvoiceRequest
from app.orders.models import (
    TRANSITIONS,
    Order,
    OrderLine,
    OrderStatus,
    Payment,
    PaymentKind,
    PaymentStatus,
)


@invariant("O1", "a paid order has exactly one pay-in posting")
def _paid_without_posting() -> Rows:
    return (
        sa.select(Order.id.label("order"), sa.func.count(Posting.id).label("postings"))
        .outerjoin(
            Posting,
            sa.and_(
                Posting.subject == "order",
                Posting.subject_id == Order.id,
                Posting.event == "order_paid",
            ),
        )
        .group_by(Order.id, Order.paid_at)
        .having(sa.case((Order.paid_at.is_(None), 0), else_=1) != sa.func.count(Posting.id))
    )


@invariant("O1", "a paid order has exactly one pay-in posting")
def _paid_in_differs() -> Rows:
    return (
        sa.select(Order.id.label("order"), Order.payable_fen, Entry.amount_fen)
        .join(
            Posting,
            sa.and_(
                Posting.subject == "order",
                Posting.subject_id == Order.id,
                Posting.event == "order_paid",
            ),
        )
        .join(Entry, Entry.posting_id == Posting.id)
        .join(Account, Account.id == Entry.account_id)
        .where(Account.kind == AccountKind.ORDER_HOLD, Entry.amount_fen != Order.payable_fen)
    )


@invariant("O1", "a paid order has exactly one pay-in posting")
def _balance_without_its_entry() -> Rows:
    """What a balance paid left that balance, and nobody else's."""
    taken = (
        sa.select(Entry.id)
        .join(Posting, Posting.id == Entry.posting_id)
        .join(Account, Account.id == Entry.account_id)
        .where(
            Posting.subject == "order",
            Posting.subject_id == Order.id,
            Posting.event == "order_paid",
            Account.kind == AccountKind.AVAILABLE,
            Account.owner_id == Order.member_id,
            Entry.amount_fen == -Payment.amount_fen,
        )
    )
    return (
        sa.select(Order.id.label("order"), Payment.amount_fen)
        .join(Payment, Payment.order_id == Order.id)
        .where(
            Payment.kind == PaymentKind.BALANCE,
            sa.or_(Payment.status != PaymentStatus.SUCCESS, ~taken.exists()),
        )
    )


@invariant("O2", "refunds never exceed what was paid")
def _refunded_too_much() -> Rows:
    return sa.select(OrderLine.id.label("line"), OrderLine.refunded_fen).where(
        OrderLine.refunded_fen > OrderLine.paid_fen
    )


@invariant("O3", "nothing is held for a finished order any more")
def _held_after_finish() -> Rows:
    held = sa.func.sum(Entry.amount_fen)
    return (
        sa.select(Order.id.label("order"), held.label("held_fen"))
        .join(Posting, sa.and_(Posting.subject == "order", Posting.subject_id == Order.id))
        .join(Entry, Entry.posting_id == Posting.id)
        .join(Account, Account.id == Entry.account_id)
        .where(Account.kind == AccountKind.ORDER_HOLD, Order.status == OrderStatus.FINISHED)
        .group_by(Order.id)
        .having(held != 0)
    )


@invariant("S1", "only legal state moves, each from where the last one ended")
def _order_moves() -> Rows:
    return illegal_moves("order", TRANSITIONS, {"unpaid"}, Order)


@invariant("S1", "only legal state moves, each from where the last one ended")
def _invoice_moves() -> Rows:
    return illegal_moves("invoice", INVOICE_TRANSITIONS, {"requested"}, InvoiceRequest)
