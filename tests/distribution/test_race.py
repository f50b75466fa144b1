"""Bindings that meet each other, on an engine with row locks."""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa

from app import distribution, members, settings
from app.core.db import db, run_unit
from app.core.errors import InvalidInput
from app.distribution import AttemptResult, BindingSource, Distributor, moves
from app.distribution.errors import AlreadyDistributor
from app.distribution.moves import Wish
from app.members import Member
from app.settings import registry
from tests.factories import ADMIN, NOON, broken_invariants, code_of, make_distributor, make_member
from tests.threads import behind, between, together

pytestmark = pytest.mark.mariadb_only

R = AttemptResult


def bind(member_id: int, code: str) -> AttemptResult:
    return distribution.bind(member_id, code=code, source=BindingSource.LINK, now=NOON)


def distributors(count: int) -> list[tuple[int, str]]:
    made = [make_distributor() for _ in range(count)]
    found = [(m.id, code_of(m)) for m in made]
    db.session.rollback()
    return found


def upline_of(member_id: int) -> int | None:
    return db.session.scalar(sa.select(Member.upline1_id).filter_by(id=member_id))


def test_of_a_under_b_and_b_under_a_the_second_waits_and_is_refused(live):
    (a, code_a), (b, code_b) = distributors(2)

    second = behind(live, lambda: bind(a, code_b), lambda: run_unit(bind, b, code_a))

    assert second is R.OWN_DOWNLINE
    assert (upline_of(a), upline_of(b)) == (b, None)
    assert broken_invariants() == {}


@pytest.mark.parametrize("turn", range(5))
def test_of_a_under_b_and_b_under_a_at_once_exactly_one_is_bound(live, turn):
    (a, code_a), (b, code_b) = distributors(2)

    found = together(live, [lambda: run_unit(bind, a, code_b), lambda: run_unit(bind, b, code_a)])

    assert sorted(found) == [R.BOUND, R.OWN_DOWNLINE], found
    assert broken_invariants() == {}


def test_a_ring_of_three_at_once_does_not_close(live):
    trio = distributors(3)

    found = together(
        live,
        [lambda m=trio[n][0], c=trio[(n + 1) % 3][1]: run_unit(bind, m, c) for n in range(3)],
    )

    assert sorted(found) == [R.BOUND, R.BOUND, R.OWN_DOWNLINE], found
    assert broken_invariants() == {}


def chain(length: int) -> tuple[tuple[int, str], tuple[int, str]]:
    """The root and the leaf of a new chain of distributors."""
    people = distributors(length)
    for (_, code), (below, _) in pairwise(people):
        assert run_unit(bind, below, code) is R.BOUND
    db.session.rollback()
    return people[0], people[-1]


def test_two_trees_hung_under_each_others_leaves_wait_for_the_tree(live):
    """The leaves lie deeper than a binding mends: only the lock of the tree makes
    the two meet."""
    (root_a, _), (_, code_a) = chain(4)
    (root_b, _), (leaf_b, code_b) = chain(4)

    second = behind(live, lambda: bind(root_a, code_b), lambda: run_unit(bind, root_b, code_a))

    assert second is R.OWN_DOWNLINE
    assert (upline_of(root_a), upline_of(root_b)) == (leaf_b, None)
    assert broken_invariants() == {}


def move(member_id: int, upline_id: int | None, *, with_team: bool = True) -> None:
    moves.move(
        Wish(member_id, upline_id, with_team),
        expected_upline_id=upline_of(member_id),
        reason="核实",
        actor=ADMIN,
        now=NOON,
    )


def test_a_branch_does_not_go_below_one_that_goes_below_it(live):
    """Neither of the two is a root, and neither is near the other's new place."""
    ((top, _),) = distributors(1)
    left, right = branch(top, 4), branch(top, 4)

    second = behind(
        live,
        lambda: move(left[0][0], right[3][0]),
        lambda: run_unit(move, right[0][0], left[3][0]),
    )

    assert isinstance(second, InvalidInput)
    assert "循环" in second.message
    assert (upline_of(left[0][0]), upline_of(right[0][0])) == (right[3][0], top)
    assert broken_invariants() == {}


def branch(under: int, length: int) -> list[tuple[int, str]]:
    people = distributors(length)
    run_unit(move, people[0][0], under)
    for (above, _), (below, _) in pairwise(people):
        run_unit(move, below, above)
    db.session.rollback()
    return people


def test_whoever_joins_below_a_team_on_the_move_gets_the_new_chain(live):
    (old, _), (new, _), (member, _), (_, code) = people = distributors(4)
    run_unit(move, member, old)
    run_unit(move, people[3][0], member)
    late = make_member().id
    db.session.rollback()

    second = behind(
        live,
        lambda: move(member, new, with_team=False),
        lambda: run_unit(bind, late, code),
    )

    assert second is R.BOUND
    row = db.session.get_one(Member, late)
    assert (row.upline1_id, row.upline2_id, row.upline3_id) == (people[3][0], old, None)
    assert broken_invariants() == {}


def test_two_codes_at_once_bind_one_member_once(live):
    (first, code_1), (second, code_2) = distributors(2)
    member = make_member().id
    db.session.rollback()

    found = together(
        live, [lambda: run_unit(bind, member, code_1), lambda: run_unit(bind, member, code_2)]
    )

    assert sorted(found) == [R.ALREADY_BOUND, R.BOUND], found
    assert upline_of(member) in (first, second)
    assert broken_invariants() == {}


def test_a_child_that_comes_while_its_upline_is_bound_gets_the_whole_chain(live):
    (top, code_top), (near, code_near) = distributors(2)
    member = make_member().id
    db.session.rollback()

    second = behind(live, lambda: bind(near, code_top), lambda: run_unit(bind, member, code_near))

    assert second is R.BOUND
    row = db.session.get_one(Member, member)
    assert (row.upline1_id, row.upline2_id) == (near, top)
    assert broken_invariants() == {}


@pytest.mark.parametrize("is_code_known", [False, True])
def test_who_is_joined_while_waiting_to_be_bound_takes_the_team_along(live, is_code_known):
    """Whoever joins below holds the row first and writes then: the other one, who waits in
    between, must not go by what it saw before."""
    (top, code_top), (near, code_near) = distributors(2)
    below, other = make_member().id, make_member().id
    db.session.rollback()
    if is_code_known:
        assert run_unit(bind, other, code_top) is R.BOUND

    found = between(
        live,
        lambda: members.hold(near),
        lambda: run_unit(bind, near, code_top),
        lambda: bind(below, code_near),
    )

    assert found is R.BOUND
    row = db.session.get_one(Member, below)
    assert (row.upline1_id, row.upline2_id) == (near, top)
    assert broken_invariants() == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_hundred_random_binds_rebinds_and_moves_leave_the_tree_sound(live, seed):
    for setting, value in (
        (registry.BINDING_POLICY, "last_touch"),
        (registry.BINDING_MOVES_DISTRIBUTORS, True),
    ):
        run_unit(settings.change, setting.key, value, actor=ADMIN, now=NOON)
    chance = random.Random(seed)
    people = distributors(30)

    def some_work() -> Callable[[], Any]:
        (member, _), (upline, code) = chance.choice(people), chance.choice(people)
        act = chance.choice(["bind", "bind", "bind", "move", "alone", "release"])
        if act == "bind":
            return lambda: run_unit(bind, member, code)
        to = None if act == "release" else upline
        return lambda: run_unit(move, member, to, with_team=act != "alone")

    found = []
    for _ in range(20):
        found += together(live, [some_work() for _ in range(10)])

    assert len(found) == 200
    # Refusals in words are answers; anything else is a failure of the engine or ours.
    assert [f for f in found if not isinstance(f, AttemptResult | InvalidInput | None)] == []
    assert broken_invariants() == {}
    assert found.count(R.BOUND) + found.count(R.REBOUND) > 30
    assert found.count(None) > 20


def test_two_applications_at_once_make_one_distributor(live):
    member = make_member().id
    db.session.rollback()

    def apply() -> int:
        return distribution.apply(
            member, statement="", agreed_version=distribution.CONTRACT_VERSION, now=NOON
        ).id

    found = together(live, [lambda: run_unit(apply)] * 2)

    assert sum(isinstance(seat, int) for seat in found) == 1, found
    assert sum(isinstance(seat, AlreadyDistributor) for seat in found) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Distributor)) == 1
    assert broken_invariants() == {}
