"""Refunds after a bonus was posted (返利追回): the difference is taken once.

A posted result stands at what its metric earns now, and never at more than was posted.
It is computed from the whole each time, so that many small refunds do not drift and a
refund that WeChat closed turns it round. The conditions are not looked at again.
"""

from bisect import bisect_left
from datetime import datetime, timedelta

import sqlalchemy as sa

from app import ledger
from app.aftersales import Refund
from app.commission import following
from app.commission.bonus import metrics, rules, runs
from app.commission.bonus.models import (
    BonusBatch,
    BonusCorrection,
    BonusResult,
    BonusRun,
    BonusVersion,
    ResultState,
)
from app.commission.bonus.rules import Metric, Reward
from app.core.db import db, require_transaction
from app.core.rows import affected, lock_one
from app.ledger import AccountKind, Move
from app.orders import Order

# Refunds and postings that the job looks at each time, and always those since the last
# time that it got to the end: however long it stood still, and however old the period.
LOOK_BACK = timedelta(days=90)
# Clocks differ, and a unit of work commits after it took its time.
MARGIN = timedelta(days=1)


def due(now: datetime) -> list[int]:
    """Posted results whose metric earns something else now than they stand at."""
    found: list[int] = []
    for run in _runs_to_check(now):
        program = runs.program_of(run)
        # Who came does not leave by a refund.
        if program.metric is Metric.RECRUITS:
            continue
        fresh = metrics.values(program.metric, runs.span_of(run)).subquery()
        amount = sa.func.coalesce(metrics.amount_sql(program, fresh.c.value), 0)
        target = sa.case((amount < BonusResult.amount_fen, amount), else_=BonusResult.amount_fen)
        found += db.session.scalars(
            sa.select(BonusResult.id)
            .outerjoin(fresh, fresh.c.member_id == BonusResult.member_id)
            .where(
                BonusResult.run_id == run.id,
                BonusResult.state == ResultState.POSTED,
                target != BonusResult.amount_fen - BonusResult.reversed_fen,
            )
            .order_by(BonusResult.id)
        )
    return found


def correct(result_id: int, *, now: datetime) -> str:
    """Take or give the difference of one posted result: `corrected`, or `same`."""
    require_transaction()
    row = lock_one(BonusResult, result_id, "返利记录不存在")
    run = db.session.get_one(BonusRun, row.run_id)
    program = runs.program_of(run)
    value = metrics.value_of(program.metric, runs.span_of(run), row.member_id)
    target = min(row.amount_fen, rules.amount_of(program, value))
    back = row.standing_fen - target
    if row.state is not ResultState.POSTED or back == 0:
        return "same"
    known = corrections_of(result_id)
    number = len(known) + 1
    if program.reward is Reward.POINTS:
        booked = sum(correction.posted_fen for correction in known)
        moves = _points_moves(row.member_id, back, booked)
    else:
        moves = following.settled_moves({row.member_id: back})
    posting_id = None
    if moves:
        version = db.session.get_one(BonusVersion, run.version_id)
        posting_id = ledger.post(
            f"bonus:{result_id}:correction:{number}",
            event="bonus_reversed",
            moves=moves,
            now=now,
            subject=("bonus_run", run.id),
            reason=f"{version.name} {run.label}：退款后重新计算",
        )
    db.session.add(
        BonusCorrection(
            result_id=result_id,
            number=number,
            value=value,
            difference_fen=-back,
            posted_fen=_booked(moves),
            posting_id=posting_id,
            at=now,
        )
    )
    row.reversed_fen = row.amount_fen - target
    db.session.flush()
    return "corrected"


def corrections_of(result_id: int) -> list[BonusCorrection]:
    """What later refunds changed, the oldest first."""
    return list(
        db.session.scalars(
            sa.select(BonusCorrection)
            .filter_by(result_id=result_id)
            .order_by(BonusCorrection.number)
        )
    )


def note_checked(now: datetime) -> None:
    """Every difference that was due at this time is taken: the next look begins here."""
    require_transaction()
    posted = sa.select(BonusBatch.run_id).where(BonusBatch.at <= now)
    affected(sa.update(BonusRun).where(BonusRun.id.in_(posted)).values(checked_at=now))


def _runs_to_check(now: datetime) -> list[BonusRun]:
    """Runs never looked at, that paid of late, or of whose orders something was refunded."""
    last_paid = sa.func.max(BonusBatch.at)
    paid = db.session.execute(
        sa.select(BonusRun, last_paid)
        .join(BonusBatch, BonusBatch.run_id == BonusRun.id)
        .group_by(BonusRun.id)
        .order_by(BonusRun.id)
    ).all()
    if not paid:
        return []
    noted = [run.checked_at - MARGIN for run, _ in paid if run.checked_at is not None]
    since = min([now - LOOK_BACK, *noted])
    refunded = db.session.scalars(
        sa.select(Order.received_at)
        .join(Refund, Refund.order_id == Order.id)
        .where(sa.or_(Refund.created_at >= since, Refund.ended_at >= since))
    )
    received = sorted(moment for moment in refunded if moment is not None)
    return [
        run
        for run, at in paid
        if run.checked_at is None
        or at >= since
        or bisect_left(received, run.starts_at) < bisect_left(received, run.ends_at)
    ]


def _points_moves(member_id: int, back: int, booked: int) -> list[Move]:
    """Points go back as far as they reach: what was spent is forgiven.

    `booked` is what earlier corrections took, as a negative number; no more than that
    is given back.
    """
    theirs = ledger.member(AccountKind.POINTS, member_id)
    issued = ledger.system(AccountKind.POINTS_ISSUED)
    if back > 0:
        taken = min(back, ledger.balance_fen(AccountKind.POINTS, member_id))
        return [Move(theirs, issued, taken)] if taken else []
    given = min(-back, -booked)
    return [Move(issued, theirs, given)] if given > 0 else []


def _booked(moves: list[Move]) -> int:
    """What the moves bring the member, all accounts together."""
    total = 0
    for move in moves:
        total += move.amount_fen * ((move.target.owner_id > 0) - (move.source.owner_id > 0))
    return total
