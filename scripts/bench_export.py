"""Memory of a long export: `scripts/bench export`.

The same list of orders as an Excel file, first 20,000 rows and then 200,000, in one
process: what it holds must not grow with the rows.
"""

import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from app.admin import tables
from app.admin.tables import Personal, source
from app.core.db import db
from app.reports import exports
from app.reports.exports import FileFormat
from scripts.bench_desk import copies
from scripts.bench_shop import Inserter, base_rows, order_line, paid_order

SCALE = int(os.environ.get("BENCH_SCALE", "1"))
SHORT, LONG = 20_000 * SCALE, 200_000 * SCALE
_COLUMNS = ("number", "goods", "buyer", "payable", "created", "paid", "receiver", "phone", "status")

Found = tuple[float, str, float, dict[str, Any]]


def export() -> Found:
    """Peak memory in MB after 200,000 rows; baseline: after 20,000."""
    _fill()
    facts: dict[str, Any] = {}
    short = _made("paid", SHORT, facts)
    long = _made("", LONG, facts)
    return long, "MB", short, facts


def _made(state: str, rows: int, facts: dict[str, Any]) -> float:
    found = tables.listing("orders")
    wanted = source.source(
        found,
        {"state": state},
        found.chosen(_COLUMNS),
        sort="",
        seen=frozenset(Personal),
    )
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.xlsx"
        written = exports.write(path, wanted, FileFormat.XLSX)
        facts[f"file_mb_{rows}"] = round(path.stat().st_size / 1e6, 1)
    if written != rows:
        raise SystemExit(f"{written} rows instead of {rows}")
    facts[f"seconds_{rows}"] = round(time.perf_counter() - began, 1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _fill() -> None:
    with db.engine.begin() as connection:
        put = Inserter(connection)
        base_rows(put, distributors=1)
        put("orders", [paid_order(0, 1)])
        put("order_lines", [order_line(0)])
    copies("orders", LONG, {
        "number": "CONCAT('M', LPAD(s.seq, 12, '0'))",
        "request_key": "CONCAT('r', s.seq)",
        "status": f"IF(s.seq <= {SHORT}, 'paid', 'shipped')",
    })  # fmt: skip
    copies("order_lines", LONG, {"order_id": "s.seq"})
