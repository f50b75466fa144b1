import enum
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column

# So long after the review its author may add to it.
FOLLOW_UP_DAYS = 180


class ReviewStatus(enum.StrEnum):
    """Whether others see it (评价状态)."""

    WAITING = "waiting"  # 待审核
    SHOWN = "shown"
    HIDDEN = "hidden"


TRANSITIONS = {
    ReviewStatus.WAITING: {ReviewStatus.SHOWN, ReviewStatus.HIDDEN},
    ReviewStatus.SHOWN: {ReviewStatus.HIDDEN},
    ReviewStatus.HIDDEN: {ReviewStatus.SHOWN},
}


class Grade(enum.StrEnum):
    """Stars in a word (好评、中评、差评)."""

    GOOD = "good"  # 4 and 5 stars
    MIDDLING = "middling"  # 3
    BAD = "bad"  # 1 and 2

    @classmethod
    def of(cls, stars: int) -> "Grade":
        return cls.GOOD if stars >= 4 else cls.MIDDLING if stars == 3 else cls.BAD


class Review(Model):
    """What a buyer says of one line of an order (评价)."""

    __tablename__ = "reviews"
    __table_args__ = (
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name="stars_in_range"),
        sa.CheckConstraint(
            "(followed_at IS NULL) = (followup_status IS NULL)", name="followup_whole"
        ),
        sa.CheckConstraint("(replied_at IS NULL) = (reply = '')", name="reply_whole"),
        # What the product's page lists, and what the desk lists.
        sa.Index(None, "product_id", "status", "id"),
        sa.Index(None, "status", "id"),
        sa.Index(None, "followup_status", "id"),
        sa.Index(None, "member_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_line_id: Mapped[int] = mapped_column(sa.ForeignKey("order_lines.id"), unique=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"))
    # As they were bought.
    title: Mapped[str] = mapped_column(sa.String(80))
    sku_name: Mapped[str] = mapped_column(sa.String(60))
    stars: Mapped[int]
    text: Mapped[str] = mapped_column(sa.String(500), default="")
    # Paths below the media folder.
    pictures: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    # Engines differ on how to ask a JSON list for its length.
    has_pictures: Mapped[bool] = mapped_column(default=False)
    is_anonymous: Mapped[bool] = mapped_column(default=False)
    status: Mapped[ReviewStatus] = mapped_column(enum_column(ReviewStatus, "status"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # 追评: NULL while there is none.
    followup_text: Mapped[str] = mapped_column(sa.String(500), default="")
    followup_pictures: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    followup_status: Mapped[ReviewStatus | None] = mapped_column(
        enum_column(ReviewStatus, "followup_status")
    )
    followed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # 商家回复
    reply: Mapped[str] = mapped_column(sa.String(500), default="")
    replied_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    replied_by: Mapped[str] = mapped_column(sa.String(64), default="")

    @property
    def grade(self) -> Grade:
        return Grade.of(self.stars)

    @property
    def shows_followup(self) -> bool:
        return self.followup_status is ReviewStatus.SHOWN

    @property
    def is_waiting(self) -> bool:
        """Whether a part of it waits for a person."""
        return ReviewStatus.WAITING in (self.status, self.followup_status)

    def may_follow_up(self, now: datetime) -> bool:
        """Whether its author may still add to it."""
        return self.followed_at is None and now < self.created_at + timedelta(days=FOLLOW_UP_DAYS)


class ProductRating(Model):
    """What the shown reviews of a product amount to (商品评分)."""

    __tablename__ = "product_ratings"
    __table_args__ = (
        sa.CheckConstraint(
            "good >= 0 AND middling >= 0 AND bad >= 0 AND pictured >= 0", name="counts_not_negative"
        ),
        sa.CheckConstraint(
            "stars_sum BETWEEN good + middling + bad AND 5 * (good + middling + bad)",
            name="stars_fit_counts",
        ),
    )

    product_id: Mapped[int] = mapped_column(
        sa.ForeignKey("products.id"), primary_key=True, autoincrement=False
    )
    good: Mapped[int] = mapped_column(default=0)
    middling: Mapped[int] = mapped_column(default=0)
    bad: Mapped[int] = mapped_column(default=0)
    pictured: Mapped[int] = mapped_column(default=0)
    stars_sum: Mapped[int] = mapped_column(default=0)

    @property
    def count(self) -> int:
        return self.good + self.middling + self.bad

    @property
    def average_tenths(self) -> int:
        """The average in tenths of a star, halves up: 47 is 4.7; 0 without reviews."""
        return (20 * self.stars_sum + self.count) // (2 * self.count) if self.count else 0

    @property
    def good_percent(self) -> int:
        """The share of good ones in whole per cent, rounded down: 100 only when all are."""
        return 100 * self.good // self.count if self.count else 0
