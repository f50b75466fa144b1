"""The database: declarative base, column types, units of work.

A unit of work (工作单元) is everything one use case changes: it happens whole or
not at all, and it is rerun whole when the engine gave up on it for a reason that
passes (a deadlock, a lock that timed out, a lost line, a busy SQLite).
"""

import enum
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

import pymysql
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.orm import (
    DeclarativeBase,
    Session,
    SessionTransaction,
    UOWTransaction,
)
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolResetState

from app.core import clock

P = ParamSpec("P")
T = TypeVar("T")

# A SELECT of any columns.
Rows: TypeAlias = sa.Select[*tuple[Any, ...]]


class Base(DeclarativeBase):
    """Every table. The naming convention lets migrations name each constraint."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model

# SQLite only counts up an INTEGER key by itself; MariaDB wants 64 bits.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """An aware datetime, stored as UTC with microseconds.

    Raises ValueError when given a naive datetime: nobody could say what it means.
    """

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else clock.as_utc(value).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def enum_column(cls: type[enum.StrEnum], name: str) -> sa.Enum:
    """Store an enum's value as text under a CHECK called `name`."""
    return sa.Enum(
        cls,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=24,
        values_callable=lambda members: [member.value for member in members],
    )


# --- engines -----------------------------------------------------------------

_writing: ContextVar[bool] = ContextVar("writing", default=False)


@event.listens_for(Engine, "connect")
def _on_connect(dbapi_connection: Any, _record: object) -> None:
    if type(dbapi_connection).__module__.startswith("sqlite3"):
        # We begin transactions ourselves: the driver would begin too late.
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA busy_timeout = 5000")
        # 64 MB in place of 2: a settlement writes more pages than those hold, and would
        # write and read each of them again.
        cursor.execute("PRAGMA cache_size = -65536")
        cursor.close()


# Every question to the server costs as much as a small query, so that none is asked
# whose answer is known: a line in use a moment ago is there, and what was committed
# leaves nothing to roll back.
IDLE_SECONDS = 1.0
_USED_AT, _IS_OPEN = "used_at", "is_open"


@event.listens_for(Pool, "checkin")
def _on_checkin(_dbapi_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_USED_AT] = time.monotonic()


@event.listens_for(Pool, "checkout")
def _on_checkout(dbapi_connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Ask a line that was idle whether the server still holds its other end."""
    used_at = record.info.get(_USED_AT)
    if used_at is None or time.monotonic() - used_at < IDLE_SECONDS:
        return
    if not isinstance(dbapi_connection, pymysql.Connection):
        return
    try:
        dbapi_connection.ping(reconnect=False)
    except Exception as error:
        # As old as this one, the others of the pool are gone, too.
        raise InvalidatePoolError() from error


@event.listens_for(Engine, "begin")
def _on_begin(connection: Connection) -> None:
    connection.info[_IS_OPEN] = True
    if connection.dialect.name == "sqlite":
        # A deferred transaction that turns to writing fails at once when another
        # one wrote meanwhile; an immediate one waits for its turn.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writing.get() else "BEGIN")


@event.listens_for(Engine, "commit")
@event.listens_for(Engine, "rollback")
def _on_end(connection: Connection) -> None:
    # A lost line has no info any more, and asking for it would end the rerun of the unit.
    if not connection.invalidated:
        connection.info[_IS_OPEN] = False


@event.listens_for(Pool, "reset")
def _on_reset(dbapi_connection: Any, record: ConnectionPoolEntry, state: PoolResetState) -> None:
    """Roll back what was left open by somebody who lost the line without ending it."""
    if record.info.get(_IS_OPEN, True) and not state.transaction_was_reset:
        dbapi_connection.rollback()


@event.listens_for(Session, "before_flush")
def _no_stray_writes(session: Session, _context: UOWTransaction, _instances: object) -> None:
    if not _writing.get():
        raise RuntimeError("writes belong inside transaction()")


# --- units of work -----------------------------------------------------------

# What `rows.insert_now` put into the session in the unit of work under way.
_INSERTED = "inserted"


def note_inserted(row: object) -> None:
    """This row is in the session although no flush of it brought it there."""
    db.session.info[_INSERTED].append(row)


@contextmanager
def transaction() -> Iterator[None]:
    """One unit of work: commit at the end, roll back on any exception.

    Opened by entry points, once: it does not nest. What was read before it is
    forgotten, so that inside everything is read afresh.
    """
    if _writing.get():
        raise RuntimeError("transaction() does not nest")
    _begin_afresh(db.session())
    token = _writing.set(True)
    inserted: list[object] = []
    db.session.info[_INSERTED] = inserted
    try:
        yield
        db.session.commit()
    except BaseException:
        db.session.rollback()
        # The session takes them for rows that are there, and a rerun of the unit may
        # well be given their ids again.
        for row in inserted:
            if row in db.session:
                db.session.expunge(row)
        raise
    finally:
        _writing.reset(token)
        db.session.info.pop(_INSERTED, None)


def _begin_afresh(session: Session) -> None:
    """Forget what was read before, and nothing else happened before.

    Where each statement sees what is committed by then, a transaction that has only read
    may go on to write: a rollback and a new one would cost as much as two statements.
    """
    is_open = session.is_active and session.in_transaction()
    is_clean = not (session.new or session.dirty or session.deleted)
    if is_open and is_clean and session.get_bind().dialect.name != "sqlite":
        session.expire_all()
        session.info.pop(_MEMORY, None)
    else:
        session.rollback()


# What is remembered of this transaction, and of no other.
_MEMORY = "memory"


def unit_memory() -> dict[str, Any]:
    """For what the unit of work under way, or the reading of a page, knows already."""
    found: dict[str, Any] = db.session().info.setdefault(_MEMORY, {})
    return found


@event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    # A flush is a part of one.
    if transaction.parent is None:
        session.info.pop(_MEMORY, None)


def require_transaction() -> None:
    """Raise RuntimeError unless the caller opened a unit of work."""
    if not _writing.get():
        raise RuntimeError("this must run inside transaction()")


def forbid_transaction() -> None:
    """Raise RuntimeError inside a unit of work.

    For every door to the network: others' answers take as long as they like, and rows
    stay locked meanwhile; a rerun would ask twice. security_checklist.md, 5.
    """
    if _writing.get():
        raise RuntimeError("the network is asked outside of transaction()")


# 1020 record changed, 1205 lock wait, 1213 deadlock, 2006/2013/2055 line lost.
_PASSING = frozenset({1020, 1205, 1213, 2006, 2013, 2055})


def is_passing(error: DBAPIError) -> bool:
    """Whether the same unit of work, rerun, may well succeed."""
    if error.connection_invalidated:
        return True
    args = getattr(error.orig, "args", ())
    if args and isinstance(args[0], int):
        return args[0] in _PASSING
    return isinstance(error, OperationalError) and "locked" in str(error.orig)


def run_unit(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` as one unit of work, at most five times if the engine gives up.

    `work` must be safe to run twice from the start: its unique keys see to that
    even when the line was lost after COMMIT.
    """
    for attempt in range(1, 6):
        try:
            with transaction():
                return work(*args, **kwargs)
        except DBAPIError as error:
            if attempt == 5 or not is_passing(error):
                raise
            time.sleep(random.uniform(0.005, 0.03) * 2**attempt)  # noqa: S311
    raise AssertionError("unreachable")
