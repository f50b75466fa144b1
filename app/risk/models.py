import enum
from datetime import datetime
from typing import TypedDict

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column


class RiskKind(enum.StrEnum):
    SELF_REFERRAL = "self_referral"  # the buyer seems to be the distributor's second account
    BURST = "burst"  # more people bound in a few minutes than the shop expects
    RING = "ring"  # distributors who earn from each other's purchases


class RiskState(enum.StrEnum):
    OPEN = "open"  # a person has yet to look; settlement waits
    CLEARED = "cleared"  # nothing wrong
    CONFIRMED = "confirmed"  # abuse; the distributors were suspended


class Evidence(TypedDict):
    """One finding: its kind, the sentence for the desk, and when (ISO 8601)."""

    code: str
    text: str
    at: str


class RiskFlag(Model):
    """Something that looks like abuse, for a person to decide (风险提示)."""

    __tablename__ = "risk_flags"
    __table_args__ = (
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_unless_open"),
        sa.Index(None, "state", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # Names the people and the kind: the same suspicion is raised once.
    key: Mapped[str] = mapped_column(sa.String(100), unique=True)
    kind: Mapped[RiskKind] = mapped_column(enum_column(RiskKind, "kind"))
    state: Mapped[RiskState] = mapped_column(enum_column(RiskState, "state"))
    evidence: Mapped[list[Evidence]] = mapped_column(sa.JSON)
    found_at: Mapped[datetime] = mapped_column(UTCDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    decided_by: Mapped[str] = mapped_column(sa.String(64), default="")
    reason: Mapped[str] = mapped_column(sa.String(200), default="")


class RiskFlagMember(Model):
    """Somebody a flag is about; `is_held`: whose commissions wait for the answer."""

    __tablename__ = "risk_flag_members"

    flag_id: Mapped[int] = mapped_column(sa.ForeignKey("risk_flags.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("members.id"), primary_key=True, index=True
    )
    is_held: Mapped[bool]


class TraceKind(enum.StrEnum):
    PHONE = "phone"
    ADDRESS = "address"
    DEVICE = "device"


class RiskTrace(Model):
    """A phone, address or browser that a member used, as a keyed hash."""

    __tablename__ = "risk_traces"
    __table_args__ = (sa.Index(None, "seen_at"),)

    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), primary_key=True)
    kind: Mapped[TraceKind] = mapped_column(enum_column(TraceKind, "kind"), primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
