from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.aftersales.models import (
    NEEDS_ADMIN,
    AfterSale,
    AfterSaleItem,
    AfterSaleStatus,
    Refund,
    RefundStatus,
)
from app.core.db import db
from app.core.errors import NotFound
from app.core.pages import Page, newest_first
from app.orders import Payment


@dataclass(frozen=True)
class RefundSheet:
    """What WeChat is told about a refund."""

    status: RefundStatus
    out_refund_no: str
    out_trade_no: str
    amount_fen: int
    total_fen: int
    reason: str


def aftersale_of(member_id: int, number: str) -> AfterSale:
    """An after-sale of this member. Raises NotFound for anyone else's."""
    found = db.session.scalar(
        sa.select(AfterSale)
        .filter_by(number=number, member_id=member_id)
        .options(selectinload(AfterSale.items))
    )
    if found is None:
        raise NotFound("售后单不存在")
    return found


def aftersale_by_number(number: str) -> AfterSale:
    """For the admin panel. Raises NotFound."""
    found = db.session.scalar(
        sa.select(AfterSale).filter_by(number=number).options(selectinload(AfterSale.items))
    )
    if found is None:
        raise NotFound("售后单不存在")
    return found


def aftersales_of(member_id: int, *, before: int | None = None, size: int = 10) -> Page[AfterSale]:
    """A member's after-sales, newest first."""
    query = (
        sa.select(AfterSale).filter_by(member_id=member_id).options(selectinload(AfterSale.items))
    )
    return newest_first(query, AfterSale.id, before=before, size=size)


def aftersales_page(
    statuses: Sequence[AfterSaleStatus] = (),
    *,
    number: str = "",
    before: int | None = None,
    size: int = 20,
) -> Page[AfterSale]:
    """Everyone's after-sales, newest first, for the admin panel."""
    query = sa.select(AfterSale).options(selectinload(AfterSale.items))
    if statuses:
        query = query.where(AfterSale.status.in_(statuses))
    if number:
        query = query.filter_by(number=number)
    return newest_first(query, AfterSale.id, before=before, size=size)


def aftersales_of_order(order_id: int) -> Sequence[AfterSale]:
    """Every after-sale of an order, newest first."""
    return db.session.scalars(
        sa.select(AfterSale)
        .filter_by(order_id=order_id)
        .options(selectinload(AfterSale.items))
        .order_by(AfterSale.id.desc())
    ).all()


def counts_by_status() -> dict[AfterSaleStatus, int]:
    rows = db.session.execute(
        sa.select(AfterSale.status, sa.func.count()).group_by(AfterSale.status)
    )
    return dict(rows.all())


def waiting() -> tuple[int, datetime | None]:
    """How many after-sales wait for the desk, and since when the oldest does."""
    count, oldest = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(AfterSale.created_at)).where(
            AfterSale.status.in_(NEEDS_ADMIN)
        )
    ).one()
    return count, oldest


def open_line_ids(order_id: int) -> set[int]:
    """The lines of an order that an open after-sale is about."""
    return set(
        db.session.scalars(
            sa.select(AfterSaleItem.line_id)
            .join(AfterSale, AfterSale.id == AfterSaleItem.aftersale_id)
            .where(AfterSale.order_id == order_id, AfterSaleItem.open_line_id.is_not(None))
        )
    )


def refund_of(aftersale_id: int) -> Refund | None:
    return db.session.scalar(sa.select(Refund).filter_by(aftersale_id=aftersale_id))


def refund_of_oddity(oddity_id: int) -> Refund | None:
    return db.session.scalar(sa.select(Refund).filter_by(oddity_id=oddity_id))


def refund_by_id(refund_id: int) -> Refund:
    return db.session.get_one(Refund, refund_id)


def aftersale_by_id(aftersale_id: int) -> AfterSale:
    return db.session.get_one(AfterSale, aftersale_id)


def refund_sheet(refund_id: int) -> RefundSheet:
    row = db.session.execute(
        sa.select(
            Refund.status,
            Refund.out_refund_no,
            Payment.out_trade_no,
            Refund.amount_fen,
            Refund.total_fen,
            Refund.reason,
        )
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.id == refund_id)
    ).one()
    return RefundSheet(*row)


def refunds_due(now: datetime, *, limit: int = 100) -> list[int]:
    """Refunds to send or to ask about now, the longest waiting first."""
    return list(
        db.session.scalars(
            sa.select(Refund.id)
            .where(
                Refund.status.in_([RefundStatus.CREATED, RefundStatus.PROCESSING]),
                Refund.next_at <= now,
            )
            .order_by(Refund.next_at, Refund.id)
            .limit(limit)
        )
    )


def returns_overdue(now: datetime, *, limit: int = 100) -> list[int]:
    """Agreed returns whose goods were not sent back in time."""
    return list(
        db.session.scalars(
            sa.select(AfterSale.id)
            .where(AfterSale.status == AfterSaleStatus.APPROVED, AfterSale.send_back_by <= now)
            .order_by(AfterSale.id)
            .limit(limit)
        )
    )
