"""What pages keep for a moment: made once, and never longer than it may be."""

import pytest

from app import audit, settings
from app.core import brief
from app.core.brief import ENTRIES_MAX, Brief
from app.core.db import db, run_unit
from tests.factories import NOON

ACTOR = audit.Actor("admin:1")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def memory(clock):
    return Brief(3, clock)


def test_what_is_dear_may_be_kept_longer(memory, clock):
    make = counting()
    memory.get("page", make, times=3)
    clock.now += 8.9

    assert memory.get("page", make, times=3) == 1


def test_another_processs_change_is_seen_after_a_second(clock):
    newest = iter((1, 2))
    memory = Brief(3, clock, lambda: next(newest))
    memory.get("list", lambda: "old")
    clock.now += 1

    assert memory.get("list", lambda: "new") == "new"


def test_it_asks_for_changes_once_a_second(clock):
    asked = counting()
    memory = Brief(3, clock, asked)
    for _ in range(5):
        memory.get("list", lambda: "page")
        clock.now += 0.19

    assert asked() == 2


def test_without_seconds_nothing_is_kept_and_nothing_asked(clock):
    memory = Brief(0, clock, lambda: pytest.fail("it asked"))
    memory.get("list", lambda: "old")

    assert memory.get("list", lambda: "new") == "new"


@pytest.fixture
def kept(app, memory):
    """The running app's own memory, for one test with the usual seconds."""
    usual, app.extensions["brief"] = app.extensions["brief"], memory
    yield memory
    app.extensions["brief"] = usual


def counting():
    made = []
    return lambda: made.append(1) or len(made)


def test_what_is_young_is_not_made_again(memory, clock):
    make = counting()
    memory.get("list", make)
    clock.now += 2.9

    assert memory.get("list", make) == 1


def test_what_is_old_is_made_again(memory, clock):
    make = counting()
    memory.get("list", make)
    clock.now += 3

    assert memory.get("list", make) == 2


def test_the_age_counts_from_before_the_making(memory, clock):
    def slow() -> str:
        clock.now += 2
        return "old"

    memory.get("list", slow)
    clock.now += 1

    assert memory.get("list", lambda: "new") == "new"


def test_keys_are_kept_apart(memory):
    memory.get("a", lambda: 1)

    assert memory.get("b", lambda: 2) == 2


def test_a_failed_making_leaves_nothing(memory):
    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        memory.get("list", fail)

    assert memory.get("list", lambda: 1) == 1


def test_what_was_being_made_while_all_was_forgotten_is_not_kept(memory):
    def overtaken() -> str:
        memory.forget()
        return "old"

    memory.get("list", overtaken)

    assert memory.get("list", lambda: "new") == "new"


def test_what_was_made_longest_ago_makes_room(memory):
    for number in range(ENTRIES_MAX + 1):
        memory.get(number, lambda: "page")

    assert list(memory._kept) == list(range(1, ENTRIES_MAX + 1))


def change_name(name: str) -> None:
    settings.change("shop.name", name, actor=ACTOR, now=NOON)


def test_an_admins_change_is_seen_at_once(session, kept):
    kept.get("settings", settings.everything)
    run_unit(change_name, "新店名")

    assert kept.get("settings", settings.everything)["shop.name"] == "新店名"


def test_a_change_that_was_taken_back_forgets_nothing(session, kept):
    def fail() -> None:
        change_name("新店名")
        raise LookupError

    kept.get("page", lambda: 1)
    with pytest.raises(LookupError):
        run_unit(fail)
    run_unit(db.session.execute, settings.models.SettingChange.__table__.select())

    assert kept.get("page", lambda: 2) == 1


def test_the_app_has_a_memory_of_its_own(app):
    assert brief.current() is app.extensions["brief"]
