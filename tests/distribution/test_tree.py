"""Random histories of binds, rebinds and moves against a naive model: parent pointers."""

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import distribution
from app import settings as shop
from app.core.db import db, run_unit
from app.core.errors import InvalidInput
from app.distribution import AttemptResult, BindingSource, moves
from app.distribution.moves import Wish
from app.members import Member
from app.settings import registry
from tests.factories import ADMIN, NOON, broken_invariants, code_of, make_distributor

PEOPLE = 9
R = AttemptResult

steps = st.lists(
    st.tuples(
        st.sampled_from(["bind", "bind", "move", "alone", "release"]),
        st.integers(0, PEOPLE - 1),
        st.integers(0, PEOPLE - 1),
    ),
    max_size=40,
)


class Model:
    """Who is above whom, as simply as it can be said."""

    def __init__(self) -> None:
        self.parent: dict[int, int | None] = dict.fromkeys(range(PEOPLE))

    def above(self, person: int) -> list[int]:
        found, at = [], self.parent[person]
        while at is not None:
            found.append(at)
            at = self.parent[at]
        return found

    def may_hang(self, person: int, upline: int) -> bool:
        return (
            person != upline and self.parent[person] != upline and person not in self.above(upline)
        )

    def hang_alone(self, person: int, upline: int | None) -> None:
        for other, parent in self.parent.items():
            if parent == person:
                self.parent[other] = self.parent[person]
        self.parent[person] = upline


@given(steps)
@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_columns_are_what_the_parent_pointers_say(session, history):
    people = [make_distributor() for _ in range(PEOPLE)]
    codes = [code_of(person) for person in people]
    ids = [person.id for person in people]
    for setting, value in (
        (registry.BINDING_POLICY, "last_touch"),
        (registry.BINDING_MOVES_DISTRIBUTORS, True),
    ):
        run_unit(shop.change, setting.key, value, actor=ADMIN, now=NOON)
    model = Model()

    for act, person, upline in history:
        if act == "bind":
            result = run_unit(
                distribution.bind,
                ids[person],
                code=codes[upline],
                source=BindingSource.SCAN,
                now=NOON,
            )
            moved = result in (R.BOUND, R.REBOUND)
            assert moved is model.may_hang(person, upline)
            if moved:
                model.parent[person] = upline
            continue
        to = None if act == "release" else upline
        alone = act == "alone"
        may = model.parent[person] is not None if to is None else person != to
        may = may and model.parent[person] != to
        may = may and (alone or to is None or model.may_hang(person, to))
        parent = model.parent[person]
        try:
            run_unit(
                moves.move,
                Wish(ids[person], None if to is None else ids[to], with_team=not alone),
                expected_upline_id=None if parent is None else ids[parent],
                reason="核实",
                actor=ADMIN,
                now=NOON,
            )
        except InvalidInput:
            assert not may
        else:
            assert may
            if alone:
                model.hang_alone(person, to)
            else:
                model.parent[person] = to

    db.session.rollback()
    stored = {
        row.id: (row.upline1_id, row.upline2_id, row.upline3_id)
        for row in db.session.execute(
            sa.select(Member.id, Member.upline1_id, Member.upline2_id, Member.upline3_id).where(
                Member.id.in_(ids)
            )
        )
    }
    for person in range(PEOPLE):
        above = [ids[other] for other in model.above(person)][:3]
        assert stored[ids[person]] == tuple(above + [None] * (3 - len(above)))
    assert broken_invariants() == {}
