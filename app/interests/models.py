from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime


class Favourite(Model):
    """A product that a member keeps an eye on (收藏)."""

    __tablename__ = "favourites"
    __table_args__ = (sa.UniqueConstraint("member_id", "product_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"), index=True)
    # Its cheapest SKU when it was added.
    was_fen: Mapped[int] = mapped_column(sa.BigInteger)
    added_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Visit(Model):
    """The last time that a member looked at a product (浏览足迹)."""

    __tablename__ = "visits"
    __table_args__ = (sa.Index(None, "member_id", "seen_at"), sa.Index(None, "seen_at"))

    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("members.id"), primary_key=True, autoincrement=False
    )
    product_id: Mapped[int] = mapped_column(
        sa.ForeignKey("products.id"), primary_key=True, autoincrement=False, index=True
    )
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)


class VisitorDay(Model):
    """That a member opened the mall on a day (每日访客), in Shanghai, and when first."""

    __tablename__ = "visitor_days"
    __table_args__ = (sa.Index(None, "member_id"), sa.Index(None, "first_at"))

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("members.id"), primary_key=True, autoincrement=False
    )
    first_at: Mapped[datetime] = mapped_column(UTCDateTime)
