"""Who belongs to whom: every answer of an attempt, and the columns of the tree."""

import pytest
import sqlalchemy as sa

from app import distribution, outbox
from app.core.db import db, run_unit
from app.distribution import AttemptResult, BindingAttempt, BindingSource, team
from app.members import Member
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    broken_invariants,
    code_of,
    days,
    make_distributor,
    make_member,
)
from tests.planting import plant

R = AttemptResult


def uplines(member: Member) -> tuple[int | None, int | None, int | None]:
    return db.session.execute(
        sa.select(Member.upline1_id, Member.upline2_id, Member.upline3_id).filter_by(id=member.id)
    ).one()


def attempts(member: Member) -> list[tuple[AttemptResult, int | None, str]]:
    rows = db.session.scalars(
        sa.select(BindingAttempt).filter_by(member_id=member.id).order_by(BindingAttempt.id)
    )
    return [(row.result, row.owner_id, row.code) for row in rows]


def try_code(member: Member, code: str) -> AttemptResult:
    return run_unit(distribution.bind, member.id, code=code, source=BindingSource.SCAN, now=NOON)


def test_a_first_touch_binds_for_good(session):
    first, second, member = make_distributor(), make_distributor(), make_member()

    assert bind(member, first) is R.BOUND
    assert bind(member, second) is R.ALREADY_BOUND
    assert bind(member, first) is R.ALREADY_BOUND

    assert uplines(member) == (first.id, None, None)
    assert [(result, owner) for result, owner, _ in attempts(member)] == [
        (R.BOUND, first.id),
        (R.ALREADY_BOUND, second.id),
        (R.ALREADY_BOUND, first.id),
    ]
    assert broken_invariants() == {}


def test_an_attempt_keeps_where_it_came_from(session):
    owner, member = make_distributor(), make_member()
    code = code_of(owner)

    try_code(member, code)

    (row,) = distribution.binding_history(member.id)
    assert (row.source, row.code, row.result, row.at) == (BindingSource.SCAN, code, R.BOUND, NOON)
    assert db.session.get_one(Member, member.id).bound_at == NOON


def test_a_binding_is_news_and_a_refusal_is_not(session):
    seen = []
    outbox.subscribe("member_bound", "test.bound", lambda i, now: seen.append(i))
    try:
        owner, member = make_distributor(), make_member()
        bind(member, owner)
        bind(member, owner)
        outbox.drain(NOON)
    finally:
        outbox.service._subscribers.pop(("member_bound", "test.bound"))

    assert seen == [member.id]


@pytest.mark.parametrize("code", ["NOSUCHCD", "", "x" * 100, "二维码"])
def test_an_unknown_code_is_kept_and_binds_nobody(session, code):
    member = make_member()

    assert try_code(member, code) is R.UNKNOWN_CODE

    assert uplines(member) == (None, None, None)
    assert attempts(member) == [(R.UNKNOWN_CODE, None, code[:64])]
    assert broken_invariants() == {}


def test_nobody_binds_themselves(session):
    owner = make_distributor()

    assert bind(owner, owner) is R.OWN_CODE

    assert uplines(owner) == (None, None, None)
    assert broken_invariants() == {}


@pytest.mark.parametrize("standing", ["never applied", "suspended", "closed"])
def test_only_an_active_distributor_binds(session, standing):
    owner, member = make_member(), make_member()
    if standing != "never applied":
        owner = make_distributor()
        seat = distribution.distributor_of(owner.id)
        if standing == "suspended":
            run_unit(distribution.suspend, seat.id, reason="调查", actor=ADMIN, now=NOON)
        else:
            run_unit(distribution.close, seat.id, actor=ADMIN, now=NOON)

    assert bind(member, owner) is R.OWNER_INACTIVE

    assert uplines(member) == (None, None, None)
    assert attempts(member)[0][:2] == (R.OWNER_INACTIVE, owner.id)
    assert broken_invariants() == {}


def test_a_loop_of_two_is_refused(session):
    a, b = make_distributor(), make_distributor()
    assert bind(a, b) is R.BOUND

    assert bind(b, a) is R.OWN_DOWNLINE

    assert (uplines(a), uplines(b)) == ((b.id, None, None), (None, None, None))
    assert broken_invariants() == {}


def test_a_loop_of_three_is_refused(session):
    a, b, c = (make_distributor() for _ in range(3))
    bind(b, a)
    bind(c, b)

    assert bind(a, c) is R.OWN_DOWNLINE

    assert uplines(a) == (None, None, None)
    assert uplines(c) == (b.id, a.id, None)
    assert broken_invariants() == {}


def test_a_loop_far_below_the_stored_uplines_is_refused(session):
    chain = [make_distributor()]
    for _ in range(6):
        chain.append(make_distributor(under=chain[-1]))

    assert bind(chain[0], chain[-1]) is R.OWN_DOWNLINE

    assert uplines(chain[0]) == (None, None, None)
    assert broken_invariants() == {}


def test_a_member_takes_the_nearest_three_above(session):
    chain = [make_distributor()]
    for _ in range(4):
        chain.append(make_distributor(under=chain[-1]))

    assert uplines(chain[1]) == (chain[0].id, None, None)
    assert uplines(chain[2]) == (chain[1].id, chain[0].id, None)
    assert uplines(chain[3]) == (chain[2].id, chain[1].id, chain[0].id)
    assert uplines(chain[4]) == (chain[3].id, chain[2].id, chain[1].id)
    assert broken_invariants() == {}


def test_binding_a_root_mends_its_children_grandchildren_and_theirs(session):
    root = make_distributor()
    child = make_distributor(under=root)
    grandchild = make_distributor(under=child)
    great = make_distributor(under=grandchild)
    deepest = make_distributor(under=great)
    top = make_distributor()
    middle = make_distributor(under=top)
    nearest = make_distributor(under=middle)

    assert bind(root, nearest) is R.BOUND

    assert uplines(root) == (nearest.id, middle.id, top.id)
    assert uplines(child) == (root.id, nearest.id, middle.id)
    assert uplines(grandchild) == (child.id, root.id, nearest.id)
    assert uplines(great) == (grandchild.id, child.id, root.id)
    assert uplines(deepest) == (great.id, grandchild.id, child.id)
    assert broken_invariants() == {}


def test_binding_a_root_leaves_other_trees_alone(session):
    root = make_distributor()
    make_distributor(under=root)
    other = make_distributor()
    others_child = make_distributor(under=other)

    bind(root, make_distributor())

    assert uplines(others_child) == (other.id, None, None)
    assert broken_invariants() == {}


def test_the_chain_tells_level_and_standing(session):
    top = make_distributor()
    near = make_distributor(under=top)
    buyer = make_member()
    bind(buyer, near)
    plant("UPDATE distributors SET level = 'gold' WHERE member_id = :m", m=top.id)

    assert distribution.chain(buyer, now=NOON) == [
        distribution.Seat(0, buyer.id, "", is_active=False),
        distribution.Seat(1, near.id, "normal", is_active=True),
        distribution.Seat(2, top.id, "gold", is_active=True),
    ]


def test_a_team_is_counted_and_listed_by_level(session):
    top = make_distributor()
    near = [make_distributor(under=top) for _ in range(3)]
    far = [make_distributor(under=near[0]) for _ in range(2)]

    assert distribution.team_counts(top.id, 2) == [3, 2]
    assert [row.member.id for row in team.page(top.id, 1, size=2).items] == [
        near[2].id,
        near[1].id,
    ]
    assert [row.member.id for row in team.page(top.id, 2).items] == [far[1].id, far[0].id]


def test_t1_finds_a_second_upline_that_is_not_the_uplines_own(session):
    top = make_distributor()
    near = make_distributor(under=top)
    member = make_member()
    bind(member, near)

    plant("UPDATE members SET upline2_id = NULL WHERE id = :m", m=member.id)

    assert broken_invariants() == {
        "T1": [f"member={member.id}, upline1_id={near.id}, upline2_id=None"]
    }


def test_t1_finds_a_third_upline_that_is_not_the_uplines_own(session):
    chain = [make_distributor()]
    for _ in range(3):
        chain.append(make_distributor(under=chain[-1]))
    stranger = make_member()

    plant("UPDATE members SET upline3_id = :s WHERE id = :m", s=stranger.id, m=chain[3].id)

    assert [*broken_invariants()] == ["T1"]


def test_t1_finds_a_member_moved_without_the_members_below(session):
    top = make_distributor()
    near = make_distributor(under=top)
    below = make_distributor(under=near)

    plant("UPDATE members SET upline1_id = NULL WHERE id = :m", m=near.id)

    found = broken_invariants()
    assert [*found] == ["T1"]
    assert found["T1"][0].startswith(f"member={below.id},")


@pytest.mark.parametrize("length", [1, 2, 3])
def test_t1_finds_a_cycle(session, length):
    ring = [make_member() for _ in range(length)]
    above = {m.id: ring[(n + 1) % length].id for n, m in enumerate(ring)}
    for first, second in above.items():
        third = above[second]
        plant(
            "UPDATE members SET upline1_id = :a, upline2_id = :b, upline3_id = :c WHERE id = :m",
            a=second,
            b=third,
            c=above[third],
            m=first,
        )

    found = broken_invariants()

    # The columns agree with each other: only the walk from the roots sees it.
    assert [*found] == ["T1"]
    assert sorted(found["T1"]) == sorted(f"member={m.id}" for m in ring)


def test_codes_are_renewed_before_wechat_forgets_them(session):
    owner = make_distributor()
    code = run_unit(distribution.referral_code, owner.id, now=NOON)
    assert distribution.codes_to_renew(NOON) == [code.id]

    run_unit(distribution.keep_scene, code.id, ticket="t", url="u", lasts=days(30), now=NOON)

    assert distribution.codes_to_renew(NOON + days(26)) == []
    assert distribution.codes_to_renew(NOON + days(28)) == [code.id]
