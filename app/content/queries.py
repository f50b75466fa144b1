from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from app.content.models import HomeBlock, HomeVersion
from app.core.db import db
from app.core.errors import NotFound
from app.core.pages import Page, newest_first


def draft() -> Sequence[HomeBlock]:
    """The blocks that are being worked on, in their order."""
    return _blocks(HomeBlock.version_id.is_(None))


def shown_of_draft(now: datetime) -> Sequence[HomeBlock]:
    """What people would see at `now` if the draft were published."""
    return _blocks(HomeBlock.version_id.is_(None), HomeBlock.showing(now))


def shown(now: datetime) -> Sequence[HomeBlock]:
    """What people see at `now`: the newest version's blocks, in one query."""
    newest_id = sa.select(sa.func.max(HomeVersion.id)).scalar_subquery()
    return _blocks(HomeBlock.version_id == newest_id, HomeBlock.showing(now))


def shown_of_version(version_id: int, now: datetime) -> Sequence[HomeBlock]:
    """What people would see at `now` if this version were the newest."""
    return _blocks(HomeBlock.version_id == version_id, HomeBlock.showing(now))


def of_version(version_id: int) -> Sequence[HomeBlock]:
    return _blocks(HomeBlock.version_id == version_id)


def block(block_id: int) -> HomeBlock:
    """A block of the draft. Raises NotFound; those of versions are nobody's to change."""
    found = db.session.scalar(sa.select(HomeBlock).filter_by(id=block_id, version_id=None))
    if found is None:
        raise NotFound("没有这个模块，可能已被删除")
    return found


def version(version_id: int) -> HomeVersion:
    """Raises NotFound."""
    found = db.session.get(HomeVersion, version_id)
    if found is None:
        raise NotFound("没有这个首页版本")
    return found


def newest() -> HomeVersion | None:
    return db.session.scalar(sa.select(HomeVersion).order_by(HomeVersion.id.desc()).limit(1))


def versions_page(*, before: int | None, size: int = 10) -> Page[HomeVersion]:
    return newest_first(sa.select(HomeVersion), HomeVersion.id, before=before, size=size)


def has_changes() -> bool:
    """Whether the draft is anything else than what was published last."""
    last = newest()
    published = of_version(last.id) if last else []
    return [row.facts() for row in draft()] != [row.facts() for row in published]


def _blocks(*conditions: sa.ColumnElement[bool]) -> Sequence[HomeBlock]:
    return db.session.scalars(
        sa.select(HomeBlock).where(*conditions).order_by(HomeBlock.position, HomeBlock.id)
    ).all()
