"""Statements by their plan: `direct`, `write` and what inserts rows with them."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, NoResultFound

from app.catalog import Product, Sku
from app.core.db import db, run_unit, transaction
from app.core.plans import plan_of
from app.core.rows import direct, insert_all, insert_once, insert_plain, write
from app.members import Address, Member
from app.webhooks.models import InboxMessage
from tests.counting import counted
from tests.factories import NOON, make_address, make_member, make_sku

BY_ID = sa.select(Member.id, Member.nickname).where(Member.id == sa.bindparam("member_id"))
BY_IDS = (
    sa.select(Member.id)
    .where(Member.id.in_(sa.bindparam("ids", expanding=True)), Member.nickname == "王芳")
    .order_by(Member.id)
)
RENAME = (
    sa.update(Member)
    .where(Member.id == sa.bindparam("member_id"))
    .values(nickname=sa.bindparam("name"))
)


def facts(n: int, **given: object) -> dict[str, object]:
    return {"dedupe_key": f"msg:{n}", "openid": "o1", "kind": "text", "at": NOON, **given}


def keys() -> list[str]:
    return list(db.session.scalars(sa.select(InboxMessage.dedupe_key).order_by(InboxMessage.id)))


# --- reading -----------------------------------------------------------------------


def test_values_come_as_the_session_reads_them(session):
    address = make_address(make_member())
    columns = [getattr(Address, attr.key) for attr in sa.inspect(Address).column_attrs]
    products = [getattr(Product, attr.key) for attr in sa.inspect(Product).column_attrs]
    product = db.session.get_one(Product, make_sku().product_id)

    read = direct(sa.select(*columns)).one()
    sold = direct(sa.select(*products)).one()

    assert dict(zip(read._fields, read, strict=True)) == {
        c.key: getattr(address, c.key) for c in columns
    }
    assert list(sold) == [getattr(product, c.key) for c in products]


def test_a_list_may_have_any_length(session):
    ids = [make_member("王芳").id for _ in range(3)]
    make_member("陈梅")

    assert [direct(BY_IDS, ids=ids[:n]).scalars().all() for n in range(4)] == [
        [],
        ids[:1],
        ids[:2],
        ids,
    ]


def test_what_waits_for_its_insert_is_found(session):
    with transaction():
        member = Member(openid="o1", public_id="P1", created_at=NOON, nickname="王芳")
        db.session.add(member)

        assert direct(sa.select(Member.nickname)).scalar_one() == "王芳"


def test_nothing_found_is_said_as_ever(session):
    assert direct(BY_ID, member_id=404).one_or_none() is None
    with pytest.raises(NoResultFound):
        direct(BY_ID, member_id=404).one()


@pytest.mark.parametrize(
    ("statement", "names", "missing"),
    [
        (BY_ID, (), "a value is wanted: member_id"),
        (RENAME, ("member_id",), "a value is wanted: name"),
    ],
)
def test_a_plan_wants_every_value(session, statement, names, missing):
    with pytest.raises(ValueError, match=missing):
        plan_of(statement, db.engine.dialect, names)


def test_statements_are_heard_of(session):
    with counted() as asked:
        direct(BY_ID, member_id=1).all()

    assert len(asked) == 1


# --- changing ----------------------------------------------------------------------


def test_a_change_says_how_many_rows_it_matched(session):
    member_id = make_member("王芳").id

    with transaction():
        assert write(RENAME, member_id=member_id, name="陈梅").rowcount == 1
        # A row that had the value already was matched all the same.
        assert write(RENAME, member_id=member_id, name="陈梅").rowcount == 1
        assert write(RENAME, member_id=404, name="陈梅").rowcount == 0

    assert db.session.scalar(sa.select(Member.nickname).filter_by(id=member_id)) == "陈梅"


def test_a_change_wants_a_unit_of_work(session):
    with pytest.raises(RuntimeError, match="inside transaction"):
        write(RENAME, member_id=1, name="陈梅")


def test_a_broken_constraint_leaves_the_transaction_as_it_was(session):
    with transaction():
        insert_plain(InboxMessage, **facts(1))
        with pytest.raises(IntegrityError):
            insert_plain(InboxMessage, **facts(1))
        insert_plain(InboxMessage, **facts(2))

    assert keys() == ["msg:1", "msg:2"]


def test_a_taken_key_is_nobodys_row(session):
    with transaction():
        first = insert_once(InboxMessage, **facts(1))
        assert first == db.session.scalar(sa.select(InboxMessage.id))
        assert insert_once(InboxMessage, **facts(1)) is None

    assert keys() == ["msg:1"]


def test_anothers_taken_key_is_no_answer(session):
    with transaction():
        insert_plain(InboxMessage, **facts(1))
        db.session.add(InboxMessage(**facts(1)))
        with pytest.raises(IntegrityError):
            insert_once(InboxMessage, **facts(2))
        db.session.rollback()


@pytest.mark.parametrize("count", [0, 1, 3, 25])
def test_rows_are_inserted_by_one_statement_with_their_defaults(session, count):
    with transaction(), counted() as asked:
        insert_all(InboxMessage, [facts(n) for n in range(count)])

    assert keys() == [f"msg:{n}" for n in range(count)]
    assert set(db.session.scalars(sa.select(InboxMessage.reply))) <= {""}
    assert len(asked) == bool(count)


def test_each_row_gets_a_default_of_its_own(session):
    product_id = make_sku().product_id
    sku = {"product_id": product_id, "name": "盒", "price_fen": 1}

    with transaction():
        insert_all(Sku, [{**sku, "code": "a"}, {**sku, "code": "b"}])
        insert_plain(Sku, **sku, code="c")

    made = db.session.scalars(sa.select(Sku).where(Sku.code.is_not(None))).all()
    assert [(row.spec_values, row.stock, row.is_active) for row in made] == [([], 0, True)] * 3


@pytest.mark.mariadb_only
def test_a_line_that_is_lost_at_a_plan_is_replaced_in_the_rerun(live):
    member_id = make_member("旧名").id
    db.session.rollback()
    lines = []

    def work() -> None:
        lines.append(direct(sa.select(sa.func.connection_id())).scalar_one())
        if len(lines) == 1:
            with sa.create_engine(db.engine.url).begin() as other:
                other.execute(sa.text(f"KILL {lines[0]}"))
        write(RENAME, member_id=member_id, name="新名")

    run_unit(work)

    assert len(set(lines)) == 2
    assert db.session.scalar(sa.select(Member.nickname)) == "新名"
