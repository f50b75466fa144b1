"""Rows (行): locking them, inserting them, and asking for them past the session.

A flush and an object cost several times what their statement does. What every visit, order
and piece of news asks is therefore asked by its columns, with statements that were built
once; see `plans`.
"""

import functools
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import make_transient_to_detached

from app.core import plans
from app.core.db import Base, Model, Rows, db, note_inserted, require_transaction
from app.core.errors import NotFound

T = TypeVar("T")


def lock_one(cls: type[T], row_id: int, missing: str) -> T:
    """One row of `cls`, locked and freshly read.

    Raises NotFound with the message `missing` where there is none.
    """
    rows = lock_rows(cls, [row_id])
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
    # By attribute; `key` is the attribute of the primary key.
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
        mapper.get_property_by_column(mapper.primary_key[0]).key,
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

    A fraction of what a flush of it costs. Raises IntegrityError; the transaction goes on.
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
    note_inserted(row)


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
            values[f"r{n}_{name}"] = row[name] if name in row else defaults[name]()
    write(_together(cls, names, len(rows)), **values)


# Of each count the text is another; more rows than these are rare, and cheap for each.
_TOGETHER_MAX = 20


@functools.cache
def _together(cls: type[Base], names: tuple[str, ...], count: int) -> sa.Insert:
    """The statement that inserts so many rows of these columns, built once."""
    columns = db.metadata.tables[cls.__tablename__].columns
    return _table_of(cls).statement.values(
        [
            {name: sa.bindparam(f"r{n}_{name}", type_=columns[name].type) for name in names}
            for n in range(count)
        ]
    )


def direct(statement: sa.Executable, /, **values: Any) -> sa.Result[*tuple[Any, ...]]:
    """What a SELECT finds that was built once, with `sa.bindparam` for its values.

    Past the session, for less than half of what it costs there: for what every visit,
    order and piece of news asks. Of entities the rows hold the columns only.
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


def lock_rows(cls: type[T], ids: list[int]) -> list[T]:
    """The rows of `cls` with these ids, locked in id order and freshly read.

    Without `populate_existing` an object already in the session would keep its old values
    although the row is locked.
    """
    require_transaction()
    query = _locking(cast("type[Base]", cls)).execution_options(populate_existing=True)
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
