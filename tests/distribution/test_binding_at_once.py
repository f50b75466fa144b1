"""A newcomer who comes by a code that this process met before is bound in one UPDATE.

What the process knows is asked for again by that UPDATE: each test makes one part of it
untrue behind the process's back, as another process would.
"""

import pytest
import sqlalchemy as sa

from app import distribution
from app.core.db import db, run_unit, transaction
from app.distribution import AttemptResult, BindingSource, Distributor, DistributorStatus
from app.distribution.models import ReferralCode
from app.members import Member
from app.settings import SettingChange, registry
from tests.counting import counted
from tests.factories import (
    NOON,
    bind,
    broken_invariants,
    code_of,
    make_distributor,
    make_member,
)

R = AttemptResult


def try_code(member: Member, code: str, source: BindingSource = BindingSource.SCAN) -> R:
    return run_unit(distribution.bind, member.id, code=code, source=source, now=NOON)


def stands(member: Member) -> tuple[int | None, bool]:
    """Whom the member belongs to, and whether that has a date."""
    row = db.session.execute(
        sa.select(Member.upline1_id, Member.bound_at).filter_by(id=member.id)
    ).one()
    return row.upline1_id, row.bound_at is not None


def written_by_another(statement: sa.Executable) -> None:
    with transaction():
        db.session.execute(statement, execution_options={"synchronize_session": False})


@pytest.fixture
def owner(session):
    """A distributor whose code bound somebody here a moment ago."""
    found = make_distributor()
    assert try_code(make_member(), code_of(found)) is R.BOUND
    return found


def test_it_takes_an_update_and_the_two_rows_that_say_so(owner):
    code, newcomer = code_of(owner), make_member()
    newcomer_id = newcomer.id

    with counted() as asked:
        run_unit(distribution.bind, newcomer_id, code=code, source=BindingSource.SCAN, now=NOON)

    assert [statement.split()[:3] for statement in asked] == [
        ["UPDATE", "members", "SET"],
        ["INSERT", "INTO", "binding_attempts"],
        ["INSERT", "INTO", "outbox"],
    ]
    assert stands(newcomer) == (owner.id, True)
    [row] = distribution.binding_history(newcomer.id)
    assert (row.result, row.owner_id, row.upline_id, row.code) == (R.BOUND, owner.id, None, code)
    assert broken_invariants() == {}


def test_the_columns_are_those_of_the_upline_as_it_stands_now(owner):
    top = make_distributor()
    assert bind(owner, top) is R.BOUND
    newcomer = make_member()

    assert try_code(newcomer, code_of(owner)) is R.BOUND

    columns = (Member.upline1_id, Member.upline2_id, Member.upline3_id)
    found = db.session.execute(sa.select(*columns).filter_by(id=newcomer.id)).one()
    assert tuple(found) == (owner.id, top.id, None)
    assert broken_invariants() == {}


def test_an_owner_who_was_suspended_meanwhile_binds_nobody(owner):
    written_by_another(
        sa.update(Distributor)
        .where(Distributor.member_id == owner.id)
        .values(status=DistributorStatus.SUSPENDED)
    )
    newcomer = make_member()

    assert try_code(newcomer, code_of(owner)) is R.OWNER_INACTIVE
    assert stands(newcomer) == (None, False)


def test_a_code_that_is_gone_binds_nobody(owner):
    code, newcomer = code_of(owner), make_member()
    written_by_another(sa.delete(ReferralCode).where(ReferralCode.member_id == owner.id))

    assert try_code(newcomer, code) is R.UNKNOWN_CODE
    assert stands(newcomer) == (None, False)


def test_a_code_that_is_anothers_now_binds_to_the_other(owner):
    other, code, newcomer = make_distributor(), code_of(owner), make_member()
    written_by_another(sa.delete(ReferralCode).where(ReferralCode.member_id == other.id))
    written_by_another(
        sa.update(ReferralCode).where(ReferralCode.code == code).values(member_id=other.id)
    )

    assert try_code(newcomer, code) is R.BOUND
    assert stands(newcomer) == (other.id, True)


def test_rules_that_changed_meanwhile_count(owner):
    written_by_another(
        sa.insert(SettingChange).values(
            key=registry.BINDING_MOMENT.key, value="order", changed_by="admin:1", changed_at=NOON
        )
    )
    newcomer = make_member()

    assert try_code(newcomer, code_of(owner)) is R.REMEMBERED
    assert stands(newcomer) == (None, False)


def test_the_owner_is_not_bound_to_themselves(owner):
    assert try_code(owner, code_of(owner)) is R.OWN_CODE
    assert stands(owner) == (None, False)


def test_who_has_a_team_takes_it_along(owner):
    leader, below = make_distributor(), make_member()
    assert bind(below, leader) is R.BOUND

    assert try_code(leader, code_of(owner)) is R.BOUND

    assert stands(leader) == (owner.id, True)
    second = db.session.scalar(sa.select(Member.upline2_id).filter_by(id=below.id))
    assert second == owner.id
    assert broken_invariants() == {}


def test_who_stands_above_the_owner_is_not_hung_below(owner):
    top = make_distributor()
    assert bind(owner, top) is R.BOUND

    assert try_code(top, code_of(owner)) is R.OWN_DOWNLINE
    assert stands(top) == (None, False)


def test_who_belongs_to_another_stays(owner):
    first, member = make_distributor(), make_member()
    assert bind(member, first) is R.BOUND

    assert try_code(member, code_of(owner)) is R.ALREADY_BOUND
    assert stands(member) == (first.id, True)
