"""Counting for tabs (`app.core.pages.counts_up_to`)."""

from app.core.db import transaction
from app.core.pages import counts_up_to
from app.members import Member, MemberStatus
from tests.counting import counted
from tests.factories import make_member


def test_each_value_is_counted_so_far_and_no_further(session):
    made = [make_member() for _ in range(4)]
    with transaction():
        made[0].status = MemberStatus.BLOCKED

    found = counts_up_to(Member.status, MemberStatus, most=2)

    assert found == {MemberStatus.ACTIVE: 2, MemberStatus.BLOCKED: 1}


def test_all_values_are_counted_in_one_statement(session):
    with counted() as asked:
        counts_up_to(Member.status, MemberStatus)

    assert len(asked) == 1
