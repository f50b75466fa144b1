"""Bindings that meet each other, on an engine with row locks."""

import random
from itertools import pairwise

import pytest
import sqlalchemy as sa

from app import distribution
from app.core.db import db, run_unit
from app.distribution import AttemptResult, BindingAttempt, BindingSource, Distributor
from app.distribution.errors import AlreadyDistributor
from app.members import Member
from tests.factories import NOON, broken_invariants, code_of, make_distributor, make_member
from tests.threads import behind, together

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


def test_two_trees_hung_under_each_others_leaves_wait_at_their_roots(live):
    """The leaves lie deeper than a binding mends: only the lock on the owner's root
    makes the two meet."""
    (root_a, _), (_, code_a) = chain(4)
    (root_b, _), (leaf_b, code_b) = chain(4)

    second = behind(live, lambda: bind(root_a, code_b), lambda: run_unit(bind, root_b, code_a))

    assert second is R.OWN_DOWNLINE
    assert (upline_of(root_a), upline_of(root_b)) == (leaf_b, None)
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


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_sixty_random_binds_over_thirty_members_leave_the_tree_sound(live, seed):
    chance = random.Random(seed)
    people = distributors(30)
    pairs = [(chance.choice(people)[0], chance.choice(people)[1]) for _ in range(60)]

    found = []
    for start in range(0, 60, 12):
        found += together(
            live,
            [lambda m=m, c=c: run_unit(bind, m, c) for m, c in pairs[start : start + 12]],
        )

    assert all(isinstance(result, AttemptResult) for result in found), found
    assert broken_invariants() == {}
    bound = db.session.scalar(
        sa.select(sa.func.count()).select_from(Member).where(Member.upline1_id.is_not(None))
    )
    assert bound == found.count(R.BOUND) > 10
    assert db.session.scalar(sa.select(sa.func.count()).select_from(BindingAttempt)) == 60


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
