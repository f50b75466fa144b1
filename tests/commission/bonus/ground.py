"""Short ways to bonuses: a programme in force, sales that were received, a run."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import ledger
from app.commission import bonus
from app.commission.bonus import BonusInput, BonusProgram, BonusResult, BonusRun
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.jobs import tasks
from app.ledger import AccountKind, Move
from app.members import Member
from app.orders import Order, OrderLine
from tests.factories import ADMIN, ADMIN2, bind, make_member, make_sku, received_order

# The beginning of November, a day in it, and when its runs are computed.
NOVEMBER = clock.parse("2026-11-01")
IN_NOVEMBER = clock.parse("2026-11-21T12:00")
COMPUTED = clock.parse("2026-12-17")
SALES: dict[str, Any] = {
    "metric": "personal_sales",
    "period": "month",
    "tier_mode": "whole",
    "steps": [{"from": 100_00, "bps": 300}, {"from": 1_000_00, "bps": 500}],
    "reward": "cash",
}


def make_bonus(
    name: str = "月度销售奖",
    *,
    at: datetime = NOVEMBER,
    drafted: datetime = NOVEMBER,
    **changed: Any,
) -> BonusProgram:
    """A published programme; `changed` are fields of its rules."""
    given = BonusInput(name, {**SALES, **changed}, "多卖多得")
    version = run_unit(bonus.programs.draft, None, given, seen=0, actor=ADMIN, now=drafted)
    program_id = version.program_id
    run_unit(
        bonus.programs.publish, program_id, effective_from=at, seen=1, actor=ADMIN2, now=drafted
    )
    return db.session.get_one(BonusProgram, program_id)


def sell(near: Member, fen: int, *, cost_fen: int = 0, at: datetime = IN_NOVEMBER) -> Order:
    """A friend of this distributor bought and received something."""
    buyer = make_member(now=at)
    bind(buyer, near, now=at)
    return received_order(buyer, make_sku(price_fen=fen, cost_fen=cost_fen), now=at)


def run_job(now: datetime = COMPUTED) -> dict[str, Any]:
    return tasks.team.bonus(now, False)


def the_run() -> BonusRun:
    return db.session.scalars(sa.select(BonusRun)).one()


def rows() -> list[BonusResult]:
    """Every result as the database has it now, by member."""
    db.session.rollback()
    return list(db.session.scalars(sa.select(BonusResult).order_by(BonusResult.member_id)))


def approve(run: BonusRun, members: list[int] | None = None, *, actor=ADMIN, seen: int = 1):
    return run_unit(bonus.reviews.approve, run.id, members, seen=seen, actor=actor, now=COMPUTED)


def post(run: BonusRun, *, actor=ADMIN2):
    return run_unit(bonus.posting.post_chunk, run.id, actor=actor, now=COMPUTED)[0]


def give_shop(fen: int) -> None:
    """Let the shop have earned something before."""
    with transaction():
        ledger.post(
            f"test:shop:{fen}",
            event="test_income",
            moves=[Move(ledger.system(AccountKind.WORLD_WX), ledger.system(AccountKind.SHOP), fen)],
            now=NOVEMBER,
        )


def paid(near: Member, fen: int, **changed: Any) -> BonusRun:
    """A run of one distributor's sales, approved and posted."""
    give_shop(10_000_00)
    make_bonus(**changed)
    sell(near, fen)
    run_job()
    run = the_run()
    approve(run)
    post(run)
    return run


def told() -> list[tuple[Any, ...]]:
    """What came out for each member."""
    return [(r.member_id, r.value, r.tier, r.amount_fen, r.state, r.reason) for r in rows()]


def refund(order: Order, fen: int, *, pieces: int = 0) -> None:
    """Part of an order went back, as its lines say."""
    with transaction():
        db.session.execute(
            sa.update(OrderLine)
            .where(OrderLine.order_id == order.id)
            .values(
                refunded_fen=OrderLine.refunded_fen + fen,
                refunded_quantity=OrderLine.refunded_quantity + pieces,
            )
        )
