import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column


class DistributorStatus(enum.StrEnum):
    APPLIED = "applied"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUSPENDED = "suspended"  # earnings held
    CLOSED = "closed"


TRANSITIONS = {
    # Whoever deletes their account leaves from any state.
    DistributorStatus.APPLIED: {
        DistributorStatus.APPROVED,
        DistributorStatus.REJECTED,
        DistributorStatus.CLOSED,
    },
    # Refused people may mend what was missing and apply again.
    DistributorStatus.REJECTED: {DistributorStatus.APPLIED, DistributorStatus.CLOSED},
    DistributorStatus.APPROVED: {DistributorStatus.SUSPENDED, DistributorStatus.CLOSED},
    DistributorStatus.SUSPENDED: {DistributorStatus.APPROVED, DistributorStatus.CLOSED},
    DistributorStatus.CLOSED: set(),
}


class Distributor(Model):
    """A member who may earn (分销员), with the history of that in state moves."""

    __tablename__ = "distributors"
    __table_args__ = (sa.Index(None, "status", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), unique=True)
    # The code of a level; see `app.distribution.levels`, the only writer of these.
    level: Mapped[str] = mapped_column(sa.String(20), default="normal", index=True)
    level_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Sales from here on count for the next level; None: all of them.
    level_counts_from: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Until when the keep rule may not lower it, because an admin gave it.
    level_kept_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The end of the last period that the keep rule was checked for.
    level_reviewed_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    status: Mapped[DistributorStatus] = mapped_column(enum_column(DistributorStatus, "status"))
    statement: Mapped[str] = mapped_column(sa.String(200), default="")
    decision_note: Mapped[str] = mapped_column(sa.String(200), default="")
    applied_at: Mapped[datetime] = mapped_column(UTCDateTime)
    approved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ReferralCode(Model):
    """A random code that leads to its owner (推广码)."""

    __tablename__ = "referral_codes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(sa.String(16), unique=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), unique=True)
    # The official account's QR of this code, once WeChat made it.
    qr_ticket: Mapped[str] = mapped_column(sa.String(200), default="")
    qr_url: Mapped[str] = mapped_column(sa.String(200), default="")
    qr_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class BindingSource(enum.StrEnum):
    SCAN = "scan"  # a scene of the official account
    LINK = "link"  # /r/<code> in the browser
    ADMIN = "admin"


class AttemptResult(enum.StrEnum):
    """What came of an attempt to bind (绑定结果)."""

    BOUND = "bound"
    ALREADY_BOUND = "already_bound"
    UNKNOWN_CODE = "unknown_code"
    OWN_CODE = "own_code"
    OWNER_INACTIVE = "owner_inactive"
    OWN_DOWNLINE = "own_downline"  # the owner sits below the member: a loop


class BindingAttempt(Model):
    """One attempt to bind a member to an upline, whatever came of it (绑定记录)."""

    __tablename__ = "binding_attempts"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), index=True)
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("members.id"), index=True)
    source: Mapped[BindingSource] = mapped_column(enum_column(BindingSource, "source"))
    code: Mapped[str] = mapped_column(sa.String(64))
    result: Mapped[AttemptResult] = mapped_column(enum_column(AttemptResult, "result"))
    # Whom an already bound member belonged to then; the owner of the code, or another.
    upline_id: Mapped[int | None] = mapped_column(sa.ForeignKey("members.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
