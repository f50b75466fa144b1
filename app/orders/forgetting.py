"""What a deleted account leaves behind in its orders (注销): trade without a person.

Law wants orders and payments kept for three years (电子商务法, art. 31); it does not
want to know who fetched the parcel.
"""

import sqlalchemy as sa

from app.core.db import db, require_transaction
from app.core.rows import affected
from app.orders.cart.models import CartLine
from app.orders.extras import InvoiceRequest, InvoiceStatus, OrderTrace, TitleKind
from app.orders.models import Order, OrderStatus, Payment

_OVER = (OrderStatus.CLOSED, OrderStatus.FINISHED)


def open_orders(member_id: int) -> int:
    """How many orders of a member did not end, the return window included."""
    return _count(Order, Order.member_id == member_id, Order.status.not_in(_OVER))


def open_invoices(member_id: int) -> int:
    """How many invoices of a member still wait to be issued."""
    return _count(
        InvoiceRequest,
        InvoiceRequest.member_id == member_id,
        InvoiceRequest.status == InvoiceStatus.REQUESTED,
    )


def forget(member_id: int) -> None:
    """Blank who and where in a member's orders and invoices; empty their cart.

    Numbers, goods, amounts and times stay. An invoice in a company's name keeps the
    company: it is a taxpayer, not a person.
    """
    require_transaction()
    affected(
        sa.update(Order)
        .where(Order.member_id == member_id)
        .values(
            receiver_name="",
            receiver_phone="",
            receiver_region="",
            receiver_detail="",
            remark="",
            delivery_note=None,
        )
    )
    affected(
        sa.update(Payment)
        .where(Payment.order_id.in_(sa.select(Order.id).where(Order.member_id == member_id)))
        .values(payer_openid="")
    )
    affected(
        sa.delete(OrderTrace).where(
            OrderTrace.order_id.in_(sa.select(Order.id).where(Order.member_id == member_id))
        )
    )
    mine = InvoiceRequest.member_id == member_id
    affected(sa.update(InvoiceRequest).where(mine).values(email=""))
    affected(
        sa.update(InvoiceRequest)
        .where(mine, InvoiceRequest.title_kind == TitleKind.PERSONAL)
        .values(title="个人", tax_number="")
    )
    affected(sa.delete(CartLine).where(CartLine.member_id == member_id))


def _count(table: type[Order] | type[InvoiceRequest], *conditions: sa.ColumnElement[bool]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(table).where(*conditions)) or 0
