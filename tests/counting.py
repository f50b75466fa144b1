"""What a piece of work asks the database: its statements, without savepoints."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event


@contextmanager
def counted() -> Iterator[list[str]]:
    """Inside the block every SELECT, INSERT, UPDATE and DELETE is added to the list."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            asked.append(statement)

    event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(sa.engine.Engine, "before_cursor_execute", note)
