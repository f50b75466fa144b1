"""The desk's notes about members (备注): written once, never changed, seen by admins."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from app import audit
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput
from app.core.rows import affected
from app.members import queries
from app.members.models import MemberNote

TEXT_CHARS_MAX = 500


def add(member_id: int, text: str, *, actor: audit.Actor, now: datetime) -> MemberNote:
    """Write something down about a member. Raises NotFound, InvalidInput."""
    require_transaction()
    said = text.strip()
    if not said:
        raise InvalidInput("note", "请填写备注内容")
    if len(said) > TEXT_CHARS_MAX:
        raise InvalidInput("note", f"备注最多 {TEXT_CHARS_MAX} 个字")
    queries.get(member_id)
    note = MemberNote(member_id=member_id, text=said, author=actor.ref, at=now)
    db.session.add(note)
    db.session.flush()
    # The words stay in one place, which goes when the account does.
    audit.record("member.note", subject="member", subject_id=member_id, actor=actor, now=now)
    return note


def of_member(member_id: int, *, limit: int = 50) -> Sequence[MemberNote]:
    """The notes about a member, newest first."""
    return db.session.scalars(
        sa.select(MemberNote)
        .filter_by(member_id=member_id)
        .order_by(MemberNote.id.desc())
        .limit(limit)
    ).all()


def forget(member_id: int) -> None:
    """The account is being deleted: so is what was said about it."""
    affected(sa.delete(MemberNote).where(MemberNote.member_id == member_id))
