from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.aftersales.models import (
    BOOKED,
    NEEDS_ADMIN,
    OPEN,
    AfterSale,
    AfterSaleItem,
    AfterSaleKind,
    AfterSaleStatus,
    Refund,
    RefundStatus,
)
from app.core.db import Rows, db
from app.core.errors import NotFound
from app.core.pages import Page, newest_first
from app.orders import Order, Payment

# `fail_reason` of a refund that waits for the merchant account, as the gateway says it.
_SHORT = "商户账户余额不足"


@dataclass(frozen=True)
class RefundSheet:
    """What WeChat is told about a refund."""

    status: RefundStatus
    out_refund_no: str
    out_trade_no: str
    amount_fen: int
    total_fen: int
    reason: str


@dataclass(frozen=True)
class Habit:
    """How often a buyer comes back with something."""

    asked: int
    orders_asked: int
    orders_paid: int
    refunded_fen: int

    @property
    def percent(self) -> int:
        """Paid orders with an after-sale, in whole percent."""
        return self.orders_asked * 100 // self.orders_paid if self.orders_paid else 0


@dataclass(frozen=True)
class Trouble:
    """Refunds that need a person: of after-sales and refused by WeChat, or short of money."""

    abnormal: int
    short: int


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


WITH_ITEMS = selectinload(AfterSale.items)


def aftersales_page(
    statuses: Sequence[AfterSaleStatus] = (),
    *,
    number: str = "",
    before: int | None = None,
    size: int = 20,
) -> Page[AfterSale]:
    """Everyone's after-sales, newest first; `number` as of `desk_aftersales`."""
    query = desk_aftersales(statuses, number=number)
    return newest_first(query.options(WITH_ITEMS), AfterSale.id, before=before, size=size)


def desk_aftersales(
    statuses: Sequence[AfterSaleStatus] = (), *, number: str = "", kind: AfterSaleKind | None = None
) -> Rows:
    """What the desk's list of after-sales is narrowed to."""
    query = sa.select(AfterSale)
    if statuses:
        query = query.where(AfterSale.status.in_(statuses))
    if kind is not None:
        query = query.where(AfterSale.kind == kind)
    if number:
        of_order = sa.select(Order.id).filter_by(number=number)
        query = query.where(sa.or_(AfterSale.number == number, AfterSale.order_id.in_(of_order)))
    return query


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


def open_count(member_id: int) -> int:
    """How many after-sales of a member are under way."""
    return db.session.execute(
        sa.select(sa.func.count()).where(
            AfterSale.member_id == member_id, AfterSale.status.in_(OPEN)
        )
    ).scalar_one()


def numbers_by_id(ids: Iterable[int]) -> dict[int, str]:
    """Numbers by id, for links to them."""
    rows = db.session.execute(
        sa.select(AfterSale.id, AfterSale.number).where(AfterSale.id.in_(set(ids)))
    )
    return dict(rows.all())


def habit_of(member_id: int) -> Habit:
    """A buyer's history of after-sales against their paid orders."""
    booked = sa.case((AfterSale.status.in_(BOOKED), AfterSale.goods_fen + AfterSale.freight_fen))
    asked, orders_asked, refunded = db.session.execute(
        sa.select(
            sa.func.count(),
            sa.func.count(sa.distinct(AfterSale.order_id)),
            sa.func.coalesce(sa.func.sum(booked), 0),
        ).where(AfterSale.member_id == member_id)
    ).one()
    paid = db.session.execute(
        sa.select(sa.func.count()).where(Order.member_id == member_id, Order.paid_at.is_not(None))
    ).scalar_one()
    return Habit(asked, orders_asked, paid, int(refunded))


def waiting() -> tuple[int, datetime | None]:
    """How many after-sales wait for the desk, and since when the oldest does."""
    count, oldest = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(AfterSale.created_at)).where(
            AfterSale.status.in_(NEEDS_ADMIN)
        )
    ).one()
    return count, oldest


def is_open(line_id: sa.SQLColumnExpression[int]) -> sa.ColumnElement[bool]:
    """Whether an open after-sale is about this line, as a condition for a query."""
    return sa.exists().where(AfterSaleItem.open_line_id == line_id)


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


def refunds_of_oddities(oddity_ids: Iterable[int]) -> dict[int, Refund]:
    """The refunds of late money, by the oddity that they answer."""
    rows = db.session.scalars(sa.select(Refund).where(Refund.oddity_id.in_(set(oddity_ids))))
    return {row.oddity_id: row for row in rows if row.oddity_id is not None}


def trouble() -> Trouble:
    """How many refunds cannot go on without a person."""
    abnormal, short = db.session.execute(
        sa.select(
            sa.func.count(
                sa.case(
                    (
                        sa.and_(
                            Refund.status == RefundStatus.ABNORMAL,
                            Refund.aftersale_id.is_not(None),
                        ),
                        1,
                    )
                )
            ),
            sa.func.count(
                sa.case(
                    (
                        sa.and_(
                            Refund.status == RefundStatus.CREATED, Refund.fail_reason == _SHORT
                        ),
                        1,
                    )
                )
            ),
        ).where(Refund.status.in_([RefundStatus.ABNORMAL, RefundStatus.CREATED]))
    ).one()
    return Trouble(abnormal, short)


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
