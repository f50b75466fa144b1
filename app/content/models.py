from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.content.blocks import Content, Kind, read
from app.core.db import BigId, Model, UTCDateTime, enum_column


class HomeVersion(Model):
    """The home page as it was published (首页版本); the newest is what people see."""

    __tablename__ = "home_versions"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    published_at: Mapped[datetime] = mapped_column(UTCDateTime)
    published_by: Mapped[str] = mapped_column(sa.String(64))
    note: Mapped[str] = mapped_column(sa.String(100), default="")


class HomeBlock(Model):
    """A block of the home page (首页模块), of the draft or of one version."""

    __tablename__ = "home_blocks"
    __table_args__ = (
        sa.Index(None, "version_id", "position"),
        sa.CheckConstraint(
            "shown_from IS NULL OR shown_until IS NULL OR shown_until > shown_from", name="window"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # None: of the draft, the only ones that change.
    version_id: Mapped[int | None] = mapped_column(sa.ForeignKey("home_versions.id"))
    kind: Mapped[Kind] = mapped_column(enum_column(Kind, "kind"))
    title: Mapped[str] = mapped_column(sa.String(20), default="")
    position: Mapped[int] = mapped_column(default=0)
    # As `blocks.read` understands it for this kind.
    content: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    shown_from: Mapped[datetime | None] = mapped_column(UTCDateTime)
    shown_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    is_active: Mapped[bool] = mapped_column(default=True)

    @property
    def typed(self) -> Content:
        return read(self.kind, self.content)

    def is_shown_at(self, now: datetime) -> bool:
        """Whether people see it at `now`, once it is published."""
        return (
            self.is_active
            and (self.shown_from is None or self.shown_from <= now)
            and (self.shown_until is None or self.shown_until > now)
        )

    @classmethod
    def showing(cls, now: datetime) -> sa.ColumnElement[bool]:
        """`is_shown_at` as a condition of a query."""
        return sa.and_(
            cls.is_active,
            sa.or_(cls.shown_from.is_(None), cls.shown_from <= now),
            sa.or_(cls.shown_until.is_(None), cls.shown_until > now),
        )

    def facts(self) -> dict[str, Any]:
        """All that makes it what it is, but for its id and its place."""
        return {
            "block_kind": self.kind.value,
            "title": self.title,
            "block_content": self.content,
            "shown_from": self.shown_from.isoformat() if self.shown_from else None,
            "shown_until": self.shown_until.isoformat() if self.shown_until else None,
            "is_active": self.is_active,
        }
