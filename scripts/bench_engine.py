"""The arithmetic of commissions and booking them: `scripts/bench quote accrue`."""

import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from app.commission import Commission, accrual
from app.commission.quote import (
    Base,
    InactiveUpline,
    Line,
    Mode,
    Person,
    Plan,
    Rate,
    SelfPurchase,
    Step,
    TierBy,
    quote,
)
from app.core.db import db, run_unit
from scripts.bench_shop import NOW, Inserter, base_rows, commission_row, order_line, paid_order

Found = tuple[float, str, float, dict[str, Any]]

LINES = 60_000
ORDERS = 400
ROUNDS = 3
_HOLD = 1


def quotes() -> Found:
    """Lines quoted a second in orders of ten; baseline: their amounts by bare integers.

    Three seats, rates by product, category and level, tiers, and a cap that bites.
    """
    tiers = Rate(tier_by=TierBy.ORDER_PAID, steps=(Step(0, bps=300), Step(100_000, bps=500)))
    plan = Plan(
        depth_cap=3,
        base=Base.PAID,
        mode=Mode.FIXED,
        self_purchase=SelfPurchase.OFF,
        inactive_upline=InactiveUpline.SKIP,
        line_cap_bps=2_000,
        default={1: Rate(bps=1_000), 2: tiers, 3: Rate(fen=50)},
        levels={"gold": {1: Rate(bps=1_500)}},
        categories={3: {1: Rate(bps=1_200), 2: Rate(bps=900)}},
        products={7: {1: tiers}},
    )
    buyer = Person(1, None, True)
    uplines = [Person(2, "gold", True), Person(3, "normal", True), Person(4, "normal", True)]
    lines = [Line(str(n), n, (n % 5, 9), 2, 9_900 + n, 4_000) for n in range(10)]

    def ours() -> None:
        for _ in range(LINES // 10):
            quote(plan, buyer=buyer, uplines=uplines, lines=lines)

    def bare() -> None:
        for _ in range(LINES // 10):
            for line in lines:
                parts = [line.paid_fen * bps // 10_000 for bps in (1_200, 900, 500)]
                over = sum(parts) - line.paid_fen * 2_000 // 10_000
                if over > 0:
                    parts[-1] -= over

    baseline, found = _fastest(bare), _fastest(ours)
    return LINES / found, "lines/s", LINES / baseline, {"goal": 20_000}


def accrue() -> Found:
    """Paid orders whose commissions are booked a second; baseline: inserting their rows.

    One line an order: a commission, its posting with two entries, news. The two take
    turns, so that a machine which is busy with something else is so for both.
    """
    with db.engine.begin() as connection:
        _paid_orders(Inserter(connection), 2 * ORDERS)
    db.session.remove()
    booking = inserting = 0.0
    for number in range(ORDERS):
        booking += _seconds(run_unit, accrual.accrue, number + 1, NOW)
        inserting += _seconds(_bare_order, ORDERS + number)
    booked = db.session.scalar(
        sa.select(sa.func.count()).select_from(Commission).where(Commission.order_id <= ORDERS)
    )
    db.session.rollback()
    if booked != ORDERS:
        raise SystemExit(f"{booked} commissions")
    return ORDERS / booking, "orders/s", ORDERS / inserting, {"orders": ORDERS}


# --- the parts --------------------------------------------------------------------------


def _paid_orders(put: Inserter, count: int) -> None:
    base_rows(put, distributors=100)
    held = {"id": _HOLD, "kind": "order_hold", "owner_id": 0, "balance_fen": 0}
    put("ledger_accounts", [held])
    put("orders", (paid_order(n, _buyer(n)) for n in range(count)))
    put("order_lines", (order_line(n) for n in range(count)))
    put(
        "order_seats",
        (
            {
                "order_id": n + 1,
                "position": position,
                "member_id": member_id,
                "level": "normal",
                "is_active": True,
            }
            for n in range(count)
            for position, member_id in enumerate((_buyer(n), _buyer(n) // 3, _buyer(n) // 9))
        ),
    )


def _buyer(number: int) -> int:
    return 9 + number % 91


def _bare_order(number: int) -> None:
    with db.engine.begin() as connection:
        _bare_rows(Inserter(connection), number)


def _bare_rows(put: Inserter, number: int) -> None:
    # Downwards: what the engine numbers itself goes on above the first.
    posting = 1_000_000 - number
    put("commissions", [commission_row(number, 16) | {"id": posting}])
    put(
        "ledger_postings",
        [
            {
                "id": posting,
                "idem_key": f"bare:{number}",
                "event": "commission_accrued",
                "subject": "order",
                "subject_id": number + 1,
                "content_hash": "0" * 64,
                "reason": "",
                "at": NOW,
            }
        ],
    )
    put(
        "ledger_entries",
        [{"posting_id": posting, "account_id": _HOLD, "amount_fen": fen} for fen in (-100, 100)],
    )
    put(
        "outbox",
        [
            {
                "topic": "bare",
                "subject_id": number,
                "subscriber": subscriber,
                "due_at": NOW,
                "created_at": NOW,
            }
            for subscriber in ("notices", "team.refresh")
        ],
    )


def _fastest(act: Callable[[], None]) -> float:
    """Seconds of the best of some rounds: the machine may be busy with other things."""
    return min(_seconds(act) for _ in range(ROUNDS))


def _seconds(act: Callable[..., Any], *given: Any) -> float:
    started = time.perf_counter()
    act(*given)
    return time.perf_counter() - started
