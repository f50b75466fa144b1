import sqlalchemy as sa

from app.aftersales.models import (
    BOOKED,
    TRANSITIONS,
    AfterSale,
    AfterSaleItem,
    AfterSaleStatus,
    Refund,
    RefundStatus,
)
from app.audit.invariants import illegal_moves
from app.core.db import Rows
from app.ledger import Account, AccountKind, Entry, Posting, invariant
from app.orders import Order, OrderLine, Payment, PaymentKind

_O2 = "refunds never exceed what was paid"
_R1 = "what was refunded of a line and of freight is what its after-sales say"
_R2 = "refund_due holds exactly the refunds under way and the money that came late"
_OPEN = (RefundStatus.CREATED, RefundStatus.PROCESSING, RefundStatus.ABNORMAL)
_PAID_BACK = (RefundStatus.SUCCESS, RefundStatus.MANUAL)


@invariant("O2", _O2)
def _paid_back_too_much() -> Rows:
    back = sa.func.sum(Refund.amount_fen)
    return (
        sa.select(Order.id.label("order"), back.label("refunded_fen"), Order.payable_fen)
        .join(Refund, Refund.order_id == Order.id)
        .where(Refund.aftersale_id.is_not(None), Refund.status != RefundStatus.CLOSED)
        .group_by(Order.id, Order.payable_fen)
        .having(back > Order.payable_fen)
    )


@invariant("R1", _R1)
def _line_differs() -> Rows:
    said = (
        sa.select(
            AfterSaleItem.line_id,
            sa.func.sum(AfterSaleItem.amount_fen).label("fen"),
            sa.func.sum(AfterSaleItem.quantity).label("pieces"),
        )
        .join(AfterSale, AfterSale.id == AfterSaleItem.aftersale_id)
        .where(AfterSale.status.in_(BOOKED))
        .group_by(AfterSaleItem.line_id)
        .subquery()
    )
    return (
        sa.select(OrderLine.id.label("line"), OrderLine.refunded_fen, said.c.fen)
        .outerjoin(said, said.c.line_id == OrderLine.id)
        .where(
            sa.or_(
                OrderLine.refunded_fen != sa.func.coalesce(said.c.fen, 0),
                OrderLine.refunded_quantity != sa.func.coalesce(said.c.pieces, 0),
            )
        )
    )


@invariant("R1", _R1)
def _freight_differs() -> Rows:
    said = (
        sa.select(AfterSale.order_id, sa.func.sum(AfterSale.freight_fen).label("fen"))
        .where(AfterSale.status.in_(BOOKED))
        .group_by(AfterSale.order_id)
        .subquery()
    )
    return (
        sa.select(Order.id.label("order"), Order.freight_refunded_fen, said.c.fen)
        .outerjoin(said, said.c.order_id == Order.id)
        .where(Order.freight_refunded_fen != sa.func.coalesce(said.c.fen, 0))
    )


@invariant("R1", _R1)
def _open_count_differs() -> Rows:
    """An after-sale is open until its commissions followed and its lines are free."""
    is_open = sa.case(
        (sa.and_(AfterSale.id.is_not(None), AfterSale.ended_at.is_(None)), 1), else_=0
    )
    counted = sa.func.coalesce(sa.func.sum(is_open), 0)
    return (
        sa.select(Order.id.label("order"), Order.open_aftersales, counted.label("open"))
        .outerjoin(AfterSale, AfterSale.order_id == Order.id)
        .group_by(Order.id, Order.open_aftersales)
        .having(Order.open_aftersales != counted)
    )


@invariant("R2", _R2)
def _refund_due_differs() -> Rows:
    held = (
        sa.select(sa.func.coalesce(sa.func.sum(Entry.amount_fen), 0))
        .join(Account, Account.id == Entry.account_id)
        .where(Account.kind == AccountKind.REFUND_DUE)
        .scalar_subquery()
    )
    under_way = _sum_of(Refund.aftersale_id.is_not(None), Refund.status.in_(_OPEN))
    late_back = _sum_of(Refund.oddity_id.is_not(None), Refund.status.in_(_PAID_BACK))
    late = (
        sa.select(sa.func.coalesce(sa.func.sum(Entry.amount_fen), 0))
        .join(Posting, Posting.id == Entry.posting_id)
        .join(Account, Account.id == Entry.account_id)
        .where(
            Account.kind == AccountKind.REFUND_DUE,
            Posting.event.in_(("paid_late", "paid_twice")),
        )
        .scalar_subquery()
    )
    return sa.select(
        held.label("held_fen"), (under_way + late - late_back).label("owed_fen")
    ).where(held != under_way + late - late_back)


@invariant("R2", _R2)
def _states_apart() -> Rows:
    """A refund and its after-sale agree on how far they are."""
    together = {
        AfterSaleStatus.REFUNDING: (RefundStatus.CREATED, RefundStatus.PROCESSING),
        AfterSaleStatus.ABNORMAL: (RefundStatus.ABNORMAL,),
        AfterSaleStatus.SUCCESS: (RefundStatus.SUCCESS,),
        AfterSaleStatus.MANUAL: (RefundStatus.MANUAL,),
        AfterSaleStatus.CLOSED: (RefundStatus.CLOSED,),
    }
    fits = [
        sa.and_(AfterSale.status == state, Refund.status.in_(statuses))
        for state, statuses in together.items()
    ]
    return (
        sa.select(AfterSale.id.label("aftersale"), AfterSale.status, Refund.status.label("refund"))
        .outerjoin(Refund, Refund.aftersale_id == AfterSale.id)
        .where(
            sa.or_(Refund.id.is_not(None), AfterSale.status.in_(list(together))),
            sa.not_(sa.func.coalesce(sa.or_(*fits), sa.false())),
        )
    )


@invariant("R2", _R2)
def _back_by_another_way() -> Rows:
    """What a balance paid goes back to that balance, whole, and never to WeChat or a bank."""
    came = sa.func.coalesce(sa.func.sum(Entry.amount_fen), 0)
    return (
        sa.select(Refund.id.label("refund"), Refund.amount_fen, came.label("back_fen"))
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Order, Order.id == Refund.order_id)
        .outerjoin(
            Posting,
            Posting.idem_key == sa.literal("refund:") + Refund.out_refund_no + ":paid",
        )
        .outerjoin(
            Entry,
            sa.and_(
                Entry.posting_id == Posting.id,
                Entry.account_id.in_(
                    sa.select(Account.id).where(
                        Account.owner_id == Order.member_id,
                        Account.kind.in_((AccountKind.AVAILABLE, AccountKind.DEBT)),
                    )
                ),
            ),
        )
        .where(Payment.kind == PaymentKind.BALANCE)
        .group_by(Refund.id, Refund.amount_fen)
        .having(came != Refund.amount_fen)
    )


@invariant("S1", "only legal state moves, each from where the last one ended")
def _aftersale_moves() -> Rows:
    return illegal_moves("aftersale", TRANSITIONS, {"applied"}, AfterSale)


def _sum_of(*conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return (
        sa.select(sa.func.coalesce(sa.func.sum(Refund.amount_fen), 0))
        .where(*conditions)
        .scalar_subquery()
    )
