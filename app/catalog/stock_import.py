"""Stock from a file (库存导入): codes and counts, all of it or nothing."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import audit
from app.catalog.models import Sku
from app.catalog.service import STOCK_MAX, count_stock
from app.core import sheets
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput
from app.core.rows import lock_rows

BYTES_MAX = sheets.BYTES_MAX
ROWS_MAX = 2000
_HEADS = {"货号", "编码", "商品编码", "sku", "code"}


@dataclass(frozen=True)
class Row:
    """A line of the file as a person sees it there, and what came of it."""

    line: int
    code: str
    counted: str
    name: str = ""
    before: int | None = None
    after: int | None = None
    error: str = ""


@dataclass(frozen=True)
class Report:
    rows: list[Row]

    @property
    def failed(self) -> int:
        return sum(bool(row.error) for row in self.rows)

    @property
    def is_applied(self) -> bool:
        return not self.failed

    @property
    def changed(self) -> int:
        return sum(row.before != row.after for row in self.rows) if self.is_applied else 0


def take(data: bytes, *, filename: str, key: str, actor: audit.Actor, now: datetime) -> Report:
    """Set the stock of every code in a CSV or xlsx file to the count beside it.

    One bad row refuses the file: the report then says of each row what is wrong,
    and nothing has changed. The same `key` counts once.

    Raises:
        InvalidInput: the file is no table of codes and counts.
    """
    require_transaction()
    lines = _lines(data, filename)
    by_code = {
        sku.code: sku
        for sku in db.session.scalars(
            sa.select(Sku).where(Sku.code.in_({code for _, code, _ in lines}), Sku.is_active)
        )
    }
    # In id order, as everybody who wants several: two files at once wait, not die.
    lock_rows(Sku, [sku.id for sku in by_code.values()])
    seen: dict[str, int] = {}
    rows: list[Row] = []
    for line, code, counted in lines:
        error = _fault(code, counted, by_code, seen)
        seen.setdefault(code, line)
        sku = by_code.get(code)
        rows.append(
            Row(
                line,
                code,
                counted,
                f"{sku.product.title} {sku.name}" if sku else "",
                sku.stock if sku else None,
                None if error else int(counted),
                error,
            )
        )
    report = Report(rows)
    if report.is_applied:
        for row in rows:
            count_stock(
                by_code[row.code].id,
                int(row.counted),
                key=f"import:{key}:{row.line}",
                reason="文件导入",
                actor=actor,
                now=now,
            )
    return report


def _fault(code: str, counted: str, by_code: dict[str | None, Sku], seen: dict[str, int]) -> str:
    if not code:
        return "缺少货号"
    if code in seen:
        return f"与第 {seen[code]} 行的货号重复"
    if code not in by_code:
        return "没有这个货号的在售规格"
    if not (counted.isascii() and counted.isdigit() and len(counted) < 9):
        return "数量应为 0 或正整数"
    if int(counted) > STOCK_MAX:
        return f"数量不能超过 {STOCK_MAX}"
    return ""


def _lines(data: bytes, filename: str) -> list[tuple[int, str, str]]:
    found = [
        (number, code, counted)
        for number, (code, counted) in sheets.lines(
            data, filename, rows_max=ROWS_MAX, columns=2, keep="货号与数量两列"
        )
        if not (number == 1 and code.casefold() in _HEADS)
    ]
    if not found:
        raise InvalidInput("file", "文件里没有数据，第一列应为货号，第二列应为数量")
    return found
