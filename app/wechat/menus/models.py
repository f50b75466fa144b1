from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime


class MenuVersion(Model):
    """A set of menus as it was published (菜单版本); the newest was published last."""

    __tablename__ = "menu_versions"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # File name to document, with `{mall}` and names of tags.
    documents: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    published_at: Mapped[datetime] = mapped_column(UTCDateTime)
    published_by: Mapped[str] = mapped_column(sa.String(64))
    note: Mapped[str] = mapped_column(sa.String(200), default="")
