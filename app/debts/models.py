import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column


class WriteOffState(enum.StrEnum):
    ASKED = "asked"  # waits for a second admin
    DONE = "done"  # booked
    REFUSED = "refused"


class DebtWriteOff(Model):
    """A request to let a debt go (核销申请), and what another admin said to it."""

    __tablename__ = "debt_write_offs"
    __table_args__ = (
        sa.Index(None, "state", "id"),
        sa.CheckConstraint("amount_fen > 0", name="amount_positive"),
        sa.CheckConstraint("(state = 'asked') = (decided_at IS NULL)", name="decided_unless_asked"),
        sa.CheckConstraint(
            "(state = 'asked') = (open_member_id IS NOT NULL)", name="open_while_asked"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), index=True)
    # The member while it is asked, else NULL: one request at a time.
    open_member_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
    state: Mapped[WriteOffState] = mapped_column(enum_column(WriteOffState, "state"))
    reason: Mapped[str] = mapped_column(sa.String(200))
    asked_by: Mapped[str] = mapped_column(sa.String(64))
    asked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    answer: Mapped[str] = mapped_column(sa.String(200), default="")
    decided_by: Mapped[str] = mapped_column(sa.String(64), default="")
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
