"""What admins chose for their lists."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime


class ListView(Model):
    """Filters, columns and order under a name (列表视图): one's own, or shared by an owner."""

    __tablename__ = "admin_list_views"
    __table_args__ = (
        sa.UniqueConstraint("admin_id", "listing", "name"),
        sa.Index(None, "listing", "is_shared"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    admin_id: Mapped[int] = mapped_column(sa.ForeignKey("admins.id"))
    listing: Mapped[str] = mapped_column(sa.String(32))
    name: Mapped[str] = mapped_column(sa.String(20))
    filters: Mapped[dict[str, str]] = mapped_column(sa.JSON)
    columns: Mapped[list[str]] = mapped_column(sa.JSON)
    sort: Mapped[str] = mapped_column(sa.String(32), default="")
    is_shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ListChoice(Model):
    """How one admin wants to see one list: its columns, and the view it opens with."""

    __tablename__ = "admin_list_choices"
    __table_args__ = (sa.UniqueConstraint("admin_id", "listing"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    admin_id: Mapped[int] = mapped_column(sa.ForeignKey("admins.id"))
    listing: Mapped[str] = mapped_column(sa.String(32))
    # Empty: those shown from the start.
    columns: Mapped[list[str]] = mapped_column(sa.JSON)
    view_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("admin_list_views.id", ondelete="SET NULL")
    )
