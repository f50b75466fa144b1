"""Database faults thrown into units of work, from outside of the product.

The product has no hook for them: SQLAlchemy's own events are enough, so that nothing
of this exists in a process that does not import it.
"""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import pymysql
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import PoolProxiedConnection

from app.core import db as core

# Deadlock, lock wait, record changed since the snapshot.
PASSING = (1213, 1205, 1020)
# The disk or the table is full, the server takes no writes.
LASTING = (1114, 1290)


class Killed(BaseException):
    """The process ends here; nobody catches it but who plays the next one."""


@dataclass
class Unit:
    """The attempt of a unit of work that a statement belongs to."""

    name: str
    frame: FrameType
    attempt: int
    statement: int = 0


@dataclass
class Thrown:
    count: int = 0


def error(code: int) -> OperationalError:
    """What PyMySQL raises for this code, as SQLAlchemy wraps it."""
    return OperationalError("injected", {}, pymysql.err.OperationalError(code, "injected"))


def unit_under_way() -> Unit | None:
    """The unit of `run_unit` that the caller runs in."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None:
        if frame.f_code is core.run_unit.__code__:
            work = frame.f_locals["work"]
            attempt = frame.f_locals.get("attempt", 1)
            name = f"{work.__module__.removeprefix('app.')}.{work.__name__}"
            return Unit(name, frame, attempt)
        frame = frame.f_back
    return None


@contextmanager
def at_statements(decide: Callable[[Unit], int]) -> Iterator[None]:
    """Ask `decide` before each statement of a unit; a code other than 0 is raised there."""
    counted: dict[str, Any] = {"frame": None, "attempt": 0, "statement": 0}

    def before(*_: object) -> None:
        unit = unit_under_way()
        if unit is None:
            return
        if (counted["frame"], counted["attempt"]) != (unit.frame, unit.attempt):
            counted.update(frame=unit.frame, attempt=unit.attempt, statement=0)
        counted["statement"] += 1
        unit.statement = counted["statement"]
        if code := decide(unit):
            raise error(code)

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", before)


@contextmanager
def thrown(seed: int) -> Iterator[Thrown]:
    """Faults by chance, of a chance of their own: the world is the same with and without."""
    rng = random.Random(seed)  # noqa: S311
    count = Thrown()

    def decide(unit: Unit) -> int:
        # Not the last attempts: the engine relents, as engines do.
        if unit.attempt > 3 or rng.random() > 0.004:
            return 0
        count.count += 1
        return rng.choice(PASSING)

    with at_statements(decide):
        yield count


@contextmanager
def rough(seed: int) -> Iterator[Thrown]:
    """Everything a database may do to a unit, by chance: the books must stay sound.

    Faults that pass, those that do not, processes killed on either side of a commit,
    and commits whose answer is lost. The same seed gives the same faults.
    """
    rng = random.Random(f"rough {seed}")  # noqa: S311
    count = Thrown()

    def at_statement(unit: Unit) -> int:
        drawn = rng.random()
        code = 0
        if drawn < 0.01:
            code = rng.choice(PASSING)
        elif drawn < 0.014:
            code = rng.choice(LASTING)
        count.count += code > 0
        return code

    def at_commit(unit: Unit) -> BaseException | None:
        drawn = rng.random()
        count.count += drawn < 0.04
        if drawn < 0.02:
            return Killed()
        return lost_line() if drawn < 0.04 and unit.attempt == 1 else None

    with at_statements(at_statement), at_commits(at_commit, at_commit):
        yield count


def lost_line() -> pymysql.err.OperationalError:
    return pymysql.err.OperationalError(2013, "Lost connection during query")


Strike = Callable[[Unit], BaseException | None]


@contextmanager
def at_commits(before: Strike, after: Strike) -> Iterator[None]:
    """Raise what `before` and `after` a unit's COMMIT, before its answer, say."""
    dialect = core.db.engine.dialect
    commit = dialect.do_commit

    def strike(decide: Strike) -> None:
        unit = unit_under_way()
        if unit is not None and (struck := decide(unit)) is not None:
            raise struck

    def committing(connection: PoolProxiedConnection) -> None:
        strike(before)
        commit(connection)
        strike(after)

    dialect.do_commit = committing  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        dialect.do_commit = commit  # type: ignore[method-assign]
