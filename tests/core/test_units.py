"""Units of work: whole or not at all, rerun when the engine gave up for a passing reason."""

import sqlite3
import threading

import pymysql
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError, OperationalError

from app.core import db as core
from app.core.db import db, is_passing, require_transaction, run_unit, transaction, unit_memory
from app.core.errors import NotFound
from app.core.rows import add_once, affected, insert_now, lock_one, lock_rows
from app.members import Member
from tests.factories import NOON, make_member
from tests.threads import PATIENCE, behind, together


def name_of(member_id: int) -> str:
    db.session.rollback()
    return db.session.scalar(sa.select(Member.nickname).filter_by(id=member_id))


def rename(member_id: int, name: str) -> None:
    db.session.get_one(Member, member_id).nickname = name
    db.session.flush()


def gave_up(code: int) -> OperationalError:
    return OperationalError("UPDATE x", {}, pymysql.err.OperationalError(code, "gave up"))


# --- transaction() ---------------------------------------------------------------


def test_a_unit_is_kept_at_its_end(session):
    member_id = make_member("旧名").id

    with transaction():
        rename(member_id, "新名")

    assert name_of(member_id) == "新名"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_unit_that_fails_leaves_nothing(session, error):
    member_id = make_member("旧名").id

    def fail() -> None:
        with transaction():
            rename(member_id, "新名")
            raise error

    with pytest.raises(error):
        fail()

    assert name_of(member_id) == "旧名"


def test_units_do_not_nest(session):
    with transaction(), pytest.raises(RuntimeError, match=r"transaction\(\) does not nest"):
        transaction().__enter__()


def test_after_a_unit_the_next_one_may_begin(session):
    for _ in range(2):
        with transaction():
            require_transaction()

    with pytest.raises(RuntimeError, match=r"this must run inside transaction\(\)"):
        require_transaction()


def test_a_write_outside_of_a_unit_is_refused(session):
    member = make_member("旧名")
    member_id = member.id
    member.nickname = "新名"

    with pytest.raises(RuntimeError, match=r"writes belong inside transaction\(\)"):
        db.session.flush()

    assert name_of(member_id) == "旧名"


def test_what_was_read_before_a_unit_is_read_afresh_inside(session):
    member = make_member("旧名")
    assert member.nickname == "旧名"
    db.session.execute(sa.text("UPDATE members SET nickname = '新名'"))
    db.session.commit()

    with transaction():
        assert member.nickname == "新名"


@pytest.mark.mariadb_only
def test_a_unit_goes_on_in_the_transaction_that_has_only_read(live):
    member_id = make_member("旧名").id
    db.session.rollback()
    ended = []

    def note(connection: object) -> None:
        ended.append(connection)

    sa.event.listen(Engine, "rollback", note)
    try:
        assert db.session.get_one(Member, member_id).nickname == "旧名"
        with transaction():
            rename(member_id, "新名")
    finally:
        sa.event.remove(Engine, "rollback", note)

    assert ended == []
    assert name_of(member_id) == "新名"


def test_what_was_remembered_before_a_unit_is_asked_anew_inside(session):
    make_member("旧名")
    db.session.scalars(sa.select(Member)).one()
    unit_memory()["seen"] = True

    with transaction():
        assert unit_memory() == {}
        unit_memory()["seen"] = True

    assert unit_memory() == {}


def test_a_set_based_write_wants_a_unit(session):
    make_member("旧名")

    with pytest.raises(RuntimeError, match="inside transaction"):
        affected(sa.update(Member).values(nickname="新名"))


def test_a_set_based_write_counts_the_rows_that_matched(session):
    for _ in range(3):
        make_member("旧名")

    with transaction():
        assert affected(sa.update(Member).values(nickname="新名")) == 3
        # A row that had the value already was matched all the same.
        assert affected(sa.update(Member).values(nickname="新名")) == 3
        assert affected(sa.update(Member).where(Member.id < 0).values(nickname="x")) == 0


def test_locked_rows_come_in_order_and_freshly_read(session):
    first, second = make_member("一"), make_member("二")

    with transaction():
        assert first.nickname == "一"
        db.session.execute(
            sa.text("UPDATE members SET nickname = '新' WHERE id = :i"), {"i": first.id}
        )
        rows = lock_rows(Member, [second.id, first.id, 404])

    assert [(row.id, row.nickname) for row in rows] == [(first.id, "新"), (second.id, "二")]


def test_a_row_that_is_not_there_is_not_found(session):
    with transaction(), pytest.raises(NotFound, match="会员不存在"):
        lock_one(Member, 404, "会员不存在")


def test_a_unique_row_is_added_once_and_the_unit_goes_on(session):
    def made() -> Member:
        return Member(openid="o1", public_id="P1", created_at=NOON)

    with transaction():
        assert add_once(made()) is True
        assert add_once(made()) is False
        db.session.scalars(sa.select(Member)).one().nickname = "一"

    assert db.session.scalars(sa.select(Member.nickname)).all() == ["一"]


def test_what_a_unit_inserted_is_forgotten_with_it(session):
    kept = []

    def enter() -> Member:
        # The engine may give the rerun the id that the first run had.
        kept.append(Member(id=7, openid=f"o{len(kept)}", public_id="P1", created_at=NOON))
        insert_now(kept[-1])
        if len(kept) == 1:
            raise gave_up(1213)
        return kept[-1]

    assert run_unit(enter).openid == "o1"

    assert kept[0] not in db.session
    assert db.session.scalars(sa.select(Member.openid)).all() == ["o1"]


# --- run_unit() ------------------------------------------------------------------


class Flaky:
    """Fails with these errors one after the other, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.turns = 0

    def __call__(self) -> str:
        require_transaction()
        self.turns += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture
def no_pause(monkeypatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(core.time, "sleep", pauses.append)
    return pauses


@pytest.mark.parametrize("code", [1020, 1205, 1213, 2006, 2013, 2055])
def test_a_passing_error_of_mariadb_is_rerun(session, no_pause, code):
    work = Flaky(gave_up(code))

    assert run_unit(work) == "done"

    assert work.turns == 2


def test_a_busy_sqlite_is_rerun(session, no_pause):
    busy = OperationalError("x", {}, sqlite3.OperationalError("database is locked"))
    work = Flaky(busy)

    assert run_unit(work) == "done"

    assert work.turns == 2


def test_a_lost_connection_is_rerun(session, no_pause):
    lost = gave_up(9999)
    lost.connection_invalidated = True
    work = Flaky(lost)

    assert run_unit(work) == "done"

    assert work.turns == 2


@pytest.mark.parametrize(
    "error",
    [
        gave_up(1064),
        gave_up(1062),
        IntegrityError("x", {}, pymysql.err.IntegrityError(1062, "duplicate")),
        OperationalError("x", {}, sqlite3.OperationalError("no such table: x")),
        IntegrityError("x", {}, sqlite3.IntegrityError("database is locked")),
        ValueError("no luck"),
        NotFound(),
    ],
    ids=["syntax", "code", "duplicate", "no table", "integrity", "our own", "refusal"],
)
def test_any_other_error_is_not_rerun(session, no_pause, error):
    work = Flaky(error)

    with pytest.raises(type(error)):
        run_unit(work)

    assert (work.turns, no_pause) == (1, [])


def test_a_unit_is_tried_five_times_with_growing_pauses(session, no_pause):
    work = Flaky(*[gave_up(1213)] * 5)

    with pytest.raises(OperationalError):
        run_unit(work)

    assert work.turns == 5
    assert len(no_pause) == 4
    assert all(0.005 * 2**n <= pause <= 0.03 * 2**n for n, pause in enumerate(no_pause, start=1))


def test_the_fifth_try_may_succeed(session, no_pause):
    work = Flaky(*[gave_up(1213)] * 4)

    assert run_unit(work) == "done"

    assert work.turns == 5


def test_a_rerun_begins_from_nothing(session, no_pause):
    member_id = make_member("旧名").id
    seen = []

    def work() -> None:
        seen.append(db.session.get_one(Member, member_id).nickname)
        rename(member_id, "新名")
        if len(seen) == 1:
            raise gave_up(1213)

    run_unit(work)

    assert seen == ["旧名", "旧名"]
    assert name_of(member_id) == "新名"


def test_an_error_without_arguments_is_not_passing():
    assert is_passing(OperationalError("x", {}, Exception())) is False


@pytest.mark.mariadb_only
def test_two_units_that_really_deadlock_both_end(live):
    one, other = make_member("一").id, make_member("二").id
    db.session.rollback()
    meeting, turns = threading.Barrier(2), []

    def cross(first: int, second: int, name: str) -> None:
        turns.append(name)
        rename(first, name)
        if turns.count(name) == 1:
            meeting.wait(PATIENCE)
        rename(second, name)

    found = together(
        live,
        [lambda: run_unit(cross, one, other, "甲"), lambda: run_unit(cross, other, one, "乙")],
    )

    assert found == [None, None]
    assert len(turns) == 3
    # The one that was rerun came last, whole.
    assert name_of(one) == name_of(other) == turns[-1]


@pytest.mark.mariadb_only
def test_a_locked_row_is_waited_for_and_then_read_as_it_is(live):
    member_id = make_member("旧名").id
    db.session.rollback()

    def read() -> str:
        # Held on to: the session forgets objects that nobody has.
        known = db.session.get_one(Member, member_id)
        assert known.nickname == "旧名"
        return lock_one(Member, member_id, "").nickname

    found = behind(
        live,
        lambda: (lock_one(Member, member_id, ""), rename(member_id, "新名")),
        lambda: run_unit(read),
    )

    assert found == "新名"


def test_two_writers_on_either_engine_wait_for_each_other(live):
    member_id = make_member("0").id
    db.session.rollback()

    def count_up() -> None:
        row = lock_one(Member, member_id, "")
        row.nickname = str(int(row.nickname) + 1)

    found = together(live, [lambda: run_unit(count_up)] * 8)

    assert found == [None] * 8
    assert name_of(member_id) == "8"


# --- lines to the server ----------------------------------------------------------


def asked(connection: sa.Connection) -> list[str]:
    """What this line says to the server from now on."""
    said: list[str] = []
    raw = connection.connection.dbapi_connection
    plain = raw.query
    raw.query = lambda sql, *args, **kwargs: said.append(str(sql)) or plain(sql, *args, **kwargs)
    plain_rollback, plain_ping = raw.rollback, raw.ping
    raw.rollback = lambda: said.append("ROLLBACK") or plain_rollback()
    raw.ping = lambda **kwargs: said.append("PING") or plain_ping(**kwargs)
    return said


@pytest.fixture
def one_line(live):
    """An engine with one line, so that the same comes back."""
    engine = sa.create_engine(db.engine.url, pool_size=1, max_overflow=0, pool_reset_on_return=None)
    yield engine
    engine.dispose()


@pytest.mark.mariadb_only
def test_a_line_that_ended_its_transaction_is_asked_nothing_more(one_line):
    with one_line.begin() as connection:
        said = asked(connection)
        connection.execute(sa.text("SELECT 1"))
    with one_line.begin() as connection:
        connection.execute(sa.text("SELECT 2"))

    assert said == ["SELECT 1", "SELECT 2"]


@pytest.mark.mariadb_only
def test_a_line_that_was_idle_is_asked_whether_it_is_there(one_line, monkeypatch):
    with one_line.begin() as connection:
        said = asked(connection)
    monkeypatch.setattr(core, "IDLE_SECONDS", 0)
    with one_line.begin():
        pass

    assert said == ["PING"]


@pytest.mark.mariadb_only
def test_a_line_that_the_server_ended_is_replaced(one_line, monkeypatch):
    with one_line.begin() as connection:
        gone = connection.execute(sa.text("SELECT CONNECTION_ID()")).scalar_one()
    with db.engine.begin() as connection:
        connection.execute(sa.text(f"KILL {gone}"))
    monkeypatch.setattr(core, "IDLE_SECONDS", 0)

    with one_line.begin() as connection:
        assert connection.execute(sa.text("SELECT CONNECTION_ID()")).scalar_one() != gone


@pytest.mark.mariadb_only
def test_a_transaction_that_was_lost_with_its_owner_is_rolled_back(one_line):
    member_id = make_member("旧名").id
    raw = one_line.raw_connection()
    raw.dbapi_connection.cursor().execute(
        "UPDATE members SET nickname = '新名' WHERE id = %s", (member_id,)
    )
    raw.close()

    with one_line.begin() as connection:
        found = connection.execute(sa.text("SELECT nickname FROM members")).scalar_one()
    assert found == "旧名"


@pytest.mark.mariadb_only
def test_a_unit_whose_line_is_lost_under_way_is_run_again(live):
    member_id = make_member("旧名").id
    db.session.rollback()
    lines = []

    def work() -> None:
        lines.append(db.session.scalar(sa.text("SELECT CONNECTION_ID()")))
        if len(lines) == 1:
            with sa.create_engine(db.engine.url).begin() as other:
                other.execute(sa.text(f"KILL {lines[0]}"))
        rename(member_id, "新名")

    run_unit(work)

    assert len(set(lines)) == 2
    assert name_of(member_id) == "新名"
