import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.crypto import EncryptedText
from app.core.db import BigId, Model, UTCDateTime, enum_column


class HookEvent(enum.StrEnum):
    """What other systems can be told (事件)."""

    ORDER_PAID = "order.paid"
    ORDER_SHIPPED = "order.shipped"
    ORDER_RECEIVED = "order.received"
    ORDER_CLOSED = "order.closed"
    AFTERSALE_REFUNDED = "aftersale.refunded"
    MEMBER_BOUND = "member.bound"
    DISTRIBUTOR_JOINED = "distributor.joined"
    COMMISSION_SETTLED = "commission.settled"
    WITHDRAWAL_PAID = "withdrawal.paid"


class HookState(enum.StrEnum):
    ACTIVE = "active"
    STOPPED = "stopped"  # by an admin
    DISABLED = "disabled"  # by us: it failed for too long


class HookEndpoint(Model):
    """Where another system listens (推送地址)."""

    __tablename__ = "hook_endpoints"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(40))
    url: Mapped[str] = mapped_column(sa.String(300))
    events: Mapped[list[str]] = mapped_column(sa.JSON)
    state: Mapped[HookState] = mapped_column(
        enum_column(HookState, "state"), default=HookState.ACTIVE
    )
    secret: Mapped[str] = mapped_column(EncryptedText)
    # Signs beside the new one until then, so that a receiver can change over.
    old_secret: Mapped[str | None] = mapped_column(EncryptedText)
    old_secret_ends_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The first failure since the last success; long ago means it is dead.
    failing_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_by: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class DeliveryState(enum.StrEnum):
    WAITING = "waiting"  # to be sent at `due_at`, or being sent until then
    DELIVERED = "delivered"
    FAILED = "failed"  # given up after a day; an admin may send it again


class HookDelivery(Model):
    """One event for one endpoint (推送记录). Its body never changes."""

    __tablename__ = "hook_deliveries"
    __table_args__ = (
        sa.UniqueConstraint("endpoint_id", "event", "subject_id"),
        sa.Index(None, "state", "due_at"),
        sa.Index(None, "endpoint_id", "id"),
        sa.Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # What a receiver tells repeats by; the same at every attempt.
    public_id: Mapped[str] = mapped_column(sa.String(40), unique=True)
    endpoint_id: Mapped[int] = mapped_column(sa.ForeignKey("hook_endpoints.id"))
    event: Mapped[HookEvent] = mapped_column(enum_column(HookEvent, "event"))
    subject_id: Mapped[int] = mapped_column(sa.BigInteger)
    body: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[DeliveryState] = mapped_column(
        enum_column(DeliveryState, "state"), default=DeliveryState.WAITING
    )
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # The newest answer: its status, 0 for none, and how it began.
    answer_status: Mapped[int | None] = mapped_column(sa.SmallInteger)
    answer: Mapped[str] = mapped_column(sa.String(300), default="")
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    endpoint: Mapped[HookEndpoint] = relationship()
