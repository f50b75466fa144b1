"""The referral tree's benchmarks: `scripts/bench bind` and `scripts/bench chain`."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from app import distribution, ledger
from app.core import ids
from app.core.db import db, run_unit
from app.core.rows import insert_now
from app.distribution import AttemptResult, BindingSource
from app.members import Member
from scripts.bench_shop import BATCH, NOW, THEN

# Each member of the tree has three below: depth grows as in a real one, and no
# team is so small that mending it costs nothing.
FANOUT = 3
RUNS = 2_000


def bind(scale: int) -> tuple[float, str, float]:
    """New members bound a second; baseline: bare inserts of a member with its uplines.

    One commit each, in a tree of 10,000. The two take turns, so that a machine which
    is busy with something else is so for both.
    """
    people = 10_000 * scale
    _fill(people)
    codes = _codes(range(people // 2, people // 2 + 50))
    newcomers = [people + n for n in range(1, RUNS + 1)]
    _put("members", (_row(n, above=(None, None, None)) for n in newcomers))
    bound = inserted = 0.0
    for turn, member_id in enumerate(newcomers):
        code = codes[turn % len(codes)]
        bound += _seconds(_bind, member_id, code)
        inserted += _seconds(_insert, turn)
    _expect_sound()
    return RUNS / bound, "binds/s", RUNS / inserted


def chain(scale: int) -> tuple[float, str, float]:
    """Seconds for invariant T1 over a tree of 1,000,000; baseline: reading its columns."""
    _fill(1_000_000 * scale)
    columns = sa.select(
        sa.func.count(Member.upline1_id),
        sa.func.sum(Member.upline2_id),
        sa.func.sum(Member.upline3_id),
    )
    baseline = _seconds(lambda: db.session.execute(columns).all())
    return _seconds(_expect_sound), "s", baseline


def _bind(member_id: int, code: str) -> None:
    found = run_unit(distribution.bind, member_id, code=code, source=BindingSource.SCAN, now=NOW)
    if found is not AttemptResult.BOUND:
        raise SystemExit(f"member {member_id} was not bound: {found}")


def _insert(turn: int) -> None:
    row = _row(turn, above=(3, 1, None))
    row |= {"openid": f"oBare{turn}", "public_id": f"B{turn}"}
    del row["id"]
    run_unit(lambda: insert_now(Member(**row)))


def _expect_sound() -> None:
    broken = {r.code: r.sample for r in ledger.verify(only="T1") if r.offending}
    db.session.rollback()
    if broken:
        raise SystemExit(f"the tree is not sound: {broken}")


# --- filling ---------------------------------------------------------------------


def _fill(people: int) -> None:
    _put("members", (_row(n, _above(n)) for n in range(1, people + 1)))
    with db.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE TABLE members")


def _above(n: int) -> tuple[int | None, int | None, int | None]:
    """The uplines of the n-th member of a full tree, breadth first."""
    found: list[int | None] = []
    for _ in range(3):
        n = (n + 1) // FANOUT if n > 1 else 0
        found.append(n or None)
    return found[0], found[1], found[2]


def _row(n: int, above: tuple[int | None, int | None, int | None]) -> dict[str, Any]:
    return {
        "id": n,
        "public_id": f"{n:012d}",
        "openid": f"oTree{n:022d}",
        "nickname": f"会员{n}",
        "avatar_url": "",
        "status": "active",
        "is_subscribed": True,
        "upline1_id": above[0],
        "upline2_id": above[1],
        "upline3_id": above[2],
        "bound_at": THEN if above[0] else None,
        "created_at": THEN,
    }


def _codes(member_ids: range) -> list[str]:
    """Make active distributors of these members; their codes."""
    codes = {n: ids.random_code(8) for n in member_ids}
    _put(
        "distributors",
        (
            {
                "member_id": n,
                "level": "normal",
                "status": "approved",
                "statement": "",
                "decision_note": "",
                "applied_at": THEN,
                "approved_at": THEN,
            }
            for n in member_ids
        ),
    )
    _put(
        "referral_codes",
        (
            {"code": code, "member_id": n, "qr_ticket": "", "qr_url": "", "created_at": THEN}
            for n, code in codes.items()
        ),
    )
    return list(codes.values())


def _put(table: str, rows: Iterator[dict[str, Any]]) -> None:
    statement, batch = sa.insert(db.metadata.tables[table]), []
    with db.engine.begin() as connection:
        # Uplines come before those below, and the rows are ours: no need to look.
        connection.exec_driver_sql("SET foreign_key_checks = 0, unique_checks = 0")
        for row in rows:
            batch.append(row)
            if len(batch) == BATCH:
                connection.execute(statement, batch)
                batch = []
        if batch:
            connection.execute(statement, batch)
        connection.exec_driver_sql("SET foreign_key_checks = 1, unique_checks = 1")


def _seconds(act: Callable[..., Any], *given: Any) -> float:
    started = time.perf_counter()
    act(*given)
    return time.perf_counter() - started
