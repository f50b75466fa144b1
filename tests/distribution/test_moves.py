"""What an admin changes in the tree: looked at first, refused in words, never backwards."""

from typing import Any

import pytest
import sqlalchemy as sa

from app import audit, commission, distribution, ledger
from app.audit import AuditEntry
from app.core.db import db, run_unit
from app.core.errors import InvalidInput, NotFound
from app.distribution import AttemptResult, BindingAttempt, BindingSource, moves
from app.distribution.moves import Wish
from app.members import Member
from app.orders import OrderSeat
from tests.factories import (
    ADMIN,
    NOON,
    broken_invariants,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    paid_order,
    place_order,
    received_order,
)

R = AttemptResult
A_DAY_LATER = NOON.replace(day=22)


def uplines(member: Member) -> tuple[int | None, int | None, int | None]:
    return db.session.execute(
        sa.select(Member.upline1_id, Member.upline2_id, Member.upline3_id).filter_by(id=member.id)
    ).one()


def move(member: Member, upline: Member | None, **given: Any) -> BindingAttempt:
    facts = {
        "expected_upline_id": uplines(member)[0],
        "reason": "客户申诉核实",
        "actor": ADMIN,
        "now": A_DAY_LATER,
        **given,
    }
    with_team = facts.pop("with_team", True)
    wish = Wish(member.id, upline.id if upline else None, with_team)
    return run_unit(moves.move, wish, **facts)


def line(length: int, under: Member | None = None) -> list[Member]:
    """Distributors one below the other."""
    found: list[Member] = []
    for _ in range(length):
        found.append(make_distributor(under=found[-1] if found else under))
    return found


def test_a_subtree_moves_whole(session):
    old, member, child, grandchild, great = line(5)
    top, near = line(2)

    move(member, near)

    assert [uplines(m) for m in (member, child, grandchild, great)] == [
        (near.id, top.id, None),
        (member.id, near.id, top.id),
        (child.id, member.id, near.id),
        (grandchild.id, child.id, member.id),
    ]
    assert uplines(old) == (None, None, None)
    assert broken_invariants() == {}


def test_a_subtree_may_belong_to_nobody(session):
    _, member, child, grandchild = line(4)

    row = move(member, None)

    assert (row.result, row.owner_id) == (R.RELEASED, None)
    assert [uplines(m) for m in (member, child, grandchild)] == [
        (None, None, None),
        (member.id, None, None),
        (child.id, member.id, None),
    ]
    assert broken_invariants() == {}


def test_a_member_moves_alone_and_the_team_goes_up_one_seat(session):
    top, old, member, child, grandchild, great = line(6)
    other = make_distributor()

    move(member, other, with_team=False)

    assert [uplines(m) for m in (member, child, grandchild, great)] == [
        (other.id, None, None),
        (old.id, top.id, None),
        (child.id, old.id, top.id),
        (grandchild.id, child.id, old.id),
    ]
    assert broken_invariants() == {}


def test_alone_a_member_may_move_below_somebody_of_the_team(session):
    old, member, child, grandchild = line(4)

    move(member, grandchild, with_team=False)

    assert [uplines(m) for m in (child, grandchild, member)] == [
        (old.id, None, None),
        (child.id, old.id, None),
        (grandchild.id, child.id, old.id),
    ]
    assert broken_invariants() == {}


def test_a_root_that_moves_alone_leaves_roots(session):
    member, child, grandchild = line(3)
    other = make_distributor()

    move(member, other, with_team=False)

    assert [uplines(m) for m in (member, child, grandchild)] == [
        (other.id, None, None),
        (None, None, None),
        (child.id, None, None),
    ]
    history = distribution.binding_history(child.id)
    assert (history[0].result, history[0].upline_id, history[0].note) == (
        R.RELEASED,
        member.id,
        "客户申诉核实",
    )
    assert broken_invariants() == {}


def test_a_move_leaves_a_row_and_an_audit_entry(session):
    old, member = line(2)
    new = make_distributor()

    row = move(member, new, reason=" 登记错误 ")

    assert (row.source, row.result, row.note, row.actor, row.upline_id, row.owner_id, row.at) == (
        BindingSource.ADMIN,
        R.MOVED,
        "登记错误",
        "admin:1",
        old.id,
        new.id,
        A_DAY_LATER,
    )
    entry = db.session.scalars(sa.select(AuditEntry).filter_by(action="distributor.move")).one()
    assert (entry.subject, entry.subject_id, entry.reason) == ("member", member.id, "登记错误")
    assert (entry.before, entry.after) == (
        {"upline": old.public_id},
        {"upline": new.public_id, "with_team": True, "handed": 0},
    )


def nothing_changed(member: Member, before: Any, moved_rows: int = 0) -> None:
    assert uplines(member) == before
    rows = sa.select(sa.func.count()).select_from(BindingAttempt)
    assert db.session.scalar(rows.filter_by(source=BindingSource.ADMIN)) == moved_rows
    assert audit.entries_of("member", member.id, ["distributor.move"]) == []
    assert broken_invariants() == {}


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 6])
def test_nobody_moves_with_the_team_under_the_own_downline(session, depth):
    _, member, *below = line(2 + depth)
    before = uplines(member)

    with pytest.raises(InvalidInput, match="会形成循环") as refused:
        move(member, below[-1])

    assert refused.value.field == "upline"
    nothing_changed(member, before)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("self", "不能归属自己"),
        ("same", "没有变化"),
        ("suspended", "对方目前不是有效分销员"),
        ("customer", "对方目前不是有效分销员"),
    ],
)
def test_a_move_that_makes_no_sense_is_refused(session, target, says):
    old, member = line(2)
    other = make_member() if target == "customer" else make_distributor()
    if target == "suspended":
        seat = distribution.distributor_of(other.id)
        run_unit(distribution.suspend, seat.id, reason="调查", actor=ADMIN, now=NOON)
    upline = {"self": member, "same": old}.get(target, other)
    before = uplines(member)

    with pytest.raises(InvalidInput, match=says):
        move(member, upline)

    nothing_changed(member, before)


@pytest.mark.parametrize(
    ("reason", "says"), [("  ", "请填写调整原因"), ("字" * 201, "最多 200 个字")]
)
def test_a_move_wants_a_reason(session, reason, says):
    _, member = line(2)
    before = uplines(member)

    with pytest.raises(InvalidInput, match=says) as refused:
        move(member, make_distributor(), reason=reason)

    assert refused.value.field == "reason"
    nothing_changed(member, before)


def test_a_move_after_another_one_is_looked_at_again(session):
    _, member = line(2)
    before = uplines(member)

    with pytest.raises(InvalidInput, match="刚刚有变化"):
        move(member, make_distributor(), expected_upline_id=None)

    nothing_changed(member, before)


def test_an_unknown_member_is_not_found(session):
    with pytest.raises(NotFound, match="会员不存在"):
        run_unit(
            moves.move,
            Wish(404, None),
            expected_upline_id=1,
            reason="试",
            actor=ADMIN,
            now=NOON,
        )
    with pytest.raises(NotFound, match="会员不存在"):
        moves.preview(Wish(404, None))


def test_a_preview_counts_and_changes_nothing(session):
    _, member, child, *_ = line(6)
    make_distributor(under=child)
    new = make_distributor()
    before = uplines(member)

    seen = moves.preview(Wish(member.id, new.id))

    assert (seen.upline_id, seen.people, seen.direct, seen.mended, seen.problem) == (
        before[0],
        5,
        1,
        4,
        "",
    )
    nothing_changed(member, before)


def test_a_preview_of_a_move_alone_counts_all_whose_uplines_change(session):
    _, member, *_ = line(6)

    seen = moves.preview(Wish(member.id, make_distributor().id, with_team=False))

    assert (seen.people, seen.direct, seen.mended) == (4, 1, 4)


def test_a_preview_says_what_would_be_refused(session):
    _, member, _, below = line(4)

    assert "会形成循环" in moves.preview(Wish(member.id, below.id)).problem
    assert moves.preview(Wish(member.id, below.id, with_team=False)).problem == ""
    assert moves.preview(Wish(member.id, member.id)).problem == "不能归属自己"


def test_what_was_ordered_before_a_move_pays_whom_it_paid(session):
    make_plan()
    top, near = line(2)
    buyer = make_member()
    sku = make_sku()
    run_unit(
        distribution.bind,
        buyer.id,
        code=run_unit(distribution.referral_code, near.id, now=NOON).code,
        source=BindingSource.LINK,
        now=NOON,
    )
    placed = place_order(buyer, sku)
    received = received_order(buyer, sku)
    other = make_distributor()

    def facts() -> tuple[Any, ...]:
        rows = db.session.scalars(sa.select(commission.Commission)).all()
        seats = db.session.scalars(sa.select(OrderSeat).order_by(OrderSeat.id)).all()
        return (
            [(c.order_id, c.member_id, c.depth, c.amount_fen, c.status) for c in rows],
            [(s.order_id, s.position, s.member_id, s.is_active) for s in seats],
            [(m.id, ledger.wallet_of(m.id)) for m in (top, near, other)],
        )

    before = facts()
    assert len(before[0]) == 2

    move(buyer, other)
    move(near, other)

    assert facts() == before
    after = paid_order(buyer, sku, now=A_DAY_LATER)
    seats = sa.select(OrderSeat.member_id).order_by(OrderSeat.position)
    assert db.session.scalars(seats.filter_by(order_id=after.id)).all() == [buyer.id, other.id]
    for order in (placed, received):
        assert db.session.scalars(seats.filter_by(order_id=order.id)).all() == [
            buyer.id,
            near.id,
            top.id,
        ]
    assert broken_invariants() == {}
