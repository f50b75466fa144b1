"""Appeals against the stored inviter: one at a time, answered once, by a move or by words."""

import pytest
import sqlalchemy as sa

from app import audit, outbox
from app.core.db import db, run_unit
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.distribution import appeals, binding_history
from app.distribution.appeals import AppealOpen
from app.distribution.models import AppealStatus, BindingAppeal
from app.distribution.moves import Wish
from app.members import Member
from app.notices import Notice
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    broken_invariants,
    make_distributor,
    make_member,
)

A = AppealStatus


def ask(member: Member, text: str = "是林杰介绍我来的") -> BindingAppeal:
    return run_unit(appeals.ask, member.id, text, now=NOON)


def accept(appeal: BindingAppeal, upline: Member, was: Member | None, reason: str = "核实") -> None:
    run_unit(
        appeals.accept,
        appeal.id,
        Wish(appeal.member_id, upline.id),
        expected_upline_id=was.id if was else None,
        reason=reason,
        actor=ADMIN,
        now=NOON,
    )


def refuse(appeal: BindingAppeal, reason: str = "记录无误") -> None:
    run_unit(appeals.refuse, appeal.id, reason=reason, actor=ADMIN, now=NOON)


def told(member: Member) -> list[tuple[str, str]]:
    outbox.drain(NOON)
    rows = db.session.scalars(sa.select(Notice).filter_by(member_id=member.id))
    return [(row.kind, row.values.get("reason", "")) for row in rows]


def count() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(BindingAppeal))


def test_an_appeal_waits_with_the_upline_of_then(session):
    owner, member = make_distributor(), make_member()
    bind(member, owner)

    row = ask(member, "  扫的是林杰的码 ")

    assert (row.status, row.text, row.upline_id) == (A.OPEN, "扫的是林杰的码", owner.id)
    assert appeals.waiting() == (1, NOON)


def test_nobody_has_two_open_at_a_time(session):
    member = make_member()
    ask(member)

    with pytest.raises(AppealOpen, match="还在处理"):
        ask(member)

    assert count() == 1


def test_after_an_answer_one_may_ask_again(session):
    member = make_member()
    refuse(ask(member))

    assert ask(member).status is A.OPEN


@pytest.mark.parametrize(("text", "says"), [("  ", "请写明情况"), ("字" * 301, "最多 300 个字")])
def test_an_appeal_says_something(session, text, says):
    with pytest.raises(InvalidInput, match=says) as refused:
        ask(make_member(), text)

    assert refused.value.field == "text"
    assert count() == 0


def test_granting_it_moves_and_tells_once(session):
    first, second, member = make_distributor(), make_distributor(), make_member()
    bind(member, first)
    row = ask(member)

    accept(row, second, first)

    assert db.session.get_one(Member, member.id).upline1_id == second.id
    assert (row.status, row.answer, row.answered_by) == (A.ACCEPTED, "核实", "admin:1")
    assert told(member) == [("appeal_accepted", "核实")]
    assert broken_invariants() == {}


def test_refusing_it_changes_nobody_and_says_why(session):
    owner, member = make_distributor(), make_member()
    bind(member, owner)
    row = ask(member)

    refuse(row, " 当天扫的就是陈梅的码 ")

    assert db.session.get_one(Member, member.id).upline1_id == owner.id
    assert row.status is A.REFUSED
    assert told(member) == [("appeal_refused", "当天扫的就是陈梅的码")]
    (entry,) = audit.entries_of("appeal", row.id, ["appeal.refused"])
    assert (entry.reason, entry.before, entry.after) == (
        "当天扫的就是陈梅的码",
        {"status": "open"},
        {"status": "refused"},
    )


@pytest.mark.parametrize("reason", ["", "字" * 201])
def test_a_refusal_wants_a_reason(session, reason):
    row = ask(make_member())

    with pytest.raises(InvalidInput):
        refuse(row, reason)

    assert row.status is A.OPEN


def test_an_answer_is_given_once(session):
    owner, member = make_distributor(), make_member()
    row = ask(member)
    refuse(row)

    with pytest.raises(IllegalMove, match="已经处理过"):
        accept(row, owner, None)
    with pytest.raises(IllegalMove, match="已经处理过"):
        refuse(row)

    assert db.session.get_one(Member, member.id).upline1_id is None
    assert (row.status, row.answer) == (A.REFUSED, "记录无误")


def test_a_move_that_is_refused_leaves_the_appeal_open(session):
    member = make_member()
    row = ask(member)

    with pytest.raises(InvalidInput, match="不是有效分销员"):
        accept(row, make_member(), None)

    assert row.status is A.OPEN
    assert list(binding_history(member.id)) == []


def test_an_appeal_moves_nobody_else(session):
    row, other = ask(make_member()), make_member()

    with pytest.raises(ValueError, match="nobody but who made it"):
        run_unit(
            appeals.accept,
            row.id,
            Wish(other.id, make_distributor().id),
            expected_upline_id=None,
            reason="核实",
            actor=ADMIN,
            now=NOON,
        )

    assert db.session.get_one(Member, other.id).upline1_id is None


def test_an_unknown_appeal_is_not_found(session):
    with pytest.raises(NotFound, match="申诉不存在"):
        refuse(BindingAppeal(id=404))
