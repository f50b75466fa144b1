"""Paging by key: stable while rows arrive, and as fast on page 1,000 as on 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.orm import InstrumentedAttribute

from app.core.db import Rows, db

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """A slice of a list, newest first; `next_before` fetches what follows."""

    items: Sequence[T]
    next_before: int | None


def newest_first(
    query: Rows, key: InstrumentedAttribute[int], *, before: int | None, size: int = 20
) -> Page[Any]:
    """The `size` rows of `query` with the largest `key` below `before`."""
    if before is not None:
        query = query.where(key < before)
    rows = list(db.session.scalars(query.order_by(key.desc()).limit(size + 1)))
    more = len(rows) > size
    rows = rows[:size]
    return Page(rows, getattr(rows[-1], key.key) if more else None)
