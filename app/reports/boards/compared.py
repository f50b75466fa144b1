"""A span beside the one that it is held against: by day, by key, by month.

Every report compares by these: a sum beside the sum before, a dashed line, a column
`（对比期）` right after the measure that is compared.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.core.db import db
from app.reports import figures
from app.reports.boards.blocks import Compare, Grid, Span, Tile
from app.reports.exports import CellKind
from app.reports.figures import DailyFigure, Dimension, Sums

TEXT, MONEY, NUMBER = CellKind.TEXT, CellKind.MONEY, CellKind.NUMBER
# As many rows as a person reads; a file of them is the same.
ROWS_MAX = 200
CHARTED = 10
MONTHS = 12
_WEEKDAYS = "一二三四五六日"

# A column: its title, its kind, and the measure or what is made of the sums.
Column = tuple[str, CellKind, str | Callable[[Sums], Any]]


@dataclass(frozen=True)
class Days:
    """The span's days and those it is held against."""

    now: dict[date, Sums]
    before: dict[date, Sums] | None

    def tile(self, label: str, name: str, **more: Any) -> Tile:
        """The sum of a measure, or of a property of the sums, beside that before."""
        value = getattr(sum(self.now.values(), Sums()), name)
        if self.before is None:
            return Tile(label, value, **more)
        return against(label, value, getattr(sum(self.before.values(), Sums()), name), **more)

    def lines(self, unit: str, *measures: tuple[str, str]) -> dict[str, Any]:
        """Measures day by day, and the first one as it was before as a dashed line."""
        series: list[dict[str, Any]] = [
            {"name": title, "values": [getattr(row, name) for row in self.now.values()]}
            for title, name in measures
        ]
        if self.before is not None:
            title, name = measures[0]
            values = [getattr(row, name) for row in self.before.values()]
            said = "对比期" if len(measures) == 1 else f"{title}（对比期）"
            series.append({"name": said, "values": values, "dashed": True})
        return {
            "kind": "line",
            "unit": unit,
            "x": [f"{day:%m-%d}" for day in self.now],
            "series": series,
        }

    def grid(self, *columns: Column) -> Grid:
        """A row a day, the newest first; the first measure also as it was before."""
        was = [None] * len(self.now) if self.before is None else list(self.before.values())
        rows = [
            [named_day(day), *_cells(row, then, columns, 0)]
            for (day, row), then in zip(self.now.items(), was, strict=True)
        ]
        return Grid([("日期", TEXT), *_head(columns, 0, self.before is not None)], rows[::-1])


def by_day(span: Span, now: datetime) -> Days:
    before = span.before
    return Days(
        figures.by_day(span.first, span.last, now=now),
        None if before is None else figures.by_day(before.first, before.last, now=now),
    )


@dataclass(frozen=True)
class Ranked:
    """What the span brought each of a kind, the most of `order` first, and before."""

    order: str
    now: list[tuple[int, Sums]]
    before: dict[int, Sums] | None

    @property
    def keys(self) -> list[int]:
        return [key for key, _ in self.now]

    def grid(self, title: str, names: Mapping[int, str], *columns: Column, empty: str = "") -> Grid:
        """A row for each of `names`; the measure that ranks them also as it was before."""
        at = next(at for at, column in enumerate(columns) if column[2] == self.order)
        head = [(title, TEXT), *_head(columns, at, self.before is not None)]
        rows = [
            [names[key], *_cells(row, self._was(key), columns, at)]
            for key, row in self.now
            if key in names
        ]
        return Grid(head, rows, empty) if empty else Grid(head, rows)

    def chart(self, title: str, names: Mapping[int, str]) -> dict[str, object] | None:
        """The first of them as bars."""
        shown = [(names[key], getattr(row, self.order)) for key, row in self.now if key in names]
        return ranking(title, shown[:CHARTED])

    def _was(self, key: int) -> Sums | None:
        return None if self.before is None else self.before.get(key, Sums())


def by_key(
    dimension: Dimension,
    span: Span,
    now: datetime,
    measures: Sequence[str],
    *,
    order: str = "sales_fen",
    limit: int | None = ROWS_MAX,
) -> Ranked:
    found = figures.by_key(
        dimension, span.first, span.last, now=now, order=order, limit=limit, measures=measures
    )
    before = None
    if span.before is not None:
        was = figures.by_key(
            dimension,
            span.before.first,
            span.before.last,
            now=now,
            order=order,
            measures=(order,),
            keys=[key for key, _ in found],
        )
        before = dict(was)
    return Ranked(order, found, before)


def by_month(span: Span) -> tuple[list[tuple[date, Sums]], dict[date, Sums] | None]:
    """The buyers of the twelve months that end with the span's last, the oldest first.

    And by the same months those of the month, or of the year, before.
    """
    last = span.last.replace(day=1)
    columns = [getattr(DailyFigure, name) for name in ("buyers", "first_buyers", "repeat_buyers")]
    stored = {
        month: Sums(buyers=buyers, first_buyers=first, repeat_buyers=repeat)
        for month, buyers, first, repeat in db.session.execute(
            sa.select(DailyFigure.day, *columns).where(
                DailyFigure.dimension == Dimension.MONTH,
                DailyFigure.day.between(last - timedelta(days=31 * 2 * MONTHS), last),
            )
        )
    }
    shown = [(month, row) for month, row in sorted(stored.items()) if month > _back(last, MONTHS)]
    if span.compare is Compare.NONE:
        return shown, None
    apart = MONTHS if span.compare is Compare.YEAR else 1
    return shown, {month: stored.get(_back(month, apart), Sums()) for month, _ in shown}


def _back(month: date, months: int) -> date:
    """The first of the month so many months earlier."""
    years, at = divmod(month.year * 12 + month.month - 1 - months, 12)
    return date(years, at + 1, 1)


def against(label: str, value: int | None, before: int | None, **more: Any) -> Tile:
    """A figure beside the one before."""
    change = None if value is None or before is None else figures.percent(value, before)
    return Tile(label, value, before=before, change=change, **more)


def ranking(name: str, pairs: list[tuple[str, int]]) -> dict[str, object] | None:
    """Bars that lie, the longest on top, in yuan; None where nobody has any."""
    pairs = [(label, fen) for label, fen in pairs if fen > 0]
    if not pairs:
        return None
    return {
        "kind": "rank",
        "unit": "yuan",
        "x": [label for label, _ in pairs],
        "series": [{"name": name, "values": [value for _, value in pairs]}],
    }


def named_day(day: date) -> str:
    return f"{day:%Y-%m-%d} 周{_WEEKDAYS[day.weekday()]}"


def _head(columns: Sequence[Column], at: int, is_compared: bool) -> list[tuple[str, CellKind]]:
    head = [(title, kind) for title, kind, _ in columns]
    if is_compared:
        title, kind, _ = columns[at]
        head.insert(at + 1, (f"{title}（对比期）", kind))
    return head


def _cells(row: Sums, was: Sums | None, columns: Sequence[Column], at: int) -> list[Any]:
    cells = [_value(row, of) for _, _, of in columns]
    if was is not None:
        cells.insert(at + 1, _value(was, columns[at][2]))
    return cells


def _value(row: Sums, of: str | Callable[[Sums], Any]) -> Any:
    return getattr(row, of) if isinstance(of, str) else of(row)
