"""Statements as the driver takes them, worked out once for each statement and engine.

SQLAlchemy keeps the text of a statement too, but looks it up by the statement's parts, and
sets up around each execution much that a few plain values in and out have no use for. What
it knows of types, of errors and of lines that broke is asked of it all the same.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.types import TypeEngine

Process = Callable[[Any], Any]


@dataclass(frozen=True)
class Plan:
    """A statement's text, what becomes of the values that it names, and of those it finds."""

    text: str
    # In their order, where the driver wants one.
    positions: tuple[str, ...] | None
    processors: tuple[tuple[str, Process], ...]
    # What the statement says by itself, as the driver takes it.
    constants: Mapping[str, Any]
    # By the name of a list those of its values.
    lists: Mapping[str, tuple[str, ...]]
    # None for a change, which finds nothing.
    columns: SimpleResultMetaData | None
    readers: tuple[tuple[int, Process], ...]

    def given(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them."""
        ready = {**self.constants, **values}
        for name, parts in self.lists.items():
            ready.update(zip(parts, ready.pop(name), strict=True))
        for name, process in self.processors:
            ready[name] = process(ready[name])
        if self.positions is None:
            return ready
        return tuple(ready[name] for name in self.positions)

    def found(self, rows: Iterable[Sequence[Any]]) -> sa.Result[*tuple[Any, ...]]:
        """The driver's rows as Python knows them."""
        if self.columns is None:
            raise ValueError("a change finds no rows")
        if self.readers:
            rows = [self._read(row) for row in rows]
        return IteratorResult(self.columns, iter(rows))

    def _read(self, row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for place, process in self.readers:
            values[place] = process(values[place])
        return values


@dataclass(frozen=True)
class Done:
    """What a change did: how many rows it matched, and the id that its new row got."""

    rowcount: int
    lastrowid: int


def look(
    line: Connection, statement: sa.Executable, values: Mapping[str, Any]
) -> sa.Result[*tuple[Any, ...]]:
    """What a SELECT finds. Raises DBAPIError as `line.execute` does."""
    names = tuple(
        (name, len(value)) if type(value) is list else name for name, value in values.items()
    )
    plan = plan_of(statement, line.dialect, names)
    cursor = _executed(line, plan, values)
    rows = cursor.fetchall()
    cursor.close()
    return plan.found(rows)


def change(line: Connection, statement: sa.Executable, values: Mapping[str, Any]) -> Done:
    """What an INSERT, UPDATE or DELETE did. Raises DBAPIError as `line.execute` does."""
    cursor = _executed(line, plan_of(statement, line.dialect, tuple(values)), values)
    done = Done(cursor.rowcount, cursor.lastrowid)
    cursor.close()
    return done


def _executed(line: Connection, plan: Plan, values: Mapping[str, Any]) -> Any:
    given = plan.given(values)
    cursor = line.connection.cursor()
    # Who counts statements, or lets one fail, hears of these as well.
    for hear in line.dispatch.before_cursor_execute:
        hear(line, cursor, plan.text, given, None, False)
    try:
        cursor.execute(plan.text, given)
    except Exception as error:
        # Its own words for the driver's, and an end to a line that broke.
        line._handle_dbapi_exception(error, plan.text, given, cursor, None)  # noqa: SLF001
    return cursor


@functools.lru_cache(maxsize=1024)
def plan_of(
    statement: sa.Executable, dialect: Dialect, names: tuple[str | tuple[str, int], ...]
) -> Plan:
    """The plan of a statement that was built once; `names` of its values.

    A list has its length beside its name, because the text names each of its values.
    """
    lengths = dict(name for name in names if isinstance(name, tuple))
    plain = [name for name in names if isinstance(name, str)]
    whole = cast("sa.Select[Any]", statement)
    if lengths:
        whole = whole.params({name: [None] * length for name, length in lengths.items()})
    known = whole.compile(
        dialect=dialect,
        column_keys=plain if isinstance(statement, sa.Insert) else None,
        compile_kwargs={"render_postcompile": True},
    )
    lists = {name: tuple(f"{name}_{n + 1}" for n in range(lengths[name])) for name in lengths}
    processors: dict[str, Process | None] = {}
    constants: dict[str, Any] = {}
    for name, bind in known.binds.items():
        process = _of_dialect(bind.type, dialect).bind_processor(dialect)
        if name in lists:
            processors |= dict.fromkeys(lists[name], process)
        elif bind.required and name not in plain:
            raise ValueError(f"a value is wanted: {name}")
        elif name in plain:
            processors[name] = process
        else:
            constants[name] = bind.value if process is None else process(bind.value)
    columns = list(whole.selected_columns) if isinstance(statement, sa.SelectBase) else []
    readers = (
        (place, _of_dialect(column.type, dialect).result_processor(dialect, None))
        for place, column in enumerate(columns)
    )
    return Plan(
        str(known),
        tuple(known.positiontup or ()) if known.positional else None,
        tuple((name, process) for name, process in processors.items() if process is not None),
        constants,
        lists,
        SimpleResultMetaData([str(column.key) for column in columns]) if columns else None,
        tuple((place, process) for place, process in readers if process is not None),
    )


def _of_dialect(of: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return of.dialect_impl(dialect)
