import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import BigId, Model, UTCDateTime, enum_column


class AfterSaleKind(enum.StrEnum):
    REFUND = "refund"  # 仅退款
    RETURN = "return"  # 退货退款
    EXCHANGE = "exchange"  # 换货


class AfterSaleStatus(enum.StrEnum):
    APPLIED = "applied"  # waits for a reviewer
    APPROVED = "approved"  # the member sends the goods back
    RETURNING = "returning"  # on their way back
    RETURNED = "returned"  # an exchange: the shop sends the new ones
    REFUNDING = "refunding"  # booked; WeChat pays it back
    ABNORMAL = "abnormal"  # WeChat could not pay it back: a person must look
    SUCCESS = "success"
    MANUAL = "manual"  # paid back by hand, two people saw to it
    EXCHANGED = "exchanged"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"  # WeChat closed the refund: everything is as before


S = AfterSaleStatus
TRANSITIONS = {
    S.APPLIED: {S.APPROVED, S.REJECTED, S.WITHDRAWN},
    # Whoever does not send the goods back keeps them.
    S.APPROVED: {S.RETURNING, S.REFUNDING, S.WITHDRAWN},
    S.RETURNING: {S.RETURNED, S.REJECTED},
    S.RETURNED: {S.REFUNDING, S.EXCHANGED},
    S.REFUNDING: {S.SUCCESS, S.ABNORMAL, S.CLOSED},
    S.ABNORMAL: {S.REFUNDING, S.MANUAL},
    S.SUCCESS: set(),
    S.MANUAL: set(),
    S.EXCHANGED: set(),
    S.REJECTED: set(),
    S.WITHDRAWN: set(),
    S.CLOSED: set(),
}
# Neither side is done with these.
OPEN = frozenset(state for state, onward in TRANSITIONS.items() if onward)
# The money is booked as refunded in these.
BOOKED = frozenset({S.REFUNDING, S.ABNORMAL, S.SUCCESS, S.MANUAL})
# Somebody at the desk must act.
NEEDS_ADMIN = frozenset({S.APPLIED, S.RETURNING, S.RETURNED, S.ABNORMAL})


class AfterSale(Model):
    """What a member asks for after they paid (售后单)."""

    __tablename__ = "aftersales"
    __table_args__ = (
        sa.Index(None, "status", "id"),
        sa.Index(None, "member_id", "id"),
        sa.CheckConstraint("goods_fen >= 0 AND freight_fen >= 0", name="parts_not_negative"),
        sa.CheckConstraint(
            "kind = 'exchange' OR goods_fen + freight_fen > 0", name="refund_of_something"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(sa.String(32), unique=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    kind: Mapped[AfterSaleKind] = mapped_column(enum_column(AfterSaleKind, "kind"))
    status: Mapped[AfterSaleStatus] = mapped_column(enum_column(AfterSaleStatus, "status"))
    reason: Mapped[str] = mapped_column(sa.String(40))
    description: Mapped[str] = mapped_column(sa.String(500), default="")
    # Paths below the media folder.
    pictures: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    goods_fen: Mapped[int] = mapped_column(sa.BigInteger)
    freight_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # Why it was refused, or what was said when it was agreed to.
    decision_note: Mapped[str] = mapped_column(sa.String(200), default="")
    return_carrier: Mapped[str] = mapped_column(sa.String(30), default="")
    return_tracking: Mapped[str] = mapped_column(sa.String(40), default="")
    send_back_by: Mapped[datetime | None] = mapped_column(UTCDateTime)
    is_restocked: Mapped[bool] = mapped_column(default=False)
    resend_carrier: Mapped[str] = mapped_column(sa.String(30), default="")
    resend_tracking: Mapped[str] = mapped_column(sa.String(40), default="")
    # The first of two who say that it was paid back by hand, and how.
    manual_first: Mapped[str] = mapped_column(sa.String(64), default="")
    manual_note: Mapped[str] = mapped_column(sa.String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    items: Mapped[list["AfterSaleItem"]] = relationship(order_by="AfterSaleItem.id")

    @property
    def amount_fen(self) -> int:
        return self.goods_fen + self.freight_fen


class AfterSaleItem(Model):
    """A line of the order that an after-sale is about."""

    __tablename__ = "aftersale_items"
    __table_args__ = (
        sa.UniqueConstraint("aftersale_id", "line_id"),
        sa.CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        sa.CheckConstraint("amount_fen >= 0", name="amount_not_negative"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    aftersale_id: Mapped[int] = mapped_column(sa.ForeignKey("aftersales.id"))
    line_id: Mapped[int] = mapped_column(sa.ForeignKey("order_lines.id"), index=True)
    # The line while this is open, NULL afterwards: one after-sale at a time.
    open_line_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    quantity: Mapped[int]
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)


class RefundStatus(enum.StrEnum):
    """WeChat's states of a refund; CREATED and MANUAL are ours."""

    CREATED = "CREATED"  # saved, WeChat may or may not know it
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    ABNORMAL = "ABNORMAL"
    CLOSED = "CLOSED"
    MANUAL = "MANUAL"


FINAL = frozenset({RefundStatus.SUCCESS, RefundStatus.CLOSED, RefundStatus.MANUAL})


class Refund(Model):
    """Money on its way back to a buyer (退款单): of an after-sale, or late money."""

    __tablename__ = "refunds"
    __table_args__ = (
        sa.Index(None, "status", "next_at"),
        sa.CheckConstraint("amount_fen BETWEEN 1 AND total_fen", name="amount_in_range"),
        sa.CheckConstraint("(aftersale_id IS NULL) <> (oddity_id IS NULL)", name="of_one_thing"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    out_refund_no: Mapped[str] = mapped_column(sa.String(32), unique=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    payment_id: Mapped[int] = mapped_column(sa.ForeignKey("payments.id"))
    aftersale_id: Mapped[int | None] = mapped_column(sa.ForeignKey("aftersales.id"), unique=True)
    oddity_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payment_oddities.id"), unique=True)
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
    total_fen: Mapped[int] = mapped_column(sa.BigInteger)
    reason: Mapped[str] = mapped_column(sa.String(80))
    status: Mapped[RefundStatus] = mapped_column(
        enum_column(RefundStatus, "status"), default=RefundStatus.CREATED
    )
    refund_id: Mapped[str] = mapped_column(sa.String(64), default="")
    fail_reason: Mapped[str] = mapped_column(sa.String(100), default="")
    tries: Mapped[int] = mapped_column(default=0)
    # When to send or ask again.
    next_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
