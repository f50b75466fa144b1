"""The database: declarative base, column types, units of work.

A unit of work (工作单元) is everything one use case changes: it happens whole or
not at all, and it is rerun whole when the engine gave up on it for a reason that
passes (a deadlock, a lock that timed out, a lost line, a busy SQLite).
"""

import enum
import functools
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar, cast

import pymysql
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError, OperationalError
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    Session,
    SessionTransaction,
    UOWTransaction,
    load_only,
    make_transient_to_detached,
)
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolResetState

from app.core import clock, plans
from app.core.errors import NotFound

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

# What `insert_now` put into the session in the unit of work under way.
_INSERTED = "inserted"


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


def lock_one(
    cls: type[T], row_id: int, missing: str, *, only: Sequence[InstrumentedAttribute[Any]] = ()
) -> T:
    """One row of `cls`, locked and freshly read; see `lock_rows` for `only`.

    Raises NotFound with the message `missing` where there is none.
    """
    rows = lock_rows(cls, [row_id], only=only)
    if not rows:
        raise NotFound(missing)
    return rows[0]


def add_once(row: Model) -> bool:
    """Insert a row whose unique key may be taken; False, and no harm, if it is.

    Of two at the same time the second waits here for the first one's commit. One
    plain INSERT and no savepoint: both engines undo a statement that fails and keep
    the transaction, while a failed flush would end the session's.

    Raises IntegrityError for any other broken constraint.
    """
    require_transaction()
    # Rows that wait for their own insert go first; what breaks there is another's.
    db.session.flush()
    try:
        insert_now(row)
    except IntegrityError as error:
        if not _is_duplicate(error):
            raise
        return False
    return True


@dataclass(frozen=True)
class _Table:
    """How rows of a class are inserted, worked out once."""

    statement: sa.Insert
    # By attribute.
    columns: dict[str, str]
    key: str
    related: frozenset[str]
    # What makes the value of a column of which nothing is said.
    defaults: dict[str, Callable[[], Any]]


@functools.cache
def _table_of(cls: type[Base]) -> _Table:
    mapper = sa.inspect(cls)
    table = db.metadata.tables[cls.__tablename__]
    return _Table(
        sa.insert(table),
        {attr.key: str(attr.columns[0].key) for attr in mapper.column_attrs},
        str(mapper.primary_key[0].key),
        frozenset(mapper.relationships.keys()),
        {
            column.name: _maker(column.default)
            for column in table.columns
            if isinstance(column.default, sa.ColumnDefault)
        },
    )


def _maker(default: sa.ColumnDefault) -> Callable[[], Any]:
    if default.is_callable:
        # SQLAlchemy lets it ask what is being inserted; none of ours does.
        return functools.partial(default.arg, None)
    return lambda: default.arg


def insert_now(row: Model) -> None:
    """Insert one new row, which has no related rows yet, and keep it in the session.

    A tenth of what a flush of it costs. Raises IntegrityError; the transaction goes on.
    """
    table, state = _table_of(type(row)), sa.inspect(row)
    if table.related & state.dict.keys():
        raise ValueError("related rows would be lost: use the session")
    known, given = state.dict, table.columns
    values = {given[key]: value for key, value in known.items() if key in given}
    values |= {name: make() for name, make in table.defaults.items() if name not in values}
    key = write(table.statement, **values).lastrowid
    known.update({key: values.get(name) for key, name in given.items()})
    if known[table.key] is None:
        known[table.key] = key
    make_transient_to_detached(row)
    db.session.add(row)
    db.session.info[_INSERTED].append(row)


def insert_plain(cls: type[Base], /, **values: Any) -> int:
    """Insert one row, given by its columns, that nobody needs as an object; its id.

    Raises IntegrityError; the transaction goes on.
    """
    table = _table_of(cls)
    made = {name: make() for name, make in table.defaults.items() if name not in values}
    return write(table.statement, **made, **values).lastrowid


def insert_once(cls: type[Base], /, **values: Any) -> int | None:
    """`insert_plain` of a row whose unique key may be taken; None, and no harm, if it is.

    As with `add_once` the second of two waits for the first one's commit.
    """
    # Rows that wait for their own insert go first; what breaks there is another's.
    db.session.flush()
    try:
        return insert_plain(cls, **values)
    except IntegrityError as error:
        if not _is_duplicate(error):
            raise
        return None


def insert_all(cls: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, given by their columns, of which nobody needs to know the ids.

    One statement, without the work of a flush. Raises IntegrityError.
    """
    require_transaction()
    if not 0 < len(rows) <= _TOGETHER_MAX:
        if rows:
            _connection().execute(_table_of(cls).statement, list(rows))
        return
    defaults, values = _table_of(cls).defaults, {}
    names = tuple(rows[0] | defaults)
    for n, row in enumerate(rows):
        for name in names:
            values[f"{name}{n}"] = row[name] if name in row else defaults[name]()
    write(_together(cls, names, len(rows)), **values)


# Of each count the text is another; more rows than these are rare, and cheap for each.
_TOGETHER_MAX = 20


@functools.cache
def _together(cls: type[Base], names: tuple[str, ...], count: int) -> sa.Insert:
    """The statement that inserts so many rows of these columns, built once."""
    columns = db.metadata.tables[cls.__tablename__].columns
    return _table_of(cls).statement.values(
        [
            {name: sa.bindparam(f"{name}{n}", type_=columns[name].type) for name in names}
            for n in range(count)
        ]
    )


def direct(statement: sa.Executable, /, **values: Any) -> sa.Result[*tuple[Any, ...]]:
    """What a SELECT finds that was built once, with `sa.bindparam` for its values.

    Past the session, for a third of what it costs there: for what every visit, order and
    piece of news asks. Of entities the rows hold the columns only.
    """
    return plans.look(_connection(), statement, values)


def write(statement: sa.Executable, /, **values: Any) -> plans.Done:
    """The same for a change, all of whose values are named."""
    require_transaction()
    return plans.change(_connection(), statement, values)


# The session's transaction and its line; asking the session costs as much as a part of a
# statement.
_LINE = "line"


def _connection() -> Connection:
    session = db.session()
    # As the session would: whatever waits for its own insert goes first.
    session.flush()
    transaction, line = session.info.get(_LINE, (None, None))
    if line is not None and transaction.is_active and session.get_transaction() is transaction:
        return cast("Connection", line)
    line = session.connection()
    session.info[_LINE] = session.get_transaction(), line
    return line


# Their codes for a unique or primary key that is taken.
_MARIADB_DUPLICATE = 1062
_SQLITE_DUPLICATE = frozenset(
    {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
)


def _is_duplicate(error: IntegrityError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode in _SQLITE_DUPLICATE
    return getattr(error.orig, "args", ())[:1] == (_MARIADB_DUPLICATE,)


def lock_rows(
    cls: type[T], ids: list[int], *, only: Sequence[InstrumentedAttribute[Any]] = ()
) -> list[T]:
    """The rows of `cls` with these ids, locked in id order and freshly read.

    `only` reads these columns, of a wide table of which few are needed; another one is
    read when it is asked for. Without `populate_existing` an object already in the
    session would keep its old values although the row is locked.
    """
    require_transaction()
    query = _locking(cast("type[Base]", cls)).execution_options(populate_existing=True)
    if only:
        query = query.options(load_only(*only))
    return list(db.session.scalars(query, {"ids": sorted(ids)}))


@functools.cache
def _locking(cls: type[Base]) -> Rows:
    key = sa.inspect(cls).primary_key[0]
    wanted = key.in_(sa.bindparam("ids", expanding=True))
    return sa.select(cls).where(wanted).order_by(key).with_for_update()


def affected(statement: sa.Update | sa.Delete) -> int:
    """Execute a conditional statement; return how many rows it matched."""
    require_transaction()
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]
