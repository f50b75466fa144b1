import enum
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model, enum_column


class TeamFigure(Model):
    """What a member's orders brought an upline at one depth (团队业绩)."""

    __tablename__ = "team_figures"
    __table_args__ = (
        # Lists by what was sold and by what was earned walk these backwards.
        sa.Index(None, "upline_id", "depth", "sales_fen", "member_id"),
        sa.Index(None, "upline_id", "depth", "earned_fen", "member_id"),
        sa.CheckConstraint("depth BETWEEN 1 AND 3", name="depth_within_hard_cap"),
        sa.CheckConstraint(
            "orders >= 0 AND sales_fen >= 0 AND earned_fen >= 0", name="not_below_0"
        ),
    )

    upline_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), primary_key=True)
    depth: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("members.id"), primary_key=True, index=True
    )
    # Paid orders of which something is left, and what is left of them, freight left out.
    orders: Mapped[int]
    sales_fen: Mapped[int] = mapped_column(sa.BigInteger)
    # What the upline's commissions of these orders stand at.
    earned_fen: Mapped[int] = mapped_column(sa.BigInteger)


class RankingPeriod(enum.StrEnum):
    WEEK = "week"
    MONTH = "month"


class RankingPlace(Model):
    """A distributor's place in one week or month (排行榜), as it was last computed."""

    __tablename__ = "ranking_places"
    __table_args__ = (sa.Index(None, "period", "starts_on", "place", "member_id"),)

    period: Mapped[RankingPeriod] = mapped_column(
        enum_column(RankingPeriod, "period"), primary_key=True
    )
    starts_on: Mapped[date] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("members.id"), primary_key=True, index=True
    )
    # The same for the same figure; the next one counts all before it.
    place: Mapped[int]
    value_fen: Mapped[int] = mapped_column(sa.BigInteger)
