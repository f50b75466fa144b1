import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column


class State(enum.StrEnum):
    WAITING = "waiting"  # to be delivered at `due_at`, or leased until then
    DONE = "done"
    FAILED = "failed"  # gave up after ATTEMPTS_MAX; a person must look


class OutboxRow(Model):
    """One piece of news for one subscriber."""

    __tablename__ = "outbox"
    __table_args__ = (
        # The same fact is news once; who asks what became of one finds its rows.
        sa.UniqueConstraint("topic", "subject_id", "subscriber"),
        sa.Index(None, "state", "due_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    topic: Mapped[str] = mapped_column(sa.String(40))
    subject_id: Mapped[int] = mapped_column(sa.BigInteger)
    subscriber: Mapped[str] = mapped_column(sa.String(60))
    state: Mapped[State] = mapped_column(enum_column(State, "state"), default=State.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_error: Mapped[str] = mapped_column(sa.String(300), default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
