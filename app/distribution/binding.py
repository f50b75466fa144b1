"""Who belongs to whom (绑定). The only writer of a member's upline columns."""

from datetime import datetime

import sqlalchemy as sa

from app import outbox
from app.core.db import affected, db, lock_rows, require_transaction
from app.distribution import queries
from app.distribution.models import AttemptResult, BindingAttempt, BindingSource
from app.members import Member

# Far longer than any real chain; a walk this long means the tree is broken.
_CHAIN_MAX = 10_000


def bind(member_id: int, *, code: str, source: BindingSource, now: datetime) -> AttemptResult:
    """Try to bind a member to the owner of `code`; never raises for a refusal.

    Permanent first touch (首次绑定、永久有效). Leaves a row in the binding history
    whatever comes of it.
    """
    owner_id = queries.code_owner(code)
    return attempt(member_id, owner_id=owner_id, code=code, source=source, now=now).result


def attempt(
    member_id: int, *, owner_id: int | None, code: str, source: BindingSource, now: datetime
) -> BindingAttempt:
    """The same for an owner who is known already; the row of the history.

    A channel's code leads to its owner, too. None is the owner of an unknown code.
    """
    require_transaction()
    result = _decide(member_id, owner_id)
    if result is AttemptResult.BOUND and owner_id is not None:
        _set_upline(member_id, owner_id, now)
        outbox.publish("member_bound", member_id, now=now)
    kept = None
    if result is AttemptResult.ALREADY_BOUND:
        kept = db.session.scalar(sa.select(Member.upline1_id).where(Member.id == member_id))
    row = BindingAttempt(
        member_id=member_id,
        owner_id=owner_id,
        source=source,
        code=code[:64],
        result=result,
        upline_id=kept,
        at=now,
    )
    db.session.add(row)
    db.session.flush()
    return row


def _decide(member_id: int, owner_id: int | None) -> AttemptResult:
    if owner_id is None:
        return AttemptResult.UNKNOWN_CODE
    if owner_id == member_id:
        return AttemptResult.OWN_CODE
    if not queries.is_active(owner_id):
        return AttemptResult.OWNER_INACTIVE
    if not _lock_tree_edge(member_id, owner_id):
        return AttemptResult.ALREADY_BOUND
    if _sits_above(member_id, owner_id):
        return AttemptResult.OWN_DOWNLINE
    return AttemptResult.BOUND


def _lock_tree_edge(member_id: int, owner_id: int) -> bool:
    """Lock both ends and the owner's root; return whether the member is free.

    A loop can only close where a root becomes somebody's child. Locking the root
    of the owner's tree as well makes A under B wait for B under A: the second
    one then sees the first. Roots are looked up again after the wait, because
    the tree may have grown upwards meanwhile.
    """
    locked: set[int] = set()
    wanted = {member_id, owner_id, _root_of(owner_id)}
    while wanted - locked:
        locked |= wanted
        rows = {row.id: row for row in lock_rows(Member, sorted(locked))}
        wanted = {_root_of(owner_id)}
    return rows[member_id].upline1_id is None


def _root_of(member_id: int) -> int:
    for _ in range(_CHAIN_MAX):
        above = db.session.scalar(sa.select(Member.upline1_id).where(Member.id == member_id))
        if above is None:
            return member_id
        member_id = above
    raise RuntimeError(f"the referral tree has no root above member {member_id}")


def _sits_above(member_id: int, owner_id: int) -> bool:
    """Whether `member_id` is somewhere above `owner_id`: as the root, if at all.

    The member has no upline, so they can only be above as the root.
    """
    return _root_of(owner_id) == member_id


def _set_upline(member_id: int, owner_id: int, now: datetime) -> None:
    """Hang a root under `owner_id` and mend the columns of the two levels below."""
    owner = db.session.get_one(Member, owner_id, populate_existing=True)
    member = db.session.get_one(Member, member_id, populate_existing=True)
    member.upline1_id = owner.id
    member.upline2_id = owner.upline1_id
    member.upline3_id = owner.upline2_id
    member.bound_at = now
    db.session.flush()
    affected(
        sa.update(Member)
        .where(Member.upline1_id == member_id)
        .values(upline2_id=owner.id, upline3_id=owner.upline1_id)
    )
    affected(sa.update(Member).where(Member.upline2_id == member_id).values(upline3_id=owner.id))
