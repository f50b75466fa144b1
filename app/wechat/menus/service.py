from datetime import datetime

from app import audit
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput
from app.wechat.menus.documents import Documents
from app.wechat.menus.models import MenuVersion
from app.wechat.menus.queries import newest

NOTE_MAX = 200


def check_note(note: str) -> str:
    """Raises InvalidInput: the note is too long."""
    note = note.strip()
    if len(note) > NOTE_MAX:
        raise InvalidInput("note", f"备注最多 {NOTE_MAX} 个字")
    return note


def record(documents: Documents, *, actor: audit.Actor, note: str, now: datetime) -> MenuVersion:
    """Keep what was just published. The same documents again are the same version."""
    require_transaction()
    last = newest()
    row = last
    if row is None or row.documents != documents:
        row = MenuVersion(
            documents=documents, published_at=now, published_by=actor.ref, note=check_note(note)
        )
        db.session.add(row)
        db.session.flush()
    audit.record(
        "menu.publish",
        subject="menu_version",
        subject_id=row.id,
        actor=actor,
        now=now,
        before={"menu_version": last.id if last else None},
        after={"menu_version": row.id},
        reason=note,
    )
    return row


def record_half(sent: list[str], *, actor: audit.Actor, reason: str, now: datetime) -> None:
    """WeChat took some documents and not the others: the act stays in the log."""
    last = newest()
    audit.record(
        "menu.publish_half",
        subject="menu_version",
        subject_id=last.id if last else 0,
        actor=actor,
        now=now,
        after={"sent": sent},
        reason=reason[:200],
    )
