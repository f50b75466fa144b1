"""Runs of bonuses (返利核算): one period of one programme, computed by a job.

Once, and again as long as nobody decided about any of it; one statement computes a run.
`reviews` decides about what it came to, `posting` pays it.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.commission.bonus import metrics, programs, rules
from app.commission.bonus.models import (
    BonusProgram,
    BonusResult,
    BonusRun,
    BonusVersion,
    ResultState,
)
from app.commission.bonus.rules import Program, Span
from app.core.db import db, require_transaction
from app.core.errors import NotFound
from app.core.rows import add_once, lock_one
from app.distribution import levels

S = ResultState
# Periods of one programme that one run of the job computes, after a long standstill.
PERIODS_MAX = 60


@dataclass(frozen=True)
class Due:
    """A period that wants computing."""

    program_id: int
    span: Span


def due(now: datetime) -> tuple[list[Due], int]:
    """Periods that ended, whose guard is over, without a run; and how many are blocked.

    A programme that asks for the team while the switch is off is blocked: it goes on
    from there once the switch is on.
    """
    found: list[Due] = []
    blocked = 0
    for program in db.session.scalars(sa.select(BonusProgram).order_by(BonusProgram.id)).all():
        for span in _spans_without_run(program, now):
            version = programs.version_for(program.id, span)
            if version is None or not metrics.guard_over(span, now):
                break
            if not is_allowed(programs.program_of(version)):
                blocked += 1
                break
            found.append(Due(program.id, span))
    return found, blocked


def compute(program_id: int, span: Span, *, now: datetime) -> str:
    """Compute one period: `computed`; `taken` where another job just did; `blocked`."""
    require_transaction()
    version = programs.version_for(program_id, span)
    if version is None:
        raise ValueError("no version was in force when the period began")
    program = programs.program_of(version)
    if not is_allowed(program):
        return "blocked"
    run = BonusRun(
        program_id=program_id,
        version_id=version.id,
        label=span.label,
        starts_at=span.start,
        ends_at=span.end,
        computed_at=now,
        revision=1,
    )
    if not add_once(run):
        return "taken"
    _insert(run.id, program, span)
    return "computed"


def untouched() -> list[int]:
    """Runs of which nobody decided anything yet."""
    of_run = sa.select(BonusResult.id).where(BonusResult.run_id == BonusRun.id)
    waits = of_run.where(BonusResult.state == S.COMPUTED)
    decided = of_run.where(sa.or_(BonusResult.reviewed_by != "", BonusResult.state == S.POSTED))
    return list(
        db.session.scalars(
            sa.select(BonusRun.id).where(waits.exists(), ~decided.exists()).order_by(BonusRun.id)
        )
    )


def recompute(run_id: int, *, now: datetime) -> str:
    """Compute a run anew as long as nobody decided about it: `recomputed`, or `same`."""
    run = lock_one(BonusRun, run_id, "这一期返利不存在")
    if run_id not in untouched():
        return "same"
    program, span = program_of(run), span_of(run)
    if not is_allowed(program) or not _is_stale(run_id, program, span):
        return "same"
    db.session.execute(sa.delete(BonusResult).where(BonusResult.run_id == run_id))
    _insert(run_id, program, span)
    run.revision += 1
    run.computed_at = now
    return "recomputed"


def program_of(run: BonusRun) -> Program:
    """The rules that a run was computed by."""
    return programs.program_of(db.session.get_one(BonusVersion, run.version_id))


def span_of(run: BonusRun) -> Span:
    return Span(run.label, run.starts_at, run.ends_at)


def _spans_without_run(program: BonusProgram, now: datetime) -> list[Span]:
    """Periods that ended, after the last one computed, the oldest first."""
    published = programs.versions_of(program.id)
    if not published or published[-1].effective_from is None:
        return []
    period = programs.program_of(published[0]).period
    done = db.session.scalar(
        sa.select(sa.func.max(BonusRun.ends_at)).where(BonusRun.program_id == program.id)
    )
    span = rules.span_at(period, done or published[-1].effective_from)
    found: list[Span] = []
    while span.end <= now and len(found) < PERIODS_MAX:
        if program.stopped_at is not None and span.start >= program.stopped_at:
            break
        found.append(span)
        span = rules.span_after(period, span)
    return found


def is_allowed(program: Program) -> bool:
    """Whether the server lets it pay: of what others do, only by its own configuration."""
    return levels.allows_team() or not program.asks_for_team


def _insert(run_id: int, program: Program, span: Span) -> None:
    """Everybody's result in one statement."""
    found = metrics.results(program, span)
    db.session.execute(
        sa.insert(BonusResult).from_select(
            [
                *("run_id", "member_id", "value", "tier", "amount_fen", "reversed_fen"),
                *("state", "reason", "reviewed_by", "batch_id"),
            ],
            sa.select(
                sa.literal(run_id),
                found.c.member_id,
                found.c.value,
                found.c.tier,
                found.c.amount,
                sa.literal(0),
                sa.case((found.c.reason == "", S.COMPUTED.value), else_=S.REFUSED.value),
                found.c.reason,
                sa.literal(""),
                sa.literal(0),
            ),
        )
    )


def _is_stale(run_id: int, program: Program, span: Span) -> bool:
    """Whether computing anew would give anything else."""
    found = metrics.results(program, span)
    same = sa.and_(
        BonusResult.run_id == run_id,
        BonusResult.member_id == found.c.member_id,
        BonusResult.value == found.c.value,
        BonusResult.amount_fen == found.c.amount,
        BonusResult.reason == found.c.reason,
    )
    fresh, agreeing = db.session.execute(
        sa.select(sa.func.count(), sa.func.count(BonusResult.id))
        .select_from(found)
        .outerjoin(BonusResult, same)
    ).one()
    stored = db.session.scalar(
        sa.select(sa.func.count()).select_from(BonusResult).filter_by(run_id=run_id)
    )
    return not fresh == agreeing == stored


def get(run_id: int) -> BonusRun:
    """Raises NotFound."""
    found = db.session.get(BonusRun, run_id)
    if found is None:
        raise NotFound("这一期返利不存在")
    return found
