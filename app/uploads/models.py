from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime


class MemberUpload(Model):
    """A picture that a member uploaded (会员图片)."""

    __tablename__ = "member_uploads"
    __table_args__ = (
        sa.Index(None, "member_id", "created_at"),
        # What `sweep` looks for.
        sa.Index(None, "used_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    # Below the media folder.
    path: Mapped[str] = mapped_column(sa.String(80), unique=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # NULL until a review or the like shows it, and again once nothing does.
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
