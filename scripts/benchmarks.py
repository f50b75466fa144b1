"""The benchmarks behind `scripts/bench`, on a private MariaDB with durable defaults.

The shop is filled by `scripts/bench_shop.py`. Sizes are small enough for a minute
each on two cores; BENCH_SCALE multiplies them.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from app import ledger
from app.core import clock
from app.core.db import db
from app.jobs import tasks
from scripts import (
    bench_callbacks,
    bench_desk,
    bench_engine,
    bench_export,
    bench_goals,
    bench_mall,
    bench_money,
    bench_settle,
    bench_share,
    bench_tree,
)
from scripts.bench_shop import NOW, fill, shop

SCALE = int(os.environ.get("BENCH_SCALE", "1"))


def main() -> int:
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.stderr.write(f"no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}\n")
        return 2
    measured: dict[str, dict[str, Any]] = {}
    for name in names:
        with shop(on_sqlite=name.endswith("_sqlite")):
            value, unit, baseline, *more = BENCHMARKS[name]()
        line = {
            "name": name,
            "value": round(value, 2),
            "unit": unit,
            "baseline": round(baseline, 2),
            "ratio": round(value / baseline, 4),
            **(more[0] if more else {}),
        }
        print(json.dumps(line), flush=True)
        bench_goals.keep(line, clock.now())
        measured[name] = line
    # Beside the lines, which programs read.
    sys.stderr.write(f"{bench_goals.table(measured)}\nall kept in {bench_goals.RESULTS}\n")
    return 0


# --- benchmarks ------------------------------------------------------------------


def verify() -> tuple[float, str, float]:
    """Seconds for every invariant; baseline: one plain sum of all entries by account.

    10,000 distributors with a year of entries: a commission every month,
    each of an order of its own with what it moves.
    """
    fill(distributors=10_000 * SCALE, each=12)
    tasks.sales.settle(NOW, False)
    entries = ledger.Entry
    baseline = seconds(
        lambda: db.session.execute(
            sa.select(entries.account_id, sa.func.sum(entries.amount_fen)).group_by(
                entries.account_id
            )
        ).all()
    )
    return seconds(expect_clean), "s", baseline


def callbacks() -> tuple[float, str, float, dict[str, Any]]:
    """WeChat's pushes answered a second by the whole mall; baseline: GET /healthz."""
    return bench_callbacks.callbacks(SCALE)


def bind() -> tuple[float, str, float]:
    """New members bound a second; baseline: bare inserts of a member with its uplines."""
    return bench_tree.bind(SCALE)


def chain() -> tuple[float, str, float]:
    """Seconds for invariant T1 over 1,000,000 members; baseline: reading its columns."""
    return bench_tree.chain(SCALE)


Result = tuple[float, str, float] | tuple[float, str, float, dict[str, Any]]
BENCHMARKS: dict[str, Callable[[], Result]] = {
    "callbacks": callbacks,
    "quote": bench_engine.quotes,
    "accrue": bench_engine.accrue,
    "settle": lambda: bench_settle.settle(SCALE),
    "settle_sqlite": lambda: bench_settle.settle(SCALE),
    "verify": verify,
    "ask": bench_money.ask,
    "reconcile": bench_money.reconcile,
    "poster": bench_share.poster,
    "team": bench_share.team,
    "bind": bind,
    "chain": chain,
    "list": bench_mall.product_list,
    "product": bench_mall.product_page,
    "place_hot": bench_mall.place_hot,
    "place_wide": bench_mall.place_wide,
    "purchase": bench_mall.purchase,
    "oversell": bench_mall.oversell,
    "desk": bench_desk.desk,
    "export": bench_export.export,
}


# --- measuring -------------------------------------------------------------------


def rate(count: int, act: Callable[[int], Any]) -> float:
    """How often a second `act(number)` runs, over `count` runs."""
    started = time.perf_counter()
    for number in range(count):
        act(number)
    return count / (time.perf_counter() - started)


def seconds(act: Callable[[], Any]) -> float:
    """The median of three runs."""
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        act()
        taken.append(time.perf_counter() - started)
        db.session.rollback()
    return sorted(taken)[1]


def expect_clean() -> None:
    broken = {r.code: r.sample for r in ledger.verify() if r.offending}
    db.session.rollback()
    if broken:
        raise SystemExit(f"the books are not sound: {broken}")


if __name__ == "__main__":
    sys.exit(main())
