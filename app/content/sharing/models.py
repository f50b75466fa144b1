from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime


class Material(Model):
    """A text, pictures or a video to share (推广素材)."""

    __tablename__ = "materials"
    __table_args__ = (sa.Index(None, "is_active", "category", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    category: Mapped[str] = mapped_column(sa.String(10), default="")
    text: Mapped[str] = mapped_column(sa.String(500))
    # Paths below the media folder.
    pictures: Mapped[list[str]] = mapped_column(sa.JSON)
    video_url: Mapped[str] = mapped_column(sa.String(300), default="")
    product_id: Mapped[int | None] = mapped_column(sa.ForeignKey("products.id"), index=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Article(Model):
    """Something to learn from (培训文章)."""

    __tablename__ = "training_articles"
    __table_args__ = (sa.Index(None, "is_active", "position", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(40))
    summary: Mapped[str] = mapped_column(sa.String(80), default="")
    # HTML as `catalog.richtext` leaves it.
    body: Mapped[str] = mapped_column(sa.Text)
    is_required: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=0)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ArticleRead(Model):
    """A member read an article (已读), and when first."""

    __tablename__ = "training_reads"

    article_id: Mapped[int] = mapped_column(sa.ForeignKey("training_articles.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("members.id"), primary_key=True, index=True
    )
    read_at: Mapped[datetime] = mapped_column(UTCDateTime)
