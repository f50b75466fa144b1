"""News after a commit: delivered once to each subscriber, tried again when it failed."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from app import outbox
from app.core.db import db, require_transaction, run_unit
from app.members import Member
from app.outbox import ATTEMPTS_MAX, OutboxRow, State
from app.outbox.service import LEASE
from tests.factories import NOON, make_member
from tests.threads import holding, together

TOPIC = "test_topic"
Handler = Callable[[int, datetime], None]


class Desk:
    """Subscribers of this file's topic; each call of `seen` is kept."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def subscribe(
        self, name: str, handle: Handler | None = None, *, calls_network: bool = False
    ) -> None:
        outbox.subscribe(
            TOPIC,
            name,
            handle or (lambda subject, now: self.seen.append((name, subject))),
            calls_network=calls_network,
        )


@pytest.fixture
def desk() -> Iterator[Desk]:
    known = dict(outbox.service._subscribers)
    yield Desk()
    outbox.service._subscribers.clear()
    outbox.service._subscribers.update(known)


def publish(subject: int = 7, topic: str = TOPIC) -> None:
    run_unit(outbox.publish, topic, subject, now=NOON)


def rows() -> list[tuple[str, int, State, int]]:
    found = db.session.scalars(sa.select(OutboxRow).order_by(OutboxRow.id))
    return [(r.subscriber, r.subject_id, r.state, r.attempts) for r in found]


def the_row() -> OutboxRow:
    db.session.expire_all()
    return db.session.scalars(sa.select(OutboxRow)).one()


def fail(*_: object) -> None:
    raise ValueError("no luck")


def test_news_is_one_row_for_each_subscriber_of_the_topic(session, desk):
    desk.subscribe("one")
    desk.subscribe("two")
    outbox.subscribe("another_topic", "three", fail)

    publish()

    assert rows() == [("one", 7, State.WAITING, 0), ("two", 7, State.WAITING, 0)]
    assert outbox.backlog() == (2, NOON)


def test_news_of_a_unit_that_fails_does_not_exist(session, desk):
    desk.subscribe("one")

    def publish_and_fail() -> None:
        outbox.publish(TOPIC, 7, now=NOON)
        db.session.flush()
        fail()

    with pytest.raises(ValueError, match="no luck"):
        run_unit(publish_and_fail)

    assert rows() == []


def test_news_is_published_inside_a_unit_only(session, desk):
    desk.subscribe("one")

    with pytest.raises(RuntimeError, match="inside transaction"):
        outbox.publish(TOPIC, 7, now=NOON)

    assert rows() == []


def test_the_same_fact_is_not_news_twice(session, desk):
    desk.subscribe("one")
    publish()

    with pytest.raises(sa.exc.IntegrityError):
        publish()

    assert rows() == [("one", 7, State.WAITING, 0)]


def test_each_subscriber_is_told_once(session, desk):
    desk.subscribe("one")
    desk.subscribe("two")
    publish()

    assert outbox.drain(NOON) == 2
    assert outbox.drain(NOON) == 0

    assert sorted(desk.seen) == [("one", 7), ("two", 7)]
    assert outbox.backlog() == (0, None)


def test_a_unit_and_its_mark_are_one_transaction(session, desk):
    member = make_member("旧名")

    def rename(subject: int, now: datetime) -> None:
        require_transaction()
        db.session.get_one(Member, subject).nickname = "新名"
        db.session.flush()
        fail()

    desk.subscribe("rename", rename)
    publish(member.id)

    assert outbox.drain(NOON) == 0

    assert db.session.get_one(Member, member.id).nickname == "旧名"
    assert (the_row().state, the_row().attempts) == (State.WAITING, 1)


def test_only_the_news_of_one_fact_is_drained_when_asked(session, desk):
    desk.subscribe("one")
    publish(7)
    publish(8)

    assert outbox.drain(NOON, subject=(TOPIC, 8)) == 1

    assert desk.seen == [("one", 8)]


def test_news_is_not_delivered_before_it_is_due(session, desk):
    desk.subscribe("one")
    publish()

    assert outbox.drain(NOON - timedelta(seconds=1)) == 0

    assert desk.seen == []


def test_what_failed_is_tried_again_later_and_later(session, desk):
    desk.subscribe("one", fail)
    publish()

    delays, now = [], NOON
    for _ in range(ATTEMPTS_MAX - 1):
        outbox.drain(now)
        row = the_row()
        assert row.state is State.WAITING
        delays.append(int((row.due_at - now).total_seconds()))
        now = row.due_at

    assert delays == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]
    assert the_row().last_error == "ValueError: no luck"


def test_after_twelve_attempts_a_person_must_look(session, desk):
    desk.subscribe("one", fail)
    publish()

    for n in range(ATTEMPTS_MAX + 3):
        outbox.drain(NOON + timedelta(hours=2 * n))

    assert (the_row().state, the_row().attempts) == (State.FAILED, ATTEMPTS_MAX)
    assert outbox.backlog() == (1, NOON)


def test_a_failed_row_can_be_given_new_attempts(session, desk):
    desk.subscribe("one", fail)
    publish()
    for n in range(ATTEMPTS_MAX):
        outbox.drain(NOON + timedelta(hours=2 * n))
    desk.subscribe("one")

    run_unit(outbox.retry_failed, the_row().id, now=NOON)

    assert outbox.drain(NOON) == 1
    assert desk.seen == [("one", 7)]
    assert the_row().state is State.DONE


def test_only_a_failed_row_is_given_new_attempts(session, desk):
    desk.subscribe("one")
    publish()
    outbox.drain(NOON)

    run_unit(outbox.retry_failed, the_row().id, now=NOON)

    assert the_row().state is State.DONE


def test_one_bad_row_does_not_stop_the_others(session, desk):
    desk.subscribe("bad", lambda subject, now: fail() if subject == 7 else None)
    desk.subscribe("good")
    publish(7)
    publish(8)

    assert outbox.drain(NOON) == 3

    assert sorted(desk.seen) == [("good", 7), ("good", 8)]
    assert [(name, subject) for name, subject, state, _ in rows() if state is not State.DONE] == [
        ("bad", 7)
    ]


def test_news_for_a_subscriber_that_is_gone_waits_and_says_why(session, desk):
    desk.subscribe("one")
    publish()
    outbox.service._subscribers.pop((TOPIC, "one"))

    assert outbox.drain(NOON) == 0

    assert (the_row().state, the_row().attempts) == (State.WAITING, 1)
    assert the_row().last_error.startswith("KeyError")


def test_a_call_runs_outside_of_any_transaction_on_a_leased_row(session, desk):
    found = []

    def call(subject: int, now: datetime) -> None:
        with pytest.raises(RuntimeError):
            require_transaction()
        found.append((the_row().state, the_row().due_at, the_row().attempts))

    desk.subscribe("call", call, calls_network=True)
    publish()

    assert outbox.drain(NOON) == 1

    assert found == [(State.WAITING, NOON + LEASE, 1)]
    assert the_row().state is State.DONE


def test_a_leased_call_is_nobody_elses_until_the_lease_ends(session, desk):
    """As after a process that died while it called."""
    desk.subscribe("call", calls_network=True)
    publish()
    run_unit(outbox.service._claim, the_row().id, NOON)

    assert outbox.drain(NOON + LEASE - timedelta(seconds=1)) == 0
    assert outbox.drain(NOON + LEASE) == 1

    assert desk.seen == [("call", 7)]


def test_a_call_that_fails_counts_one_attempt(session, desk):
    desk.subscribe("call", fail, calls_network=True)
    publish()

    assert outbox.drain(NOON) == 0

    assert (the_row().state, the_row().attempts) == (State.WAITING, 1)
    assert the_row().due_at == NOON + timedelta(seconds=2)


def undelivered() -> list[int]:
    return list(db.session.scalars(outbox.undelivered(TOPIC)))


def test_money_waits_for_units_and_not_for_calls(session, desk):
    desk.subscribe("call", fail, calls_network=True)
    desk.subscribe("unit", lambda subject, now: fail() if subject == 7 else None)
    publish(7)
    publish(8)

    outbox.drain(NOON)

    assert undelivered() == [7]


def test_money_waits_for_a_unit_that_was_given_up(session, desk):
    desk.subscribe("unit", fail)
    publish()
    for n in range(ATTEMPTS_MAX):
        outbox.drain(NOON + timedelta(hours=2 * n))

    assert the_row().state is State.FAILED
    assert undelivered() == [7]


@pytest.mark.mariadb_only
def test_two_workers_deliver_each_row_once(live, desk):
    desk.subscribe("one")
    for subject in range(20):
        publish(subject)
    db.session.rollback()

    found = together(live, [lambda: outbox.drain(NOON)] * 4)

    assert sum(found) == 20, found
    assert sorted(subject for _, subject in desk.seen) == list(range(20))
    assert {state for _, _, state, _ in rows()} == {State.DONE}


@pytest.mark.mariadb_only
def test_a_row_that_another_worker_holds_is_passed_by(live, desk):
    desk.subscribe("one")
    publish(7)
    publish(8)
    first = db.session.scalars(sa.select(OutboxRow.id).order_by(OutboxRow.id)).first()
    db.session.rollback()

    with holding(live, lambda: outbox.service._claim(first, NOON)):
        passed = outbox.drain(NOON)

    assert passed == 1
    assert sorted(desk.seen) == [("one", 7), ("one", 8)]


def test_an_operator_lists_and_retries_what_was_given_up(app, session, desk):
    desk.subscribe("one", fail)
    publish()
    for n in range(ATTEMPTS_MAX):
        outbox.drain(NOON + timedelta(hours=2 * n))
    row_id = the_row().id
    flask = app.test_cli_runner()

    listed = flask.invoke(args=["outbox", "failed"])
    retried = flask.invoke(args=["outbox", "retry", str(row_id)])
    again = flask.invoke(args=["outbox", "retry", str(row_id)])

    assert f"{row_id}  {TOPIC} 7 > one" in listed.output
    assert (retried.exit_code, again.exit_code) == (0, 1)
    assert "was not given up" in again.output


# --- the news of one fact together ----------------------------------------------------


def test_the_news_of_one_fact_is_delivered_in_one_unit(session, desk):
    commits = []
    desk.subscribe("first")
    desk.subscribe("second")
    publish()
    sa.event.listen(db.session(), "before_commit", lambda _session: commits.append(1))

    assert outbox.drain(NOON) == 2
    assert desk.seen == [("first", 7), ("second", 7)]
    assert len(commits) == 1


def test_one_that_fails_is_tried_again_alone(session, desk):
    desk.subscribe("first")
    desk.subscribe("broken", fail)
    desk.subscribe("last")
    publish()

    assert outbox.drain(NOON) == 2
    assert rows() == [
        ("first", 7, State.DONE, 0),
        ("broken", 7, State.WAITING, 1),
        ("last", 7, State.DONE, 0),
    ]


def test_what_one_did_before_another_failed_is_done_once(session, desk):
    member_id = make_member("一").id

    def rename(_subject: int, _now: datetime) -> None:
        require_transaction()
        db.session.get_one(Member, member_id).nickname += "次"

    desk.subscribe("first", rename)
    desk.subscribe("broken", fail)
    publish()
    outbox.drain(NOON)
    db.session.expire_all()

    assert db.session.get_one(Member, member_id).nickname == "一次"
