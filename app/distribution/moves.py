"""What an admin changes in the tree by hand (调整归属), looked at before it is done.

Orders that were placed keep the uplines that they copied. Nobody is moved under
anybody below them, except alone: then those below stay with the former upline.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import audit, outbox
from app.core import reasons
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput, NotFound
from app.core.rows import insert_now
from app.distribution import queries, tree
from app.distribution.models import AttemptResult, BindingAttempt, BindingSource
from app.members import Member

_ROWS_A_STATEMENT = 500
_LOOP = "对方在此人的团队里，连同团队一起调整会形成循环"


@dataclass(frozen=True)
class Wish:
    """Where a member shall go: under `upline_id`, or under nobody for None.

    `with_team`: everybody below goes along; else those directly below go to the
    member's upline of before.
    """

    member_id: int
    upline_id: int | None
    with_team: bool = True


@dataclass(frozen=True)
class Preview:
    """What a move would do. `problem` is the refusal it would meet, or empty."""

    wish: Wish
    upline_id: int | None  # of now
    people: int  # everybody below, however deep
    direct: int  # those directly below
    mended: int  # members whose stored uplines change, the member included
    problem: str


def preview(wish: Wish) -> Preview:
    """Look at a move without making it. Raises NotFound for an unknown member."""
    member = db.session.get(Member, wish.member_id)
    if member is None:
        raise NotFound("会员不存在")
    problem = ""
    try:
        _check(member, wish)
        if wish.with_team and wish.upline_id is not None:
            upline = db.session.get_one(Member, wish.upline_id)
            if member.id in set(tree.above(upline)):
                raise InvalidInput("upline", _LOOP)
    except InvalidInput as refused:
        problem = refused.message
    return Preview(
        wish,
        member.upline1_id,
        people=_people_below(member.id),
        direct=_count(Member.upline1_id == member.id),
        mended=1 + _mended(member.id, wish.with_team),
        problem=problem,
    )


def move(
    wish: Wish,
    *,
    expected_upline_id: int | None,
    reason: str,
    actor: audit.Actor,
    now: datetime,
) -> BindingAttempt:
    """Move a member as an admin decided; the row of the member's binding history.

    Raises:
        NotFound: there is no such member.
        InvalidInput: no reason; nothing would change; the new upline is unknown, no
            active distributor, the member, or below the member; the member belongs
            to somebody else than `expected_upline_id`, which the preview showed.
    """
    require_transaction()
    note = reasons.given(reason, "请填写调整原因")
    known = db.session.get(Member, wish.member_id)
    if known is None or known.erased_at is not None:
        raise NotFound("会员不存在")
    _check(known, wish)
    edge = tree.lock_edge(wish.member_id, wish.upline_id)
    member, was = edge.member, edge.member.upline1_id
    if was != expected_upline_id:
        raise InvalidInput("upline", "此人的上级刚刚有变化，请重新核对")
    if wish.with_team and edge.closes_loop:
        raise InvalidInput("upline", _LOOP)
    heirs = 0
    if wish.with_team:
        tree.hang(edge, now)
    else:
        _record_heirs(member, note, actor, now)
        heirs = tree.hang_alone(edge, now)
    row = BindingAttempt(
        member_id=member.id,
        owner_id=wish.upline_id,
        source=BindingSource.ADMIN,
        code="",
        result=_result(wish.upline_id),
        note=note,
        actor=actor.ref,
        upline_id=was,
        at=now,
    )
    insert_now(row)
    audit.record(
        "distributor.move",
        subject="member",
        subject_id=member.id,
        actor=actor,
        now=now,
        before={"upline": _number(was)},
        after={"upline": _number(wish.upline_id), "with_team": wish.with_team, "handed": heirs},
        reason=note,
    )
    outbox.publish("member_moved", row.id, now=now)
    return row


def _check(member: Member, wish: Wish) -> None:
    """What can be said without the chain. Raises InvalidInput."""
    if wish.upline_id == wish.member_id:
        raise InvalidInput("upline", "不能归属自己")
    if wish.upline_id == member.upline1_id:
        raise InvalidInput("upline", "此人现在就是这个归属，没有变化")
    if wish.upline_id is not None and not queries.is_active(wish.upline_id):
        raise InvalidInput("upline", "对方目前不是有效分销员")


def _record_heirs(member: Member, note: str, actor: audit.Actor, now: datetime) -> None:
    """A row for each member who is handed over to the upline of before."""
    heir = member.upline1_id
    values = {
        "owner_id": heir,
        "source": BindingSource.ADMIN,
        "code": "",
        "result": _result(heir),
        "note": note,
        "actor": actor.ref,
        "upline_id": member.id,
        "at": now,
    }
    below = db.session.scalars(
        sa.select(Member.id).where(Member.upline1_id == member.id).with_for_update()
    ).all()
    # Not INSERT ... SELECT: MariaDB locks the whole table's numbering for one.
    for first in range(0, len(below), _ROWS_A_STATEMENT):
        some = below[first : first + _ROWS_A_STATEMENT]
        db.session.execute(
            sa.insert(BindingAttempt), [{"member_id": one, **values} for one in some]
        )


def _result(upline_id: int | None) -> AttemptResult:
    return AttemptResult.RELEASED if upline_id is None else AttemptResult.MOVED


def _number(member_id: int | None) -> str:
    """What the audit log calls a member: the number that people see."""
    return db.session.get_one(Member, member_id).public_id if member_id is not None else ""


def _mended(member_id: int, with_team: bool) -> int:
    """How many below get other stored uplines: those whose columns name somebody above.

    With the team, two levels; alone, three: everybody who has the member among theirs.
    """
    columns = [Member.upline1_id == member_id, Member.upline2_id == member_id]
    if not with_team:
        columns.append(Member.upline3_id == member_id)
    return sum(_count(column) for column in columns)


def _count(condition: sa.ColumnElement[bool]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Member).where(condition)) or 0


def _people_below(member_id: int) -> int:
    """Everybody below, however deep."""
    below = sa.select(Member.id).where(Member.upline1_id == member_id).cte(recursive=True)
    below = below.union_all(sa.select(Member.id).join(below, Member.upline1_id == below.c.id))
    return db.session.scalar(sa.select(sa.func.count()).select_from(below)) or 0
