"""Tables beside an order that most orders or most pages do without."""

import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.crypto import EncryptedText
from app.core.db import BigId, Model, UTCDateTime, enum_column


class OrderAdjustment(Model):
    """A part of an order's price that lowered it, as it was at checkout (优惠明细)."""

    __tablename__ = "order_adjustments"
    __table_args__ = (sa.CheckConstraint("amount_fen > 0", name="amount_positive"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(24))
    title: Mapped[str] = mapped_column(sa.String(60))
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)


class Located:
    """Where a shop is, wherever the columns of one come from."""

    region: Any
    detail: Any

    @property
    def one_line(self) -> str:
        return f"{self.region} {self.detail}"


class PickupShop(Located, Model):
    """A shop where people fetch what they ordered (自提点)."""

    __tablename__ = "pickup_shops"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(40))
    region: Mapped[str] = mapped_column(sa.String(60))
    detail: Mapped[str] = mapped_column(sa.String(80))
    hours: Mapped[str] = mapped_column(sa.String(60))
    phone: Mapped[str] = mapped_column(sa.String(30))
    is_open: Mapped[bool] = mapped_column(default=True)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Pickup(Model):
    """That an order is fetched at a shop, and the code that proves whose it is (自提)."""

    __tablename__ = "order_pickups"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), unique=True)
    shop_id: Mapped[int] = mapped_column(sa.ForeignKey("pickup_shops.id"), index=True)
    # Twelve digits: read aloud, typed at a counter, and not to be guessed.
    code: Mapped[str] = mapped_column(sa.String(12), unique=True)
    picked_up_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    shop: Mapped[PickupShop] = relationship()

    @property
    def spaced_code(self) -> str:
        return " ".join(self.code[at : at + 4] for at in range(0, 12, 4))


class OrderTrace(Model):
    """Where a parcel was, as an admin entered it (物流轨迹)."""

    __tablename__ = "order_traces"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    text: Mapped[str] = mapped_column(sa.String(120))
    entered_by: Mapped[str] = mapped_column(sa.String(64))


class TitleKind(enum.StrEnum):
    PERSONAL = "personal"  # 个人
    COMPANY = "company"  # 单位


class InvoiceStatus(enum.StrEnum):
    REQUESTED = "requested"  # 待开票
    ISSUED = "issued"  # 已开票
    REFUSED = "refused"  # 未能开票; may be asked for again


INVOICE_TRANSITIONS = {
    InvoiceStatus.REQUESTED: {InvoiceStatus.ISSUED, InvoiceStatus.REFUSED},
    InvoiceStatus.ISSUED: set(),
    InvoiceStatus.REFUSED: {InvoiceStatus.REQUESTED},
}


class InvoiceRequest(Model):
    """That a member wants an invoice for an order (发票申请)."""

    __tablename__ = "invoice_requests"
    __table_args__ = (
        sa.Index(None, "status", "id"),
        sa.CheckConstraint(
            "title_kind = 'personal' OR tax_number <> ''", name="company_has_tax_number"
        ),
        sa.CheckConstraint(
            "(status = 'issued') = (invoice_number <> '')", name="number_when_issued"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), unique=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), index=True)
    status: Mapped[InvoiceStatus] = mapped_column(enum_column(InvoiceStatus, "status"))
    title_kind: Mapped[TitleKind] = mapped_column(enum_column(TitleKind, "title_kind"))
    title: Mapped[str] = mapped_column(sa.String(60))
    tax_number: Mapped[str] = mapped_column(sa.String(18), default="")
    email: Mapped[str] = mapped_column(EncryptedText)
    # What is invoiced, as it was asked for.
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
    invoice_number: Mapped[str] = mapped_column(sa.String(20), default="")
    # Why it was refused, as its owner may read it.
    note: Mapped[str] = mapped_column(sa.String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    handled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
