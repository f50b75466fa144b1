from collections.abc import Sequence

import sqlalchemy as sa

from app.core.db import db
from app.settings.models import SettingChange


def history(key: str, *, limit: int = 20) -> Sequence[SettingChange]:
    """The newest values that a setting was given; the first is in force."""
    return db.session.scalars(
        sa.select(SettingChange).filter_by(key=key).order_by(SettingChange.id.desc()).limit(limit)
    ).all()
