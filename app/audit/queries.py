from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.core.db import db


@dataclass(frozen=True)
class Search:
    """Which acts: of one actor, of one kind, about one kind of thing, in [since, until).

    `text` is looked for in reasons and addresses. What is empty does not narrow.
    """

    actor: str = ""
    action: str = ""
    subject: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def query(self) -> sa.Select[AuditEntry]:
        found = sa.select(AuditEntry)
        for name in ("actor", "action", "subject"):
            if value := getattr(self, name):
                found = found.filter_by(**{name: value})
        if self.text:
            found = found.where(
                sa.or_(
                    AuditEntry.reason.contains(self.text, autoescape=True),
                    AuditEntry.address == self.text,
                )
            )
        if self.since is not None:
            found = found.where(AuditEntry.at >= self.since)
        if self.until is not None:
            found = found.where(AuditEntry.at < self.until)
        return found


def entries_by_parts(search: Search, *, size: int = 500) -> Iterator[Sequence[AuditEntry]]:
    """All that a search finds, oldest first, by parts, so that a long log needs little memory."""
    after = 0
    while True:
        rows = db.session.scalars(
            search.query().where(AuditEntry.id > after).order_by(AuditEntry.id).limit(size)
        ).all()
        if rows:
            yield rows
        if len(rows) < size:
            return
        after = rows[-1].id
        db.session.expunge_all()


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
