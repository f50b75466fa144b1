import sqlalchemy as sa

from app.core.db import db
from app.core.errors import NotFound
from app.core.pages import Page, newest_first
from app.wechat.menus.models import MenuVersion


def newest() -> MenuVersion | None:
    """What we published last."""
    return db.session.scalar(sa.select(MenuVersion).order_by(MenuVersion.id.desc()).limit(1))


def version(version_id: int) -> MenuVersion:
    """Raises NotFound."""
    found = db.session.get(MenuVersion, version_id)
    if found is None:
        raise NotFound("没有这个菜单版本")
    return found


def versions_page(*, before: int | None, size: int = 10) -> Page[MenuVersion]:
    return newest_first(sa.select(MenuVersion), MenuVersion.id, before=before, size=size)
