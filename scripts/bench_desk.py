"""Pages of the panel and a member's orders in a large shop: `scripts/bench desk`.

A million orders of 200,000 members, each with a line, a seat and a commission, one every
16 seconds until now, and the figures of 90 days in each of which 4,320 of 20,000
distributors sold. Pages are asked for one after the other inside the app, without HTTP.
The dashboard is also asked for cold: with nothing kept of what was computed before.
"""

import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app
from flask.testing import FlaskClient

from app import ledger, privacy
from app.admin import accounts, dashboard, tables
from app.admin.auth import COOKIE
from app.admin.models import Admin, Role
from app.admin.tables import views
from app.audit import Actor
from app.core import brief, clock, web
from app.core.db import db, run_unit
from app.reports import figures
from app.reports.figures.models import MEASURES, FigureDay
from scripts.bench_shop import Inserter, base_rows, commission_row, order_line, paid_order

Found = tuple[float, str, float, dict[str, Any]]

SCALE = int(os.environ.get("BENCH_SCALE", "1"))
ORDERS, MEMBERS = 1_000_000 * SCALE, 200_000 * SCALE
ASKED = 25
GOAL_MS = 150.0
DASHBOARD_MS = 300.0
PAGES = {
    "orders": "/admin/orders",
    "orders_finished": "/admin/orders?state=finished",
    "orders_deep": "/admin/orders?before=500000",
    "order_by_number": "/admin/orders?number=M000000500000",
    "members": "/admin/members",
    "members_named": "/admin/members?wanted=4321",
    "distributors": "/admin/distributors",
    "commissions": "/admin/commissions",
    "commissions_held": "/admin/commissions?state=held",
    "ledger": "/admin/ledger",
    "products": "/admin/products",
    "withdrawals": "/admin/withdrawals",
    "invoices": "/admin/invoices",
    "reviews": "/admin/reviews",
    "payout_batches": "/admin/payout-batches",
    "orders_by_payment": "/admin/orders?sort=paid",
    "orders_every_column": "/admin/orders?view=0",
    "commissions_first": "/admin/commissions?sort=created",
    "dashboard": "/admin/",
}
FILLED = (
    *("members", "distributors", "orders", "order_lines", "order_seats", "commissions"),
    *("ledger_accounts", "ledger_postings", "ledger_entries"),
)
# Seconds between two orders: 5,400 a day.
APART = 16
_SEAT = {"id": 1, "order_id": 1, "position": 1, "member_id": 1, "level": "", "is_active": True}
MINE = {"my_orders": "/orders", "my_orders_deep": "/orders?before=500000"}


def desk() -> Found:
    """p95 in ms of the slowest list; baseline: the 150 ms that a list may take."""
    _fill()
    panel, phone = _panel(), _phone()
    found = {name: _p95(panel, path) for name, path in PAGES.items()}
    found |= {name: _p95(phone, path) for name, path in MINE.items()}
    slowest = max(value for name, value in found.items() if name != "dashboard")
    cold = _p95(panel, PAGES["dashboard"], before=_forget)
    facts = {"p95_ms": found, "dashboard_cold_ms": cold, "dashboard_goal_ms": DASHBOARD_MS}
    return slowest, "ms", GOAL_MS, facts


# --- the parts --------------------------------------------------------------------------


def _fill() -> None:
    with db.engine.begin() as connection:
        put = Inserter(connection)
        base_rows(put, distributors=1)
        put("orders", [paid_order(0, 1) | {"status": "finished"}])
        put("order_lines", [order_line(0)])
        put("order_seats", [_SEAT])
        put("commissions", [commission_row(0, 1)])
    settled = ORDERS * 98 // 100
    seller = f"1 + MOD(s.seq, {MEMBERS // 10})"
    first = clock.now() - timedelta(seconds=APART * ORDERS)
    at = f"TIMESTAMPADD(SECOND, {APART} * s.seq, '{first:%Y-%m-%d %H:%M:%S}')"
    member = f"1 + MOD(s.seq, {MEMBERS})"
    copies("members", MEMBERS, {
        "public_id": "LPAD(s.seq, 12, 'A')",
        "openid": "CONCAT('oMany', s.seq)",
        "nickname": "CONCAT('会员', s.seq)",
    })  # fmt: skip
    copies("distributors", MEMBERS // 10, {"member_id": "s.seq"})
    copies("orders", ORDERS, {
        "number": "CONCAT('M', LPAD(s.seq, 12, '0'))",
        "request_key": "CONCAT('r', s.seq)",
        "member_id": member,
        # What is under way are the newest two of a hundred.
        "status": f"IF(MOD(s.seq, 10) = 0, 'closed', IF(s.seq <= {settled}, 'finished',"
        " IF(MOD(s.seq, 9) = 0, 'paid', 'received')))",
        "created_at": at,
        "paid_at": at,
    })  # fmt: skip
    copies("order_lines", ORDERS, {"order_id": "s.seq"})
    copies("order_seats", ORDERS, {"order_id": "s.seq", "member_id": seller})
    copies("commissions", ORDERS, {
        "order_id": "s.seq",
        "order_line_id": "s.seq",
        "member_id": seller,
        "created_at": at,
        "batch_id": f"IF(s.seq <= {settled}, 1, 0)",
        "status": f"IF(s.seq <= {settled}, 'settled', 'pending')",
    })  # fmt: skip
    with db.engine.begin() as connection:
        _figures(connection)
    _books(at)
    now = clock.now()
    run_unit(_days_computed, now)
    # As the job `figures` does it in turns.
    for turn in (now - ledger.sums.AGE, now):
        run_unit(ledger.keep_sums, turn)
    for days in figures.SPANS:
        run_unit(figures.rebuild_span, days, now=now)
    with db.engine.begin() as connection:
        for table in (*FILLED, "daily_figures", "span_figures"):
            connection.exec_driver_sql(f"ANALYZE TABLE {table}")


def _books(at: str) -> None:
    """Of each order a posting: it was paid, and its seller has 100 fen of it to come."""
    sellers = MEMBERS // 10
    with db.engine.begin() as connection:
        Inserter(connection)("ledger_accounts", [
            {"id": 1, "kind": "world_wx", "owner_id": 0, "balance_fen": 0},
            {"id": 2, "kind": "order_hold", "owner_id": 0, "balance_fen": 0},
        ])  # fmt: skip
    rows("ledger_accounts", sellers, {
        "id": "2 + s.seq",
        "kind": "'pending'",
        "owner_id": "s.seq",
        "balance_fen": str(100 * ORDERS // sellers),
    })  # fmt: skip
    rows("ledger_postings", ORDERS, {
        "id": "s.seq",
        "idem_key": "CONCAT('order:', s.seq)",
        "event": "'order_paid'",
        "subject": "'order'",
        "subject_id": "s.seq",
        "content_hash": "''",
        "reason": "''",
        "at": at,
    })  # fmt: skip
    for account, fen in (("1", -1000), ("2", 900), (f"3 + MOD(s.seq, {sellers})", 100)):
        rows("ledger_entries", ORDERS, {
            "posting_id": "s.seq",
            "account_id": account,
            "amount_fen": str(fen),
        })  # fmt: skip


def _figures(connection: sa.Connection) -> None:
    """What 90 days brought to the shop, to each province and to those who sold."""
    days, sellers = 90, MEMBERS // 10
    a_day = 4_320 * SCALE
    given = {"orders": "1", "units": "1", "sales_fen": "10000 + MOD(s.seq, 977)", "buyers": "1"}
    values = ", ".join(given.get(name, "0") for name in MEASURES)
    names = ", ".join(("dimension", "day", "key_id", *MEASURES))
    day = f"DATE('{clock.local(clock.now()):%Y-%m-%d}') - INTERVAL d.seq DAY"
    for dimension, key, count in (
        ("all", "0", 1),
        ("province", "10 + s.seq", 31),
        ("distributor", f"1 + MOD(s.seq + d.seq * {a_day}, {sellers})", a_day),
    ):
        connection.exec_driver_sql(
            f"INSERT INTO daily_figures ({names}) SELECT '{dimension}', {day}, {key}, {values}"  # noqa: S608
            f" FROM seq_1_to_{days} d JOIN seq_1_to_{count} s"
        )


def _days_computed(now: datetime) -> None:
    """As the nightly job leaves it."""
    last = figures.last_closed(now)
    db.session.add_all(
        FigureDay(day=last - timedelta(days=back), built_at=now) for back in range(90)
    )


def _forget() -> None:
    """As after a restart, for whoever comes first."""
    brief.current().forget()
    web.cache().delete(dashboard.MONEY)


def copies(table: str, count: int, differs: Mapping[str, str]) -> None:
    """Copies of a table's first row, with ids to `count`, where `differs` says how."""
    columns = db.metadata.tables[table].columns.keys()
    values = [differs.get(name, "s.seq" if name == "id" else f"t.`{name}`") for name in columns]
    names = ", ".join(f"`{name}`" for name in columns)
    step = 100_000
    for first in range(2, count + 1, step):
        last = min(first + step - 1, count)
        with db.engine.begin() as connection:
            connection.execute(
                sa.text(
                    " ".join(
                        [
                            *(f"INSERT INTO {table} ({names})", f"SELECT {', '.join(values)}"),
                            f"FROM seq_{first}_to_{last} s JOIN {table} t ON t.id = 1",
                        ]
                    )
                )
            )


def rows(table: str, count: int, values: Mapping[str, str]) -> None:
    """As many new rows, whose values are said in SQL of `s.seq`, which counts from 1."""
    step = 100_000
    for first in range(1, count + 1, step):
        numbers = f"seq_{first}_to_{min(first + step - 1, count)} s"
        said = ["INSERT INTO", table, f"({', '.join(values)})"]
        said += ["SELECT", ", ".join(values.values()), "FROM", numbers]
        with db.engine.begin() as connection:
            connection.execute(sa.text(" ".join(said)))


def _panel() -> FlaskClient:
    now = clock.now()
    run_unit(accounts.create, "bench", role=Role.OWNER, now=now)
    admin_id = db.session.execute(sa.select(Admin.id).filter_by(username="bench")).scalar_one()
    token = run_unit(accounts.log_in, admin_id, address="127.0.0.1", now=now)
    # The list of orders as somebody sees it who wants to see all of it.
    orders = tables.listing("orders")
    keys = [column.key for column in orders.columns]
    actor = Actor.admin(admin_id, "127.0.0.1")
    run_unit(views.choose_columns, admin_id, orders, keys, actor=actor, now=now)
    client = current_app.test_client()
    client.set_cookie(COOKIE, token, path="/admin")
    return client


def _phone() -> FlaskClient:
    run_unit(privacy.agree, 1, now=clock.now())
    client = current_app.test_client()
    with client.session_transaction() as session:
        session["member"] = 1
    return client


def _p95(client: FlaskClient, path: str, *, before: Callable[[], None] = lambda: None) -> float:
    def ask() -> None:
        answer = client.get(path)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status}")

    ask()
    taken = []
    for _ in range(ASKED):
        before()
        taken.append(_seconds(ask))
    taken.sort()
    return round(taken[int(ASKED * 0.95)] * 1000, 1)


def _seconds(act: Callable[[], None]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
