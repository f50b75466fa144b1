from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.core.db import db
from app.core.pages import Page, newest_first


def entries_page(
    *, actor: str = "", action: str = "", before: int | None = None, size: int = 30
) -> Page[AuditEntry]:
    """Acts of one actor, of one kind, or all of them, newest first."""
    query = sa.select(AuditEntry)
    if actor:
        query = query.filter_by(actor=actor)
    if action:
        query = query.filter_by(action=action)
    return newest_first(query, AuditEntry.id, before=before, size=size)


def entries_of(subject: str, subject_id: int, actions: Iterable[str]) -> Sequence[AuditEntry]:
    """The acts of these kinds about one subject, oldest first."""
    return db.session.scalars(
        sa.select(AuditEntry)
        .filter_by(subject=subject, subject_id=subject_id)
        .where(AuditEntry.action.in_(list(actions)))
        .order_by(AuditEntry.id)
    ).all()


def newest_entry_id() -> int:
    """The id of the newest entry; another one says that somebody changed something."""
    return db.session.scalar(sa.select(sa.func.max(AuditEntry.id))) or 0


def known_actors() -> list[str]:
    """Everyone who left an entry."""
    return list(db.session.scalars(sa.select(AuditEntry.actor).distinct().order_by("actor")))
