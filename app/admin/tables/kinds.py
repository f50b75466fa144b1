"""What a list is declared with."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.base import ExecutableOption

from app.admin.models import Permission
from app.core.db import Rows

# The filters of a list by their names in the address; every one is there, "" for none.
Given = Mapping[str, str]
# What the cells of some rows need beside them, fetched at once.
Facts = Mapping[str, Any]


class Kind(enum.StrEnum):
    """How a column's value is written."""

    TEXT = "text"
    MONEY = "money"  # fen; None where there is none
    NUMBER = "number"
    TIME = "time"  # aware UTC, or None


class Personal(enum.StrEnum):
    """What a column tells of a person; who may not see it gets a mask."""

    NAME = "name"  # as in the person's papers, or on a parcel
    PHONE = "phone"
    ADDRESS = "address"
    ACCOUNT = "account"  # where money is paid to
    OPENID = "openid"


@dataclass(frozen=True)
class Column:
    """One column of a list.

    `value` reads it from a row and the page's facts: plain text, fen, a number or a time.
    `by` is the column by which the list sorts, given only where an index serves it:
    always, or in the states of `sorts_in`.
    """

    key: str
    title: str
    value: Callable[[Any, Facts], Any]
    kind: Kind = Kind.TEXT
    by: InstrumentedAttribute[Any] | None = None
    sorts_in: frozenset[str] | None = None
    personal: Personal | None = None
    # Its mask where the usual one of its kind does not do.
    masked: Callable[[Any, Facts], str] | None = None
    is_shown: bool = True
    # The states in which its page has room for it: elsewhere every cell would be empty.
    filled_in: frozenset[str] | None = None


@dataclass(frozen=True)
class Listing:
    """A list of the panel. `name` is its name in addresses and in the database."""

    name: str
    title: str
    endpoint: str
    permission: Permission
    key: InstrumentedAttribute[int]
    columns: tuple[Column, ...]
    filters: tuple[str, ...]
    query: Callable[[Given], Rows]
    facts: Callable[[Sequence[Any]], Facts]
    load: tuple[ExecutableOption, ...] = ()
    # Newest first, unless the list is evidence that is read from its beginning.
    is_descending: bool = True
    # The order in which its page opens, where it is another one: `-at`.
    opens: str = ""
    # Evidence is taken as a file with this permission, at an address of its own and in
    # every column; None: whoever may export lists.
    exported_with: Permission | None = None
    export_endpoint: str = ""
    by_key: Mapping[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_key", {column.key: column for column in self.columns})
        if len(self.by_key) < len(self.columns):
            raise ValueError(f"two columns of {self.name} have one name")

    def given(self, source: Mapping[str, str]) -> dict[str, str]:
        """The filters as an address or a form has them."""
        return {
            name: source.get(name, "").strip()[:64].replace("\x00", "") for name in self.filters
        }

    def chosen(self, keys: Sequence[str]) -> tuple[Column, ...]:
        """These columns in the list's own order; those shown from the start for none."""
        found = tuple(column for column in self.columns if column.key in keys)
        return found or tuple(column for column in self.columns if column.is_shown)
