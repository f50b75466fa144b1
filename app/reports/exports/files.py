"""Writing rows as csv or xlsx in flat memory, whatever their number."""

import csv
import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from app.core import clock
from app.core.export import cell

# A sheet holds 1,048,576 rows; what is more goes on in the next one.
SHEET_ROWS = 1_000_000
_TEXT_MAX = 32_767  # Of one cell, as Excel has it.


class FileFormat(enum.StrEnum):
    XLSX = "xlsx"
    CSV = "csv"


class CellKind(enum.StrEnum):
    TEXT = "text"
    MONEY = "money"  # fen
    NUMBER = "number"
    TIME = "time"


@dataclass(frozen=True)
class Source:
    """What a file is made of: titles with their kinds, and rows in parts."""

    head: Sequence[tuple[str, CellKind]]
    parts: Iterable[Sequence[Sequence[Any]]]


Rows = Iterable[Sequence[Any]]


def write(
    path: Path,
    source: Source,
    format: FileFormat,  # noqa: A002
    *,
    after_part: Callable[[int], None] = lambda _rows: None,
) -> int:
    """Write every row to `path`; return their number. `after_part` hears it as it grows."""
    done = 0
    opened = _xlsx(path, source.head) if format is FileFormat.XLSX else _csv(path, source.head)
    with opened as add:
        for part in source.parts:
            add(part)
            done += len(part)
            after_part(done)
    return done


@contextmanager
def _csv(path: Path, head: Sequence[tuple[str, CellKind]]) -> Iterator[Callable[[Rows], None]]:
    kinds = [kind for _, kind in head]
    # With the BOM by which Excel knows UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([title for title, _ in head])

        def add(rows: Rows) -> None:
            writer.writerows(
                [_plain(kind, value) for kind, value in zip(kinds, row, strict=True)]
                for row in rows
            )

        yield add


def _plain(kind: CellKind, value: Any) -> object:
    """Money and numbers as numbers; a text that would run as a formula is disarmed."""
    if value is None:
        return ""
    if kind is CellKind.MONEY:
        return _yuan(value)
    if kind is CellKind.TIME:
        return f"{clock.local(value):%Y-%m-%d %H:%M:%S}"
    return cell(value)


@contextmanager
def _xlsx(path: Path, head: Sequence[tuple[str, CellKind]]) -> Iterator[Callable[[Rows], None]]:
    """Row by row to the disk (`constant_memory`): no row is kept once the next one begins."""
    # No text becomes a formula or a link, whatever somebody called themselves.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "tmpdir": str(path.parent),
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        bold = book.add_format({"bold": True})
        money = book.add_format({"num_format": "#,##0.00"})
        time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        widths = {CellKind.TIME: 19, CellKind.MONEY: 13, CellKind.NUMBER: 10}

        def begin() -> Any:
            fresh = book.add_worksheet()
            for column, (title, kind) in enumerate(head):
                fresh.set_column(column, column, widths.get(kind, 18))
                fresh.write_string(0, column, title, bold)
            fresh.freeze_panes(1, 0)
            return fresh

        sheet, line = begin(), 0

        def add(rows: Rows) -> None:
            nonlocal sheet, line
            for row in rows:
                if line == SHEET_ROWS:
                    sheet, line = begin(), 0
                line += 1
                for column, ((_, kind), value) in enumerate(zip(head, row, strict=True)):
                    if value is None:
                        continue
                    if kind is CellKind.MONEY:
                        sheet.write_number(line, column, _yuan(value), money)
                    elif kind is CellKind.NUMBER:
                        sheet.write_number(line, column, value)
                    elif kind is CellKind.TIME:
                        sheet.write_datetime(line, column, _wall(value), time)
                    else:
                        sheet.write_string(line, column, str(value)[:_TEXT_MAX])

        yield add


def _yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2)


def _wall(moment: datetime) -> datetime:
    """Spreadsheets know no zones: the wall clock in Shanghai."""
    return clock.local(moment).replace(tzinfo=None)
