"""The shop that `scripts/benchmarks.py` measures: a private MariaDB, filled in bulk.

Rows are inserted as the services would leave them, books included, so that
`ledger verify` is clean before a benchmark and after it.
"""

import base64
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_migrate import upgrade

from app.core import ids
from app.core.db import db
from app.factory import create_app
from config import load
from scripts.services import mariadb

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
THEN = NOW - timedelta(days=20)
BATCH = 5_000


@contextmanager
def _database(folder: str, *, on_sqlite: bool, fast: bool) -> Iterator[str]:
    """The address of an empty database."""
    if on_sqlite:
        yield f"sqlite:///{folder}/bench.db"
        return
    with mariadb(fast=fast) as server:
        engine = sa.create_engine(server.url)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE DATABASE bench CHARACTER SET utf8mb4")
        engine.dispose()
        yield server.database_url("bench", by_socket=True)


@contextmanager
def shop(*, on_sqlite: bool = False, fast: bool = False) -> Iterator[Flask]:
    """An app on an empty database of its own; a `fast` one may forget at a power cut."""
    with (
        tempfile.TemporaryDirectory() as folder,
        _database(folder, on_sqlite=on_sqlite, fast=fast) as database_url,
    ):
        app = app_on(database_url, Path(folder))
        with app.app_context():
            upgrade()
            yield app
            db.session.remove()
            db.engine.dispose()


def app_on(database_url: str, folder: Path) -> Flask:
    """An app on this database, with keys of chance and no WeChat."""
    return create_app(
        load(
            {
                "APP_ENV": "test",
                "SECRET_KEY": os.urandom(24).hex(),
                "DATA_KEYS": "b1:" + base64.b64encode(os.urandom(32)).decode(),
                "DATABASE_URL": database_url,
                "DATA_DIR": str(folder / "data"),
                "LOG_LEVEL": "ERROR",
            }
        )
    )


def fill(*, distributors: int, each: int) -> None:
    """Distributors with `each` matured commissions of 1 yuan, one a finished order."""
    with db.engine.begin() as connection:
        put = Inserter(connection)
        base_rows(put, distributors=distributors)
        _books(put, distributors, each)
    with db.engine.begin() as connection:
        for table in ("commissions", "ledger_entries", "ledger_accounts", "orders", "state_moves"):
            connection.exec_driver_sql(f"ANALYZE TABLE {table}")


def base_rows(put: "Inserter", *, distributors: int) -> None:
    """One product, a plan, and distributors in a tree."""
    put("categories", [{"id": 1, "name": "茶", "sort": 0}])
    put("products", [_product(1)])
    put("skus", [_sku(1, price_fen=1000)])
    put("stock_moves", [_stock(1)])
    put("commission_plans", [_plan()])
    put("members", (_member(n) for n in range(1, distributors + 1)))
    put("distributors", (_distributor(n) for n in range(1, distributors + 1)))
    put(
        "state_moves",
        (_move("distributor", n, *m) for n in range(1, distributors + 1) for m in _JOINED),
    )


def put_products(numbers: Iterable[int], *, price_fen: int, category_id: int = 1) -> None:
    """Products on the shelf by their ids, one SKU of the same id and ample stock each."""
    wanted = list(numbers)
    with db.engine.begin() as connection:
        put = Inserter(connection)
        put("products", (_product(n, category_id) | {"from_fen": price_fen} for n in wanted))
        put("skus", (_sku(n, price_fen=price_fen) for n in wanted))
        put("stock_moves", (_stock(n) for n in wanted))


_JOINED = (("", "applied"), ("applied", "approved"))
_FINISHED = (
    ("", "unpaid"),
    ("unpaid", "paid"),
    ("paid", "shipped"),
    ("shipped", "received"),
    ("received", "finished"),
)
_HOLD, _WORLD, _SHOP, _FIRST_PENDING = 1, 2, 3, 10


class Inserter:
    """`put(table, rows)` in batches, reflecting columns from the models."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def __call__(self, table: str, rows: Any) -> None:
        statement = sa.insert(db.metadata.tables[table])
        batch: list[dict[str, Any]] = []
        for row in rows:
            batch.append(row)
            if len(batch) == BATCH:
                self._connection.execute(statement, batch)
                batch = []
        if batch:
            self._connection.execute(statement, batch)


def _books(put: Inserter, distributors: int, each: int) -> None:
    total = distributors * each
    put(
        "ledger_accounts",
        [
            {"id": _HOLD, "kind": "order_hold", "owner_id": 0, "balance_fen": 0},
            {"id": _WORLD, "kind": "world_wx", "owner_id": 0, "balance_fen": 0},
            {"id": _SHOP, "kind": "shop", "owner_id": 0, "balance_fen": 0},
        ],
    )
    put(
        "ledger_accounts",
        (
            {
                "id": _FIRST_PENDING + n,
                "kind": "pending",
                "owner_id": n,
                "balance_fen": 100 * each,
            }
            for n in range(1, distributors + 1)
        ),
    )
    put("orders", (_order(n, 1 + n % distributors) for n in range(total)))
    put("state_moves", (_move("order", n + 1, *m) for n in range(total) for m in _FINISHED))
    put("order_lines", (order_line(n) for n in range(total)))
    put("commissions", (commission_row(n, 1 + n % distributors) for n in range(total)))
    put("ledger_postings", (row for n in range(total) for row in _postings(n)))
    put("ledger_entries", (row for n in range(total) for row in _entries(n, 1 + n % distributors)))


def _order(n: int, member_id: int) -> dict[str, Any]:
    return {
        "id": n + 1,
        "number": f"M{n:012d}",
        "request_key": f"r{n}",
        "member_id": member_id,
        "status": "finished",
        "goods_fen": 1000,
        "freight_fen": 0,
        "discount_fen": 0,
        "payable_fen": 1000,
        "receiver_name": "王芳",
        "receiver_phone": "13812345678",
        "receiver_region": "浙江省",
        "receiver_detail": "文三路",
        "remark": "",
        "carrier": "",
        "tracking_number": "",
        "created_at": THEN,
        "expires_at": THEN,
        "paid_at": THEN,
        "shipped_at": THEN,
        "received_at": THEN,
        "guard_ends_at": THEN + timedelta(days=15),
        "finished_at": NOW,
    }


def paid_order(n: int, member_id: int) -> dict[str, Any]:
    """A row of an order that was paid and nothing more."""
    later = ("shipped_at", "received_at", "guard_ends_at", "finished_at")
    return _order(n, member_id) | {"status": "paid"} | dict.fromkeys(later)


def order_line(n: int) -> dict[str, Any]:
    return {
        "id": n + 1,
        "order_id": n + 1,
        "product_id": 1,
        "sku_id": 1,
        "title": "茶",
        "sku_name": "盒",
        "picture": "",
        "category_ids": [1],
        "quantity": 1,
        "unit_price_fen": 1000,
        "unit_cost_fen": 400,
        "paid_fen": 1000,
        "refunded_fen": 0,
    }


def commission_row(n: int, member_id: int) -> dict[str, Any]:
    return {
        "id": n + 1,
        "order_id": n + 1,
        "order_line_id": n + 1,
        "member_id": member_id,
        "plan_id": 1,
        "depth": 1,
        "base_fen": 1000,
        "rate": {"bps": 1000},
        "source": "default",
        "uncapped_fen": 100,
        "amount_fen": 100,
        "reversed_fen": 0,
        "status": "pending",
        "expected_at": THEN + timedelta(days=15),
        "mature_at": THEN + timedelta(days=15),
        "batch_id": 0,
        "settled_fen": 0,
        "created_at": THEN,
    }


def _postings(n: int) -> Iterator[dict[str, Any]]:
    for step, event in enumerate(("order_paid", "commission_accrued", "order_finished")):
        yield {
            "id": 3 * n + step + 1,
            "idem_key": f"order:{n + 1}:{event}",
            "event": event,
            "subject": "order",
            "subject_id": n + 1,
            "content_hash": "0" * 64,
            "reason": "",
            "at": THEN,
        }


def _entries(n: int, member_id: int) -> Iterator[dict[str, Any]]:
    moves = ((_WORLD, _HOLD, 1000), (_HOLD, _FIRST_PENDING + member_id, 100), (_HOLD, _SHOP, 900))
    for step, (source, target, amount) in enumerate(moves):
        posting = 3 * n + step + 1
        yield {"posting_id": posting, "account_id": source, "amount_fen": -amount}
        yield {"posting_id": posting, "account_id": target, "amount_fen": amount}


def _member(n: int) -> dict[str, Any]:
    up = [n // 3, n // 9, n // 27]
    ups = [u or None for u in up]
    return {
        "id": n,
        "public_id": ids.random_code(12),
        "openid": f"oBench{n:022d}",
        "nickname": f"会员{n}",
        "avatar_url": "",
        "status": "active",
        "is_subscribed": True,
        "upline1_id": ups[0],
        "upline2_id": ups[1],
        "upline3_id": ups[2],
        "bound_at": THEN,
        "created_at": THEN,
    }


def _distributor(n: int) -> dict[str, Any]:
    return {
        "id": n,
        "member_id": n,
        "level": "normal",
        "status": "approved",
        "statement": "",
        "decision_note": "",
        "applied_at": THEN,
        "approved_at": THEN,
    }


def _move(subject: str, subject_id: int, source: str, target: str) -> dict[str, Any]:
    return {
        "subject": subject,
        "subject_id": subject_id,
        "from_state": source,
        "to_state": target,
        "actor": "system:bench",
        "note": "",
        "at": THEN,
    }


def _product(n: int, category_id: int = 1) -> dict[str, Any]:
    return {
        "id": n,
        "category_id": category_id,
        "title": f"明前龙井 {n} 号",
        "subtitle": "核心产区，当季新茶",
        "description": "<p>头采嫩芽，手工炒制。</p><p>密封冷藏，尽早饮用。</p>",
        "pictures": [f"demo/{n}-{part}.jpg" for part in range(3)],
        "is_on_shelf": True,
        "sort": 0,
        "sold_count": n * 7 % 1000,
        "created_at": THEN,
    }


# What every SKU has in stock at first.
_PIECES = 1_000_000


def _sku(n: int, *, price_fen: int) -> dict[str, Any]:
    return {
        "id": n,
        "product_id": n,
        "name": "盒",
        "price_fen": price_fen,
        "list_price_fen": None,
        "cost_fen": 400,
        "stock": _PIECES,
    }


def _stock(n: int) -> dict[str, Any]:
    return {
        "id": n,
        "key": f"bench:{n}",
        "sku_id": n,
        "delta": _PIECES,
        "reason": "入库",
        "at": THEN,
    }


def _plan() -> dict[str, Any]:
    document = {
        "depth_cap": 2,
        "base": "paid",
        "mode": "fixed",
        "self_purchase": "off",
        "inactive_upline": "skip",
        "line_cap_bps": 3000,
        "default": {"1": {"bps": 1000}},
    }
    return {
        "id": 1,
        "name": "bench",
        "document": document,
        "status": "published",
        "effective_from": THEN - timedelta(days=1),
        "drafted_by": "a",
        "drafted_at": THEN,
        "published_by": "b",
        "published_at": THEN,
    }
