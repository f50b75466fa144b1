"""Changes as the driver takes them, worked out once for each statement and engine.

SQLAlchemy keeps the text of a statement too, but looks it up by the statement's parts and
sets up around each execution what a change that returns no rows has no use for.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler


@dataclass(frozen=True)
class Plan:
    """A statement's text, and what becomes of the values that it names."""

    text: str
    # In their order, where the driver wants one.
    positions: tuple[str, ...] | None
    processors: tuple[tuple[str, Callable[[Any], Any]], ...]
    # What the statement says by itself.
    constants: Mapping[str, Any]

    def given(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them."""
        ready = {**self.constants, **values}
        for name, process in self.processors:
            ready[name] = process(ready[name])
        if self.positions is None:
            return ready
        return tuple(ready[name] for name in self.positions)


@functools.lru_cache(maxsize=256)
def plan_of(statement: sa.Executable, dialect: Dialect, names: tuple[str, ...]) -> Plan:
    """The plan of a statement that was built once; `names` of its values.

    Values only, no lists: of those the text would have to change.
    """
    columns = names if isinstance(statement, sa.Insert) else None
    compiled = cast("sa.ClauseElement", statement).compile(dialect=dialect, column_keys=columns)
    known = cast("SQLCompiler", compiled)
    if any(bind.expanding for bind in known.binds.values()):
        raise ValueError("a list has no place in a plan")
    processors = (
        (name, bind.type.dialect_impl(dialect).bind_processor(dialect))
        for name, bind in known.binds.items()
    )
    return Plan(
        str(compiled),
        tuple(known.positiontup or ()) if known.positional else None,
        tuple((name, process) for name, process in processors if process is not None),
        {name: bind.value for name, bind in known.binds.items() if not bind.required},
    )
