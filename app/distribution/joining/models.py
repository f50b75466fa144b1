from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime


class JoinForm(Model):
    """One version of what applicants fill in (申请表); the newest is in force."""

    __tablename__ = "join_forms"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # As `form.Field.document` writes them.
    fields: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)
    created_by: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class JoinContract(Model):
    """One version of what applicants agree to (合作约定)."""

    __tablename__ = "join_contracts"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    version: Mapped[str] = mapped_column(sa.String(20), unique=True)
    text: Mapped[str] = mapped_column(sa.Text)
    text_hash: Mapped[str] = mapped_column(sa.String(64))
    effective_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    created_by: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
