from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime


class SettingChange(Model):
    """One value that a setting was given; the newest of a key is in force."""

    __tablename__ = "setting_changes"
    __table_args__ = (sa.Index(None, "key", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(64))
    value: Mapped[Any] = mapped_column(sa.JSON)
    changed_by: Mapped[str] = mapped_column(sa.String(64))
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime)


class SettingProposal(Model):
    """A value that waits for a second person (设置变更申请); `open_key` while it does."""

    __tablename__ = "setting_proposals"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(64), index=True)
    open_key: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    # What was in force when it was proposed.
    before: Mapped[Any] = mapped_column(sa.JSON)
    value: Mapped[Any] = mapped_column(sa.JSON)
    proposed_by: Mapped[str] = mapped_column(sa.String(64))
    proposed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    is_agreed: Mapped[bool | None]
    decided_by: Mapped[str | None] = mapped_column(sa.String(64))
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
