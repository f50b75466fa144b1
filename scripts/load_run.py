"""`scripts/load [--minutes N] [--scenario browse|buy|scan|callback|admin|all] [--json FILE]`.

The mall as in production (gunicorn, the scheduler, a private MariaDB with durable commits),
and people who each wait for an answer before they ask again:

- browse: home, products, search, categories, logged in
- buy: cart, checkout, order with its paying sheet, notice. Of ten notices one is lost: the
  payment must be booked by our own query within two minutes
- scan: follows and scans by distributors' codes
- callback: scans, words and menu taps, one in ten of them again
- admin: the lists of the panel
- all: everything at once

Prints throughput, percentiles, errors, growth of memory, the longest gap of a lost notice;
writes the same as JSON. Everything is started here, on 127.0.0.1; it asks no other host.
"""

import argparse
import itertools
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from app import ledger, orders
from app.admin import accounts
from app.admin.auth import COOKIE
from app.admin.models import Admin, Role
from app.audit import StateMove
from app.core import clock
from app.core.db import db, run_unit
from config import ROOT
from scripts import bench_goals
from scripts.bench_callbacks import codes_of, pushes_of, requests_of
from scripts.bench_load import (
    Answer,
    Line,
    Request,
    Served,
    ask,
    form,
    mall,
    memory_bytes,
    session_cookie,
)
from scripts.bench_mall import buyers_of, form_fields, ordering, paid_notices, shelf
from scripts.bench_shop import shop

HOST = "127.0.0.1"
# How many people do what. A buyer's next order waits for the one before.
PEOPLE = {"browse": 6, "buy": 4, "scan": 2, "callback": 2, "admin": 2}
LOST_EACH = 10
GAP_MAX_SECONDS = 120
# Caches, pools and the jobs of each minute warm up; memory is compared from then on.
WARM_SECONDS, WARM_PART = 90.0, 0.5

Step = Callable[[], None]


@dataclass
class Seen:
    """What one scenario saw."""

    seconds: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    done: int = 0

    def note(self, answer: Answer, wanted: tuple[int, ...]) -> bool:
        """Keep an answer; whether it was one of those wanted."""
        self.seconds.append(answer.seconds)
        good = answer.status in wanted
        if not good:
            what = f"{answer.status} {answer.request.method} {answer.request.path.split('?')[0]}"
            self.errors[what[:60]] = self.errors.get(what[:60], 0) + 1
        return good

    def facts(self, seconds: float) -> dict[str, Any]:
        times = sorted(self.seconds) or [0.0]

        def at(part: float) -> float:
            return round(times[min(len(times) - 1, int(len(times) * part))] * 1000, 1)

        return {
            "requests": len(self.seconds),
            "a_second": round(len(self.seconds) / seconds, 1),
            "rounds": self.done,
            "p50_ms": at(0.5),
            "p95_ms": at(0.95),
            "p99_ms": at(0.99),
            "errors": sum(self.errors.values()),
            **({"which": self.errors} if self.errors else {}),
        }


@dataclass
class Ground:
    """The running shop, and what people in it share."""

    app: Flask
    served: Served
    ends: float
    numbers: Counter[str] = field(default_factory=Counter)
    # Order numbers whose notice was lost, with the moment they were paid.
    lost: dict[str, datetime] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, what: str) -> int:
        """1, 2, 3, … for each thing that is counted."""
        with self.lock:
            self.numbers[what] += 1
            return self.numbers[what]


def main() -> int:
    options = _options()
    names = list(PEOPLE) if options.scenario == "all" else [options.scenario]
    with shop() as app:
        shelf(products=1000)
        with mall(with_wechat=True, with_scheduler=True) as served:
            found = _measure(app, served, names, options.minutes * 60)
        broken = [row.code for row in ledger.verify() if row.offending]
    found["books"] = broken or "sound"
    target = options.json or ROOT / "instance" / "load.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    _print(found, target)
    lost = found["lost_notices"]
    late = lost["not_booked"] or lost["longest_gap_s"] > GAP_MAX_SECONDS
    return 1 if broken or late or any(s["errors"] for s in found["scenarios"].values()) else 0


def _measure(app: Flask, served: Served, names: list[str], seconds: float) -> dict[str, Any]:
    started = time.monotonic()
    ground = Ground(app, served, started + seconds)
    seen = {name: Seen() for name in names}
    makers = {name: SCENARIOS[name](ground) for name in names}
    with ThreadPoolExecutor(sum(PEOPLE[name] for name in names)) as pool:
        people = [
            pool.submit(_live, ground, makers[name], seen[name], turn)
            for name in names
            for turn in range(PEOPLE[name])
        ]
        time.sleep(min(WARM_SECONDS, seconds * WARM_PART))
        before = _memory(served)
        time.sleep(max(0.0, ground.ends - time.monotonic()))
        after = _memory(served)
        for person in people:
            person.result()
    return {
        "minutes": round(seconds / 60, 2),
        "machine": bench_goals.machine(),
        "at": clock.now().isoformat(timespec="seconds"),
        "scenarios": {name: each.facts(seconds) for name, each in seen.items()},
        "memory_mb": {
            who: {"before": before[who], "after": after[who]} for who in ("web", "scheduler")
        },
        "lost_notices": _wait_for_lost(ground),
    }


def _live(ground: Ground, maker: "Maker", seen: Seen, turn: int) -> None:
    """One person, until the time is over."""
    line = Line(ground.served.port)
    with ground.app.app_context():
        step = maker(line, seen, turn)
        while time.monotonic() < ground.ends:
            step()
            seen.done += 1
            db.session.rollback()
    line.close()


def _memory(served: Served) -> dict[str, float]:
    pids = {"web": served.pid, "scheduler": served.scheduler_pid}
    return {who: round(memory_bytes(pid) / 1024**2, 1) for who, pid in pids.items()}


def _wait_for_lost(ground: Ground) -> dict[str, Any]:
    """Until the last lost payment is booked, or had its two minutes and a little more."""
    gaps: dict[str, float] = {}
    last = max(ground.lost.values(), default=clock.now())
    while len(gaps) < len(ground.lost):
        rows = db.session.execute(
            sa.select(orders.Order.number, StateMove.at)
            .join(StateMove, StateMove.subject_id == orders.Order.id)
            .where(StateMove.subject == "order", StateMove.to_state == "paid")
            .where(orders.Order.number.in_(list(ground.lost)))
        ).all()
        db.session.rollback()
        gaps = {row.number: (row.at - ground.lost[row.number]).total_seconds() for row in rows}
        if (clock.now() - last).total_seconds() > GAP_MAX_SECONDS + 30:
            break
        time.sleep(1)
    return {
        "lost": len(ground.lost),
        "not_booked": len(ground.lost) - len(gaps),
        "longest_gap_s": round(max(gaps.values(), default=0.0), 1),
        "goal_s": GAP_MAX_SECONDS,
    }


# --- scenarios --------------------------------------------------------------------------

Maker = Callable[[Line, Seen, int], Step]


def _pages(
    paths: Callable[[int], str], headers: Callable[[int], Callable[[int], dict[str, str]]]
) -> Callable[[Ground], Maker]:
    """Pages in turn; `headers(person)(number)` says who asks."""

    def scenario(ground: Ground) -> Maker:
        def make(line: Line, seen: Seen, turn: int) -> Step:
            given = headers(turn)

            def step() -> None:
                number = ground.next("page")
                seen.note(ask(line, Request(paths(number), headers=given(number))), (200,))

            return step

        return make

    return scenario


def _shop_page(number: int) -> str:
    return ("/", f"/p/{2 + number % 999}", "/search?q=%E9%BE%99%E4%BA%95", "/category?id=1")[
        number % 4
    ]


_DESK_PAGES = (
    "",
    "orders",
    "members",
    "distributors",
    "commissions",
    "ledger",
    "withdrawals",
    "jobs",
)


def _any_member(_turn: int) -> Callable[[int], dict[str, str]]:
    """Many people, because one may search sixty times a minute only."""
    cookies = [session_cookie(buyer) for buyer in buyers_of()]
    return lambda number: cookies[number // 4 % len(cookies)]


def _panel_cookie(turn: int) -> Callable[[int], dict[str, str]]:
    now = clock.now()
    name = f"load{turn}"
    run_unit(accounts.create, name, role=Role.OWNER, now=now)
    admin_id = db.session.execute(sa.select(Admin.id).filter_by(username=name)).scalar_one()
    token = run_unit(accounts.log_in, admin_id, address=HOST, now=now)
    return lambda _number: {"Cookie": f"{COOKIE}={token}"}


def _buy(ground: Ground) -> Maker:
    def make(line: Line, seen: Seen, turn: int) -> Step:
        # Each person has buyers of their own, so that nobody's cart is another's.
        mine = itertools.cycle(buyers_of()[turn :: PEOPLE["buy"]])

        def step() -> None:
            _purchase(ground, line, seen, next(mine))

        return step

    return make


def _purchase(ground: Ground, line: Line, seen: Seen, buyer: int) -> None:
    number = ground.next("purchase")
    served, logged_in = ground.served, session_cookie(buyer)
    sku = {"sku": 2 + number % 999, "quantity": 1}
    if not seen.note(ask(line, form(served, "/cart", buyer, sku)), (303,)):
        return
    page = ask(line, Request("/checkout?cart=1", headers=logged_in))
    if not seen.note(page, (200,)):
        return
    placed = ask(line, ordering(served, buyer, form_fields(page.body)))
    if not seen.note(placed, (200,)):
        return
    order_number = json.loads(placed.body)["pay"].split("/")[-2]
    if number % LOST_EACH == 0:
        with ground.lock:
            ground.lost[order_number] = clock.now()
        return
    for notice in paid_notices(served, [order_number]):
        seen.note(ask(line, notice), (204,))


def _pushes(kinds: tuple[int, ...]) -> Callable[[Ground], Maker]:
    """Pushes whose place in the benchmark's round of four is one of `kinds`."""

    def scenario(ground: Ground) -> Maker:
        made = pushes_of(ground.served.config, codes_of(20))

        def make(line: Line, seen: Seen, turn: int) -> Step:
            def step() -> None:
                with ground.lock:
                    push = next(p for p in made if p.key % 4 in kinds)
                for request in requests_of([push]):
                    seen.note(ask(line, request), (200,))

            return step

        return make

    return scenario


SCENARIOS: dict[str, Callable[[Ground], Maker]] = {
    "browse": _pages(_shop_page, _any_member),
    "buy": _buy,
    "scan": _pushes((0, 1)),
    "callback": _pushes((0, 1, 2, 3)),
    "admin": _pages(lambda n: f"/admin/{_DESK_PAGES[n % len(_DESK_PAGES)]}", _panel_cookie),
}


# --- saying it --------------------------------------------------------------------------


def _print(found: dict[str, Any], target: Path) -> None:
    head = ("scenario", "req/s", "p50 ms", "p95 ms", "p99 ms", "requests", "errors")
    print("".join(f"{word:>10}" for word in head))
    for name, facts in found["scenarios"].items():
        cells = [facts[key] for key in ("a_second", "p50_ms", "p95_ms", "p99_ms", "requests")]
        print("".join(f"{cell:>10}" for cell in [name, *cells, facts["errors"]]))
        for what, count in facts.get("which", {}).items():
            print(f"           {count} x {what}")
    for who, held in found["memory_mb"].items():
        grown = held["after"] - held["before"]
        print(f"memory of {who}: {held['before']} > {held['after']} MB ({grown:+.1f})")
    lost = found["lost_notices"]
    print(
        f"lost notices: {lost['lost']}, booked by query after at most {lost['longest_gap_s']} s"
        f" (goal {lost['goal_s']} s), not booked: {lost['not_booked']}"
    )
    print(f"books: {found['books']}; {found['machine']}; {target}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/load", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--scenario", choices=[*PEOPLE, "all"], default="all")
    parser.add_argument("--host", default=HOST, help="this machine's loopback only")
    parser.add_argument("--json", type=Path, help="instance/load.json unless given")
    options = parser.parse_args()
    if options.host != HOST:
        parser.error(f"--host {options.host}: a load is for {HOST} only, never for another machine")
    return options


if __name__ == "__main__":
    sys.exit(main())
