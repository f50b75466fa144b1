from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column
from app.distribution.posters.layout import Audience, Layout, read


class PosterTemplate(Model):
    """A poster that the shop laid out (海报模板)."""

    __tablename__ = "poster_templates"
    __table_args__ = (sa.Index(None, "audience", "position", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(20))
    audience: Mapped[Audience] = mapped_column(enum_column(Audience, "audience"))
    # As `layout.read` understands it.
    layout: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    position: Mapped[int] = mapped_column(default=0)
    is_active: Mapped[bool] = mapped_column(default=True)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)

    @property
    def typed(self) -> Layout:
        return read(self.layout)
