"""The rates by which tax is withheld: data with a version and a month to begin with.

`tables.json` is where a new law goes: another entry with a later `from`. Entries in
use never change, because withholdings name the version by which they were computed.
"""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from app.core.errors import InvalidInput


class Method(enum.StrEnum):
    """How much of a commission is withheld (扣税方式)."""

    NONE = "none"  # the shop withholds nothing
    MONTHLY = "monthly"  # 按月: a calendar month is one payment
    CUMULATIVE = "cumulative"  # 累计预扣: the year so far, for platforms


@dataclass(frozen=True)
class Bracket:
    """A step of the table: up to `up_to_fen` (None: no end) `rate_bps` minus `quick_fen`."""

    up_to_fen: int | None
    rate_bps: int
    quick_fen: int


@dataclass(frozen=True)
class Table:
    """One version of a method's figures, in force from the month `since`.

    Expenses are `flat_fen` up to an income of `flat_up_to_fen`, above it
    `deduction_bps` of it; `allowance_fen` comes off for each month of work.
    """

    method: Method
    version: str
    since: str
    source: str
    flat_up_to_fen: int
    flat_fen: int
    deduction_bps: int
    allowance_fen: int
    brackets: tuple[Bracket, ...]


@lru_cache(maxsize=1)
def tables() -> tuple[Table, ...]:
    """Every version there is."""
    text = Path(__file__).with_name("tables.json").read_text(encoding="utf-8")
    return tuple(_read(entry) for entry in json.loads(text))


def table_for(method: Method, month: str) -> Table:
    """The version of a method in force in a month such as `2026-11`.

    Raises InvalidInput naming `month`: none was in force yet.
    """
    known = [table for table in tables() if table.method is method and table.since <= month]
    if not known:
        raise InvalidInput("month", f"{month} 没有可用的税率表")
    return max(known, key=lambda table: table.since)


def by_version(version: str) -> Table:
    """The table that a withholding names. Raises LookupError."""
    for table in tables():
        if table.version == version:
            return table
    raise LookupError(version)


def _read(entry: Mapping[str, Any]) -> Table:
    return Table(
        method=Method(entry["method"]),
        version=entry["version"],
        since=entry["from"],
        source=entry["source"],
        flat_up_to_fen=entry["flat_up_to_fen"],
        flat_fen=entry["flat_fen"],
        deduction_bps=entry["deduction_bps"],
        allowance_fen=entry["allowance_fen"],
        brackets=tuple(Bracket(**bracket) for bracket in entry["brackets"]),
    )
