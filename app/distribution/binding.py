"""Who belongs to whom (绑定). The only writer of a member's upline columns."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import outbox
from app.core.db import affected, db, insert_now, lock_rows, require_transaction
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
    edge = _decide(member_id, owner_id)
    if isinstance(edge, _Edge):
        _set_upline(edge, now)
        outbox.publish("member_bound", member_id, now=now)
    kept = None
    result = AttemptResult.BOUND if isinstance(edge, _Edge) else edge
    if result is AttemptResult.ALREADY_BOUND:
        kept = db.session.get_one(Member, member_id).upline1_id
    row = BindingAttempt(
        member_id=member_id,
        owner_id=owner_id,
        source=source,
        code=code[:64],
        result=result,
        upline_id=kept,
        at=now,
    )
    insert_now(row)
    return row


@dataclass(frozen=True)
class _Edge:
    """A free member and the owner whom they may be hung under, both locked."""

    member: Member
    owner: Member


def _decide(member_id: int, owner_id: int | None) -> AttemptResult | _Edge:
    if owner_id is None:
        return AttemptResult.UNKNOWN_CODE
    if owner_id == member_id:
        return AttemptResult.OWN_CODE
    if not queries.is_active(owner_id):
        return AttemptResult.OWNER_INACTIVE
    # Who has an upline keeps it, so that nobody needs to wait to see that.
    if db.session.get_one(Member, member_id).upline1_id is not None:
        return AttemptResult.ALREADY_BOUND
    edge, root_id = _lock_tree_edge(member_id, owner_id)
    if edge.member.upline1_id is not None:
        return AttemptResult.ALREADY_BOUND
    # Who has no upline can be above the owner as the root only.
    if root_id == member_id:
        return AttemptResult.OWN_DOWNLINE
    return edge


def _lock_tree_edge(member_id: int, owner_id: int) -> tuple[_Edge, int]:
    """Lock both ends and the owner's root; the two rows, and the root's id.

    A loop can only close where a root becomes somebody's child. Locking the root
    of the owner's tree as well makes A under B wait for B under A: the second
    one then sees the first. The root is looked up again after the wait, because
    the tree may have grown upwards meanwhile; from the owner's locked row on.
    """
    locked: set[int] = set()
    wanted = {member_id, owner_id, _root_of(owner_id, _uplines_of(owner_id))}
    while wanted - locked:
        locked |= wanted
        rows = {row.id: row for row in lock_rows(Member, sorted(locked))}
        owner = rows[owner_id]
        root_id = _root_of(owner_id, (owner.upline1_id, owner.upline2_id, owner.upline3_id))
        wanted = {root_id}
    return _Edge(rows[member_id], owner), root_id


Uplines = tuple[int | None, int | None, int | None]


def _root_of(member_id: int, above: Uplines) -> int:
    """The top of the tree in which `member_id` has these uplines, nearest first."""
    for _ in range(_CHAIN_MAX):
        known = [upline for upline in above if upline is not None]
        if known:
            member_id = known[-1]
        if len(known) < len(above):
            return member_id
        above = _uplines_of(member_id)
    raise RuntimeError(f"the referral tree has no root above member {member_id}")


def _uplines_of(member_id: int) -> Uplines:
    row = db.session.execute(
        sa.select(Member.upline1_id, Member.upline2_id, Member.upline3_id).where(
            Member.id == member_id
        )
    ).one()
    return row.upline1_id, row.upline2_id, row.upline3_id


def _set_upline(edge: _Edge, now: datetime) -> None:
    """Hang a root under the owner and mend the columns of the two levels below."""
    member, owner = edge.member, edge.owner
    member.upline1_id = owner.id
    member.upline2_id = owner.upline1_id
    member.upline3_id = owner.upline2_id
    member.bound_at = now
    db.session.flush()
    has_team = affected(
        sa.update(Member)
        .where(Member.upline1_id == member.id)
        .values(upline2_id=owner.id, upline3_id=owner.upline1_id)
    )
    if has_team:
        affected(
            sa.update(Member).where(Member.upline2_id == member.id).values(upline3_id=owner.id)
        )
