import enum
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column
from app.distribution.levels.ladder import Level, read_conditions, read_keep

# A level that an admin gave for ever.
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
RANK_MAX = 99


class DistributorLevel(Model):
    """A level with its conditions and its keep rule (分销等级)."""

    __tablename__ = "distributor_levels"
    __table_args__ = (
        sa.CheckConstraint(f"level_rank BETWEEN 0 AND {RANK_MAX}", name="rank_in_range"),
        sa.CheckConstraint("(level_rank = 0) = (code = 'normal')", name="base_has_rank_0"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # The key in plans, orders and histories: it never changes.
    code: Mapped[str] = mapped_column(sa.String(20), unique=True)
    name: Mapped[str] = mapped_column(sa.String(30), unique=True)
    # `rank` alone is a word of MySQL's own.
    rank: Mapped[int] = mapped_column("level_rank", unique=True)
    benefits: Mapped[str] = mapped_column(sa.String(300), default="")
    conditions: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    keep: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    is_active: Mapped[bool] = mapped_column(default=True)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)

    def level(self) -> Level:
        return Level(
            self.code,
            self.name,
            self.rank,
            self.benefits,
            read_conditions(self.conditions),
            read_keep(self.keep),
            self.is_active,
        )


class LevelTag(Model):
    """A name that a level's tag at WeChat has or had: such tags are ours to empty."""

    __tablename__ = "level_tags"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(30), unique=True)


class Cause(enum.StrEnum):
    """Why a level changed (变动原因)."""

    EVENT = "event"  # the conditions of a higher one were met
    PERIOD = "period"  # the keep rule was missed
    ADMIN = "admin"


class LevelChange(Model):
    """One step of a distributor on the ladder (等级变动). Never changed."""

    __tablename__ = "level_changes"
    __table_args__ = (
        # A period lowers once; for other causes it is NULL, which is never equal.
        sa.UniqueConstraint("distributor_id", "period"),
        sa.Index(None, "from_level"),
        sa.Index(None, "to_level"),
        sa.CheckConstraint("(cause = 'period') = (period IS NOT NULL)", name="period_is_named"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    distributor_id: Mapped[int] = mapped_column(sa.ForeignKey("distributors.id"))
    from_level: Mapped[str] = mapped_column(sa.String(20))
    to_level: Mapped[str] = mapped_column(sa.String(20))
    cause: Mapped[Cause] = mapped_column(enum_column(Cause, "cause"))
    # `2026-10`, `2026Q4`: the period in which the keep rule was missed.
    period: Mapped[str | None] = mapped_column(sa.String(8))
    # What it was decided by; nothing for an admin's decision.
    figures: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    # Until when an admin's decision stands against the keep rule.
    kept_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    actor: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
