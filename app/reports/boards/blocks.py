"""What a report is made of: a chart with its table, and the span that it is about."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from app.core.errors import InvalidInput
from app.reports.exports import CellKind
from app.reports.figures import days_of

# Longer spans are read month by month elsewhere.
DAYS_MAX = 366


class Compare(enum.StrEnum):
    """What a span is held against (对比)."""

    PREVIOUS = "previous"  # as many days right before it
    YEAR = "year"  # the same days a year earlier
    NONE = "none"


@dataclass(frozen=True)
class Span:
    """Days in Shanghai, both ends included, and what they are held against."""

    first: date
    last: date
    compare: Compare = Compare.PREVIOUS

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise InvalidInput("to", "结束日期不能早于开始日期")
        if self.days > DAYS_MAX:
            raise InvalidInput("from", f"一次最多看 {DAYS_MAX} 天，请缩小日期范围")

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "Span | None":
        """The span that this one is held against."""
        if self.compare is Compare.NONE:
            return None
        if self.compare is Compare.PREVIOUS:
            last = self.first - timedelta(days=1)
            return Span(last - timedelta(days=self.days - 1), last, Compare.NONE)
        first = year_before(self.first)
        # As many days, also where one of the years has a 29th of February.
        return Span(first, first + timedelta(days=self.days - 1), Compare.NONE)

    def __iter__(self) -> Any:
        return days_of(self.first, self.last)

    def __str__(self) -> str:
        return f"{self.first} 至 {self.last}"


def year_before(day: date) -> date:
    """The same day a year earlier; of the 29th of February the 28th."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


@dataclass(frozen=True)
class Tile:
    """A sum of the span beside that of the span before; None where there is none."""

    label: str
    value: int | None
    kind: CellKind = CellKind.NUMBER
    before: int | None = None
    change: int | None = None
    # None: neither rising nor falling is good.
    rising_is_good: bool | None = True


@dataclass(frozen=True)
class Grid:
    """A table: titles with their kinds, and plain values. What a chart shows, in numbers."""

    head: Sequence[tuple[str, CellKind]]
    rows: Sequence[Sequence[Any]]
    # Said where there are no rows.
    empty: str = "这段时间还没有数据"


@dataclass(frozen=True)
class Block:
    """A chart with its table. `key` is its name in addresses and files."""

    key: str
    title: str
    grid: Grid
    sub: str = ""
    # As `admin.js` draws it; None for a table alone.
    chart: dict[str, Any] | None = None
    # Many rows, folded below their chart.
    is_folded: bool = False


@dataclass(frozen=True)
class Board:
    """A whole report."""

    tiles: Sequence[Tile] = ()
    blocks: Sequence[Block] = ()
    notes: Sequence[str] = field(default_factory=tuple)


def rate(bps: int | None) -> str:
    """Basis points as people write them: `12.3%`; a dash where there is nothing to divide."""
    return "—" if bps is None else f"{bps / 100:.1f}%"
