"""The desk's tags of members (会员标签): words to find and group people by, seen by admins."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from app import audit
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput
from app.core.rows import affected
from app.members import queries
from app.members.models import MemberTag

NAME_CHARS_MAX, TAGS_MAX = 12, 10
# So many different ones are offered for choosing.
_OFFERED = 200


def add(member_id: int, name: str, *, actor: audit.Actor, now: datetime) -> bool:
    """Tag a member; False where they have the tag already.

    Raises:
        NotFound, InvalidInput: nothing is changed.
    """
    require_transaction()
    said = " ".join(name.split())
    if not 1 <= len(said) <= NAME_CHARS_MAX:
        raise InvalidInput("tag", f"标签应为 1 到 {NAME_CHARS_MAX} 个字")
    member = queries.locked(member_id)
    if member.erased_at is not None:
        raise InvalidInput("tag", "账号已注销，不能再加标签")
    known = {row.name for row in of_member(member_id)}
    if said in known:
        return False
    if len(known) >= TAGS_MAX:
        raise InvalidInput("tag", f"每位会员最多 {TAGS_MAX} 个标签，请先去掉不用的")
    db.session.add(MemberTag(member_id=member_id, name=said, author=actor.ref, at=now))
    db.session.flush()
    # The word stays in one place, which goes when the account does.
    audit.record("member.tag", subject="member", subject_id=member_id, actor=actor, now=now)
    return True


def remove(member_id: int, name: str, *, actor: audit.Actor, now: datetime) -> bool:
    """Take a tag away; False where the member does not have it. Raises NotFound."""
    queries.locked(member_id)
    if not affected(
        sa.delete(MemberTag).where(MemberTag.member_id == member_id, MemberTag.name == name)
    ):
        return False
    audit.record("member.untag", subject="member", subject_id=member_id, actor=actor, now=now)
    return True


def of_member(member_id: int) -> Sequence[MemberTag]:
    return db.session.scalars(
        sa.select(MemberTag).filter_by(member_id=member_id).order_by(MemberTag.id)
    ).all()


def of_members(member_ids: Iterable[int]) -> dict[int, list[str]]:
    """Tags by member, for lists."""
    found: dict[int, list[str]] = {}
    wanted = set(member_ids)
    if not wanted:
        return found
    rows = db.session.execute(
        sa.select(MemberTag.member_id, MemberTag.name)
        .where(MemberTag.member_id.in_(wanted))
        .order_by(MemberTag.id)
    )
    for member_id, name in rows:
        found.setdefault(member_id, []).append(name)
    return found


def known() -> Sequence[str]:
    """The tags in use."""
    return db.session.scalars(
        sa.select(MemberTag.name).distinct().order_by(MemberTag.name).limit(_OFFERED)
    ).all()


def forget(member_id: int) -> None:
    """The account is being deleted: so is how it was tagged."""
    affected(sa.delete(MemberTag).where(MemberTag.member_id == member_id))
