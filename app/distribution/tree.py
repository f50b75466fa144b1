"""The referral tree (归属树): the only writer of a member's upline columns.

A loop can only close through members who have somebody below: each member on a
loop has. So

- whoever has nobody below is moved under the locks of the two rows alone: the
  member's, which anybody who wants to join below waits for, and the new upline's,
  whose columns are copied. No chain leads through such a member, so no other move
  sees a chain change.
- whoever has somebody below is moved under the lock of the whole tree as well. The
  chain above the new upline then stands still: its members have somebody below, too.

`_mend_below` goes downwards, children first: whoever joins a child after that takes
the child's new columns, whoever joined before is found by the next statement.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import QueryableAttribute, aliased
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.util import identity_key

from app import settings
from app.core.db import db, require_transaction
from app.core.rows import add_once, affected, lock_rows, write
from app.distribution.models import Distributor, DistributorStatus, ReferralCode, TreeLock
from app.members import Member

# Far longer than any real chain; a walk this long means the tree is broken.
_CHAIN_MAX = 10_000

# What a move writes.
_COLUMNS = ("upline1_id", "upline2_id", "upline3_id", "bound_at")

Uplines = tuple[int | None, int | None, int | None]


@dataclass(frozen=True)
class Edge:
    """A member and the upline whom they may be hung under, both locked.

    `upline` is None for who shall belong to nobody. `closes_loop`: the upline sits
    below the member, and the move must not be made.
    """

    member: Member
    upline: Member | None
    has_team: bool
    closes_loop: bool

    @property
    def is_new(self) -> bool:
        """Whether this is the member's first upline ever."""
        return self.member.bound_at is None


_below, _near = aliased(Member), aliased(Member)


def _of_near(column: QueryableAttribute[Any]) -> sa.ScalarSelect[Any]:
    return sa.select(column).where(_near.id == sa.bindparam("upline_id")).scalar_subquery()


# What the subqueries read is locked as well, but for others who read: nobody moves the
# new upline while its columns are copied, and no distributor who binds is suspended
# meanwhile. An UPDATE with a join would not lock them.
_HANG_NEWCOMER = (
    sa.update(Member)
    .where(
        Member.id == sa.bindparam("member_id"),
        Member.bound_at.is_(None),
        # By the row, not by the parameter: MariaDB answers what no row has a part in before
        # it locks the row, and whoever joins below meanwhile would not be seen.
        ~sa.exists().where(_below.upline1_id == Member.id),
    )
    .values(
        upline1_id=sa.bindparam("upline_id"),
        upline2_id=_of_near(_near.upline1_id),
        upline3_id=_of_near(_near.upline2_id),
        bound_at=sa.bindparam("now"),
    )
)
_HANG_NEWCOMER_IF = _HANG_NEWCOMER.where(
    sa.exists().where(
        ReferralCode.code == sa.bindparam("code"),
        ReferralCode.member_id == sa.bindparam("upline_id"),
        Distributor.member_id == ReferralCode.member_id,
        Distributor.status == DistributorStatus.APPROVED,
    ),
    sa.bindparam("stamp") == settings.STAMP,
)


@dataclass(frozen=True)
class Presumption:
    """That `code` leads to who may bind now, and the settings are as of `stamp`."""

    code: str
    stamp: int


def hang_newcomer(
    member_id: int, upline_id: int, now: datetime, *, given: Presumption | None = None
) -> bool:
    """Hang a member who never had an upline, and has nobody below, under this one.

    What most binds come to, in one statement. False, and nothing changed: it is
    not so, and wants `lock_edge`; or what was `given` does not hold.
    """
    values = {"member_id": member_id, "upline_id": upline_id, "now": now}
    if given is None:
        done = write(_HANG_NEWCOMER, **values)
    else:
        done = write(_HANG_NEWCOMER_IF, **values, code=given.code, stamp=given.stamp)
    if done.rowcount != 1:
        return False
    known = db.session.identity_map.get(identity_key(Member, member_id))
    if known is not None:
        db.session.expire(known, _COLUMNS)
    return True


def lock_edge(member_id: int, upline_id: int | None) -> Edge:
    """Lock what a move of the member touches, and look for a loop behind the locks.

    Raises LookupError where one of the two is no member.
    """
    require_transaction()
    # The lock of the tree comes first, so that two moves of teams rarely meet crosswise.
    is_tree_held = has_team(member_id)
    if is_tree_held:
        _lock_tree()
    rows = {row.id: row for row in lock_rows(Member, [member_id, upline_id or member_id])}
    if {member_id, upline_id or member_id} - rows.keys():
        raise LookupError("no such member")
    team = has_team(member_id)
    if team and not is_tree_held:
        # Somebody joined below meanwhile. Should this meet another move crosswise,
        # the engine ends one of them and the unit is run again.
        _lock_tree()
    upline = rows[upline_id] if upline_id is not None else None
    loop = upline is not None and (
        upline_id == member_id or (team and member_id in set(above(upline)))
    )
    return Edge(rows[member_id], upline, team, loop)


def hang(edge: Edge, now: datetime) -> None:
    """Put the member, and all who are below, under the upline; None: under nobody."""
    if edge.closes_loop:
        raise ValueError("this would close a loop in the referral tree")
    member = edge.member
    near, further, furthest = _columns_under(edge.upline)
    values = dict(zip(_COLUMNS, (near, further, furthest, now)))
    # Half of what a flush of it costs.
    affected(sa.update(Member).where(Member.id == member.id).values(values))
    _tell(member, values)
    if edge.has_team:
        _mend_below(member.id, near, further)


def _tell(member: Member, values: Mapping[str, object]) -> None:
    """Let a member that was read already say what is stored now."""
    for key, value in values.items():
        set_committed_value(member, key, value)


def hang_alone(edge: Edge, now: datetime) -> int:
    """The same for the member alone: those directly below go to the upline of before.

    Returns how many these were. A new upline from below the member is no loop here.
    """
    member = edge.member
    heir: Uplines = (member.upline1_id, member.upline2_id, member.upline3_id)
    # Downwards as well; each statement finds its rows by a column that the ones
    # before it left alone.
    heirs = affected(
        sa.update(Member)
        .where(Member.upline1_id == member.id)
        .values(upline1_id=heir[0], upline2_id=heir[1], upline3_id=heir[2])
    )
    affected(
        sa.update(Member)
        .where(Member.upline2_id == member.id)
        .values(upline2_id=heir[0], upline3_id=heir[1])
    )
    affected(sa.update(Member).where(Member.upline3_id == member.id).values(upline3_id=heir[0]))
    if edge.upline is not None:
        # It may have been one of them.
        db.session.refresh(edge.upline)
    hang(replace(edge, has_team=False, closes_loop=False), now)
    return heirs


def above(member: Member) -> Iterator[int]:
    """Everybody above, nearest first, up to the root; three a query."""
    uplines: Uplines = (member.upline1_id, member.upline2_id, member.upline3_id)
    for _ in range(_CHAIN_MAX):
        known = [upline for upline in uplines if upline is not None]
        yield from known
        if len(known) < len(uplines):
            return
        uplines = _uplines_of(known[-1])
    raise RuntimeError(f"the referral tree has no root above member {member.id}")


def has_team(member_id: int) -> bool:
    """Whether anybody is directly below."""
    return (
        db.session.scalar(sa.select(Member.id).where(Member.upline1_id == member_id).limit(1))
        is not None
    )


def _columns_under(upline: Member | None) -> Uplines:
    return (upline.id, upline.upline1_id, upline.upline2_id) if upline else (None, None, None)


def _mend_below(member_id: int, near: int | None, further: int | None) -> None:
    affected(
        sa.update(Member)
        .where(Member.upline1_id == member_id)
        .values(upline2_id=near, upline3_id=further)
    )
    affected(sa.update(Member).where(Member.upline2_id == member_id).values(upline3_id=near))


def _uplines_of(member_id: int) -> Uplines:
    row = db.session.execute(
        sa.select(Member.upline1_id, Member.upline2_id, Member.upline3_id).where(
            Member.id == member_id
        )
    ).one()
    return row.upline1_id, row.upline2_id, row.upline3_id


def _lock_tree() -> None:
    """Wait for whoever moves somebody with a team, and keep others from it."""
    if not lock_rows(TreeLock, [1]):
        # The first one ever; whoever makes it at the same time waits here.
        add_once(TreeLock(id=1))
        lock_rows(TreeLock, [1])
