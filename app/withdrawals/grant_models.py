import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column


class GrantStatus(enum.StrEnum):
    """Where a member's grant stands; WeChat's word in brackets."""

    CREATED = "created"  # saved; WeChat has not said yet that it has it
    WAITING = "waiting"  # the member must confirm in WeChat (WAIT_USER_CONFIRM)
    ACTIVE = "active"  # transfers need no confirmation (TAKING_EFFECT)
    CLOSED = "closed"  # by the member, by us, by WeChat, or nobody confirmed (CLOSED)


G = GrantStatus
GRANT_TRANSITIONS = {
    G.CREATED: {G.WAITING, G.ACTIVE, G.CLOSED},
    G.WAITING: {G.ACTIVE, G.CLOSED},
    G.ACTIVE: {G.CLOSED},
    G.CLOSED: set(),
}


class TransferGrant(Model):
    """A member lets WeChat take our transfers without asking each time (免确认收款授权)."""

    __tablename__ = "transfer_grants"
    __table_args__ = (
        sa.Index(None, "status", "queried_at"),
        sa.CheckConstraint(
            "(status = 'closed') = (live_member_id IS NULL)", name="live_until_closed"
        ),
        sa.CheckConstraint(
            "(status = 'closed') = (closed_at IS NOT NULL)", name="closed_has_a_time"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), index=True)
    # The member until it is closed, NULL afterwards: never two at a time.
    live_member_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    out_authorization_no: Mapped[str] = mapped_column(sa.String(32), unique=True)
    openid: Mapped[str] = mapped_column(sa.String(64))
    # Exactly what is sent, so that the same number always carries the same data.
    body: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    status: Mapped[GrantStatus] = mapped_column(
        enum_column(GrantStatus, "status"), default=GrantStatus.CREATED
    )
    authorization_id: Mapped[str] = mapped_column(sa.String(64), default="")
    # What the page needs to open the confirmation in WeChat.
    package_info: Mapped[str] = mapped_column(sa.String(500), default="")
    close_reason: Mapped[str] = mapped_column(sa.String(64), default="")
    sent_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    queried_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    active_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The member wants it ended: it pays nothing more, and WeChat is asked until it is closed.
    end_asked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
