"""Tables that people upload (CSV, xlsx), as lines of texts."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from itertools import islice
from math import isfinite

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from app.core.errors import InvalidInput

BYTES_MAX = 2 * 1024 * 1024
# What an .xlsx may unfold to: it is a zip file, and zip files lie about their size.
UNFOLDED_MAX = 40 * 1024 * 1024
# From here on a spreadsheet does not keep every digit of a number.
_EXACT_MAX = 10**15

Line = tuple[int, tuple[str, ...]]


def lines(
    data: bytes,
    filename: str,
    *,
    rows_max: int,
    columns: int,
    keep: str = "需要的列",
) -> list[Line]:
    """The lines that are not empty, with their numbers as a person sees them there.

    Every line has `columns` texts. Of `rows_max` lines, one more may be a heading.

    Raises:
        InvalidInput: the file is too large, too long, or no table at all; `keep` says
            what should be in it.
    """
    if len(data) > BYTES_MAX:
        raise InvalidInput("file", "文件不能超过 2 MB")
    is_excel = filename.lower().endswith(".xlsx")
    cells = _excel(data, rows_max + 2, columns, keep) if is_excel else _csv(data)
    found = []
    for number, row in enumerate(islice(cells, rows_max + 2), start=1):
        if not any(row):
            continue
        if number > rows_max + 1:
            raise InvalidInput("file", f"一次最多导入 {rows_max} 行，请分成几个文件")
        found.append((number, (*row, *("",) * columns)[:columns]))
    return found


def _unreadable() -> InvalidInput:
    return InvalidInput("file", "文件无法读取，请使用 CSV 或 xlsx 格式")


def _csv(data: bytes) -> Iterator[tuple[str, ...]]:
    # Excel on a Chinese Windows saves CSV as GB 18030, everything else as UTF-8.
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise _unreadable()
    if "\x00" in text:
        raise _unreadable()
    try:
        yield from (tuple(cell.strip() for cell in row) for row in csv.reader(io.StringIO(text)))
    except csv.Error as error:
        raise _unreadable() from error


def _excel(data: bytes, rows_max: int, columns: int, keep: str) -> Iterator[tuple[str, ...]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(part.file_size for part in packed.infolist()) > UNFOLDED_MAX:
                raise InvalidInput("file", f"文件内容过大，请只保留{keep}")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        rows = list(sheet.iter_rows(max_row=rows_max, max_col=columns, values_only=True))
        book.close()
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, IndexError) as error:
        raise _unreadable() from error
    return (_texts(row) for row in rows)


def _texts(cells: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(_text, cells))


def _text(cell: object) -> str:
    """A cell as it is seen: a count that Excel keeps as 12.0 is shown as 12."""
    if cell is None:
        return ""
    if isinstance(cell, int | float) and not isinstance(cell, bool) and isfinite(cell):
        if abs(cell) >= _EXACT_MAX:
            # As Excel shows it: whoever reads numbers of parcels must see that digits are gone.
            return f"{cell:.5E}"
        return str(int(cell)) if cell == int(cell) else f"{cell:.10g}"
    return str(cell).strip()
