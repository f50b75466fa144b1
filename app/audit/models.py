from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime


class AuditEntry(Model):
    """An act with its consequences (操作日志). Never changed, never deleted."""

    __tablename__ = "audit_entries"
    __table_args__ = (sa.Index(None, "subject", "subject_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    actor: Mapped[str] = mapped_column(sa.String(64), index=True)
    action: Mapped[str] = mapped_column(sa.String(64), index=True)
    subject: Mapped[str] = mapped_column(sa.String(32))
    subject_id: Mapped[int] = mapped_column(sa.BigInteger)
    before: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    address: Mapped[str] = mapped_column(sa.String(45), default="")
    at: Mapped[datetime] = mapped_column(UTCDateTime)


class AuditSeal(Model):
    """A link of the chain over the audit entries (操作日志封条); see `chain`.

    No foreign key: that an entry is gone must be seen, not hindered by half.
    """

    __tablename__ = "audit_seals"

    # 1, 2, 3, … without a gap: its place in the chain.
    seq: Mapped[int] = mapped_column("id", sa.BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(sa.BigInteger, unique=True)
    hash: Mapped[str] = mapped_column(sa.String(64))
    sealed_at: Mapped[datetime] = mapped_column(UTCDateTime)


class StateMove(Model):
    """One move of a state machine (状态流水): from where, to where, by whom."""

    __tablename__ = "state_moves"
    __table_args__ = (sa.Index(None, "subject", "subject_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject: Mapped[str] = mapped_column(sa.String(32))
    subject_id: Mapped[int] = mapped_column(sa.BigInteger)
    # Empty for the first state: the subject came into being.
    from_state: Mapped[str] = mapped_column(sa.String(24))
    to_state: Mapped[str] = mapped_column(sa.String(24))
    actor: Mapped[str] = mapped_column(sa.String(64))
    note: Mapped[str] = mapped_column(sa.String(200), default="")
    at: Mapped[datetime] = mapped_column(UTCDateTime)
