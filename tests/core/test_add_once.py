"""Rows whose unique key may be taken: inserted once, by whoever comes first."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.core.db import db, run_unit, transaction
from app.core.rows import add_once, insert_now
from app.members import Address, Member
from app.notices.models import NoticeMute
from app.orders import Order, OrderLine
from app.webhooks.models import InboxMessage
from tests.counting import counted
from tests.factories import NOON, make_member
from tests.threads import behind


def message(key: str = "msg:1", **given) -> InboxMessage:
    return InboxMessage(**{"dedupe_key": key, "openid": "o1", "kind": "text", "at": NOON, **given})


def kept() -> list[tuple[str, str]]:
    return [
        (row.dedupe_key, row.openid)
        for row in db.session.execute(sa.select(InboxMessage.dedupe_key, InboxMessage.openid))
    ]


def test_a_new_row_is_there_with_its_id_and_defaults(session):
    with transaction():
        row = message()
        with counted() as asked:
            assert add_once(row) is True
        assert (row.reply, row.at, row.id) == ("", NOON, row.id)
        assert row in db.session
    assert len(asked) == 1
    assert db.session.get(InboxMessage, row.id) is row
    assert kept() == [("msg:1", "o1")]


def test_a_row_that_was_added_can_be_changed(session):
    with transaction():
        row = message()
        add_once(row)
        row.reply = "好"

    assert db.session.scalar(sa.select(InboxMessage.reply)) == "好"


def test_a_column_without_value_and_default_is_null(session):
    with transaction():
        member = Member(openid="o1", public_id="p1", created_at=NOON)
        add_once(member)
        with counted() as asked:
            assert (member.upline1_id, member.bound_at, member.nickname) == (None, None, "")
    assert asked == []


def test_a_taken_key_leaves_the_transaction_as_it_was(session):
    with transaction():
        add_once(message("msg:0"))
        add_once(message(openid="first"))

        assert add_once(message(openid="second")) is False

        add_once(message("msg:2"))
    assert kept() == [("msg:0", "o1"), ("msg:1", "first"), ("msg:2", "o1")]


def test_any_other_broken_constraint_is_an_error(session):
    with pytest.raises(IntegrityError), transaction():
        # A key that leads nowhere is no key that is taken.
        add_once(NoticeMute(member_id=999_999, kind="order_shipped"))

    assert db.session.scalar(sa.select(sa.func.count()).select_from(NoticeMute)) == 0


def test_what_the_row_refers_to_goes_first(session):
    member = make_member()
    with transaction():
        waiting = Address(
            member_id=member.id,
            name="王芳",
            phone="13812345678",
            region="浙江省 杭州市 西湖区",
            detail="文三路 1 号",
            updated_at=NOON,
        )
        db.session.add(waiting)

        add_once(message())

        assert waiting.id is not None


def test_another_rows_taken_key_is_not_this_ones(session):
    with transaction():
        add_once(message())

    def add_behind_a_pending_one() -> None:
        db.session.add(message(openid="second"))
        add_once(message("msg:2"))

    with pytest.raises(IntegrityError):
        run_unit(add_behind_a_pending_one)

    assert kept() == [("msg:1", "o1")]


def test_a_row_with_related_rows_is_refused(session):
    with transaction():
        with pytest.raises(ValueError, match="related rows"):
            insert_now(Order(number="M1", lines=[OrderLine()]))
        db.session.expunge_all()

    assert db.session.scalar(sa.select(sa.func.count()).select_from(Order)) == 0


def test_it_wants_a_unit_of_work(session):
    with pytest.raises(RuntimeError):
        add_once(message())

    assert kept() == []


@pytest.mark.mariadb_only
def test_the_second_of_two_waits_for_the_first_ones_commit_and_sees_its_row(live):
    def second() -> tuple[bool, list[tuple[str, str]]]:
        return add_once(message(openid="second")), kept()

    found = behind(live, lambda: add_once(message(openid="first")), lambda: run_unit(second))

    assert found == (False, [("msg:1", "first")])


@pytest.mark.mariadb_only
def test_who_comes_after_one_that_gave_up_goes_in(live):
    def give_up() -> None:
        add_once(message(openid="first"))
        db.session.rollback()

    run_unit(give_up)

    assert run_unit(add_once, message(openid="second")) is True
    assert kept() == [("msg:1", "second")]
