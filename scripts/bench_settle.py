"""Settling a million commissions: `scripts/bench settle settle_sqlite`.

100,000 members with ten matured commissions each. The baseline is the best plain SQL
for the same work on tables with nothing but what it needs: one claim, one grouping,
one pair of entries a member, one update of the balances.
"""

import resource
import time
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from app import ledger
from app.core.db import db, run_unit
from app.jobs import tasks
from app.ledger import AccountKind, Move
from scripts.bench_shop import NOW, Inserter, base_rows, commission_row

MEMBERS, EACH = 100_000, 10
Found = tuple[float, str, float, dict[str, Any]]


def settle(scale: int) -> Found:
    """Commissions settled a second; baseline: plain SQL on bare tables."""
    members = MEMBERS * scale
    rows = members * EACH
    _fill(members)
    by_hand = _seconds(lambda: _plain(members))
    one_by_one = _one_by_one(300)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = _seconds(lambda: _all(rows))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    _expect_settled(members)
    # Once the money has moved; nobody waits for it.
    filing = _seconds(lambda: _file(rows))
    return (
        rows / seconds,
        "commissions/s",
        rows / by_hand,
        {
            "rows": rows,
            "seconds": round(seconds, 2),
            "baseline_seconds": round(by_hand, 2),
            "row_by_row_a_second": round(one_by_one, 1),
            "times_row_by_row": round(rows / seconds / one_by_one),
            "grown_mb": round(grown / 1024, 1),
            "filing_seconds": round(filing, 2),
        },
    )


def _all(rows: int) -> None:
    settled = tasks.sales.settle_all(NOW)
    if settled.rows != rows:
        raise SystemExit(f"{settled.rows} of {rows} were settled")


def _file(rows: int) -> None:
    filed = tasks.sales.file_all()
    if filed != rows:
        raise SystemExit(f"{filed} of {rows} were filed")


def _fill(members: int) -> None:
    """Commissions and accounts only: what they come from is not settled again."""
    with db.engine.begin() as connection:
        _checks(connection, on=False)
        put = Inserter(connection)
        base_rows(put, distributors=members)
        put("ledger_accounts", _accounts(members))
        put("commissions", (commission_row(n, 1 + n % members) for n in range(members * EACH)))
        # Copied first: the product's work must not warm its rows alone.
        connection.exec_driver_sql(
            "CREATE TABLE plain_commissions (id BIGINT PRIMARY KEY, member_id BIGINT NOT NULL,"
            " fen BIGINT NOT NULL, mature_at DATETIME NOT NULL, batch_id BIGINT NOT NULL DEFAULT 0)"
        )
        connection.exec_driver_sql(
            "INSERT INTO plain_commissions"
            " SELECT id, member_id, amount_fen, mature_at, 0 FROM commissions"
        )
        connection.exec_driver_sql("CREATE INDEX plain_due ON plain_commissions (mature_at, id)")
        connection.exec_driver_sql(
            "CREATE TABLE plain_entries (id INTEGER PRIMARY KEY AUTOINCREMENT, member_id BIGINT,"
            " kind INTEGER, fen BIGINT)"
            if connection.dialect.name == "sqlite"
            else "CREATE TABLE plain_entries (id BIGINT PRIMARY KEY AUTO_INCREMENT,"
            " member_id BIGINT, kind INTEGER, fen BIGINT)"
        )
        connection.exec_driver_sql(
            "CREATE TABLE plain_balances (member_id BIGINT PRIMARY KEY, pending BIGINT NOT NULL,"
            " available BIGINT NOT NULL)"
        )
        connection.exec_driver_sql(
            "INSERT INTO plain_balances SELECT member_id, SUM(fen), 0 FROM plain_commissions"
            " GROUP BY member_id"
        )
        _checks(connection, on=True)
    tables = ("commissions", "commission_dues", "ledger_accounts", "plain_commissions")
    with db.engine.connect() as connection:
        for table in tables:
            verb = "ANALYZE" if connection.dialect.name == "sqlite" else "ANALYZE TABLE"
            connection.exec_driver_sql(f"{verb} {table}")


def _checks(connection: sa.Connection, *, on: bool) -> None:
    """Whether rows must refer to rows: what a commission comes from is not made."""
    if connection.dialect.name == "sqlite":
        # Within a transaction SQLite ignores the switch.
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql(f"PRAGMA foreign_keys = {'ON' if on else 'OFF'}")
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql(f"SET SESSION foreign_key_checks = {int(on)}")


def _accounts(members: int) -> Iterator[dict[str, Any]]:
    for n in range(1, members + 1):
        owned = {"owner_id": n}
        yield {"id": 2 * n, "kind": "pending", "balance_fen": 100 * EACH, **owned}
        yield {"id": 2 * n + 1, "kind": "available", "balance_fen": 0, **owned}


def _plain(members: int) -> None:
    """The same work by hand, as one transaction."""
    is_sqlite = db.engine.dialect.name == "sqlite"
    with db.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE plain_commissions SET batch_id = 1 WHERE mature_at <= '2026-11-21 04:00:00'"
            " AND batch_id = 0"
        )
        connection.exec_driver_sql(
            "CREATE TEMPORARY TABLE plain_sums (member_id BIGINT PRIMARY KEY, fen BIGINT)"
        )
        connection.exec_driver_sql(
            "INSERT INTO plain_sums SELECT member_id, SUM(fen) FROM plain_commissions"
            " WHERE batch_id = 1 GROUP BY member_id"
        )
        connection.exec_driver_sql(
            "INSERT INTO plain_entries (member_id, kind, fen)"
            " SELECT member_id, 1, -fen FROM plain_sums"
        )
        connection.exec_driver_sql(
            "INSERT INTO plain_entries (member_id, kind, fen)"
            " SELECT member_id, 2, fen FROM plain_sums"
        )
        connection.exec_driver_sql(
            "UPDATE plain_balances SET pending = pending - s.fen, available = available + s.fen"
            " FROM plain_sums s WHERE s.member_id = plain_balances.member_id"
            if is_sqlite
            else "UPDATE plain_balances b JOIN plain_sums s ON s.member_id = b.member_id"
            " SET b.pending = b.pending - s.fen, b.available = b.available + s.fen"
        )
    with db.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT SUM(available) FROM plain_balances").scalar_one()
    if found != 100 * EACH * members:
        raise SystemExit(f"the baseline settled {found}")


def _one_by_one(count: int) -> float:
    """Rows a second of what the others do: an object, a posting and a commit for each.

    Moved and moved back, so that the books are as before.
    """

    def unit(key: str, member_id: int, source: AccountKind, target: AccountKind) -> None:
        ledger.post(
            key,
            event="bench",
            moves=[Move(ledger.member(source, member_id), ledger.member(target, member_id), 1)],
            now=NOW,
        )

    started = time.perf_counter()
    for number in range(1, count + 1):
        run_unit(unit, f"b:{number}", number, AccountKind.PENDING, AccountKind.AVAILABLE)
    rate = count / (time.perf_counter() - started)
    for number in range(1, count + 1):
        run_unit(unit, f"b:{number}:back", number, AccountKind.AVAILABLE, AccountKind.PENDING)
    return rate


def _expect_settled(members: int) -> None:
    account = ledger.Account
    rows = db.session.execute(
        sa.select(account.kind, sa.func.sum(account.balance_fen), sa.func.count())
        .where(account.owner_id > 0)
        .group_by(account.kind)
    )
    found = {kind.value: (int(total), count) for kind, total, count in rows}
    db.session.rollback()
    if found != {"pending": (0, members), "available": (100 * EACH * members, members)}:
        raise SystemExit(f"the balances are not right: {found}")


def _seconds(act: Callable[[], None]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
