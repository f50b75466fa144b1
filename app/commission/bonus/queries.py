"""Reading bonuses, for the desk and for the phone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.commission.bonus import metrics, programs, rules
from app.commission.bonus.models import (
    BonusBatch,
    BonusProgram,
    BonusResult,
    BonusRun,
    BonusVersion,
    ResultState,
    VersionStatus,
)
from app.commission.bonus.rules import Program, Span
from app.core.db import Rows, db
from app.core.errors import NotFound
from app.core.pages import Page, newest_first
from app.distribution import levels
from app.members import Member


@dataclass(frozen=True)
class Listed:
    """A bonus with its versions: in force now, to come, and the draft."""

    program: BonusProgram
    current: BonusVersion | None
    coming: BonusVersion | None
    draft: BonusVersion | None

    @property
    def shown(self) -> BonusVersion:
        """The version whose name stands for it."""
        found = self.current or self.coming or self.draft
        if found is None:
            raise RuntimeError("a bonus without a version")
        return found


@dataclass(frozen=True)
class Tally:
    """How many results stand in a state, and how much they are."""

    rows: int = 0
    amount_fen: int = 0


@dataclass(frozen=True)
class Progress:
    """How far a member is in the present period of a bonus.

    `missing` and `next_amount` lead to the next step that pays more; None at the top.
    """

    version: BonusVersion
    program: Program
    span: Span
    value: int
    amount: int
    missing: int | None
    next_amount: int


@dataclass(frozen=True)
class Paid:
    """A result with what a page says of it."""

    result: BonusResult
    run: BonusRun
    version: BonusVersion
    program: Program
    batch: BonusBatch | None


def bonuses(now: datetime) -> list[Listed]:
    """Every bonus, the newest first."""
    programs_found = db.session.scalars(sa.select(BonusProgram).order_by(BonusProgram.id.desc()))
    return [listed(program, now) for program in programs_found.all()]


def listed(program: BonusProgram, now: datetime) -> Listed:
    published = programs.versions_of(program.id)
    begun = [v for v in published if v.effective_from is not None and v.effective_from <= now]
    ahead = [v for v in published if v.effective_from is not None and v.effective_from > now]
    return Listed(
        program,
        begun[0] if begun else None,
        ahead[-1] if ahead else None,
        programs.draft_of(program.id),
    )


def bonus_by_id(program_id: int) -> BonusProgram:
    """Raises NotFound."""
    found = db.session.get(BonusProgram, program_id)
    if found is None:
        raise NotFound("返利不存在")
    return found


# --- runs --------------------------------------------------------------------------


def desk_runs(
    *, program_id: int | None = None, waits_for: ResultState | None = None, is_done: bool = False
) -> Rows:
    """Runs of every bonus or of one, as the panel's list reads them.

    `waits_for` keeps those with a result in that state; `is_done` those that wait for nobody.
    """
    query: Rows = sa.select(BonusRun)
    if program_id is not None:
        query = query.where(BonusRun.program_id == program_id)
    open_states = (ResultState.COMPUTED, ResultState.APPROVED)
    wanted = open_states if is_done else (waits_for,) if waits_for else ()
    if wanted:
        waits = sa.exists().where(BonusResult.run_id == BonusRun.id, BonusResult.state.in_(wanted))
        query = query.where(~waits if is_done else waits)
    return query


def versions(version_ids: Iterable[int]) -> dict[int, BonusVersion]:
    rows = db.session.scalars(sa.select(BonusVersion).where(BonusVersion.id.in_(set(version_ids))))
    return {row.id: row for row in rows}


def tallies(run_ids: Iterable[int]) -> dict[int, dict[ResultState, Tally]]:
    """By run and state; posted results with what they stand at."""
    found: dict[int, dict[ResultState, Tally]] = {run_id: {} for run_id in run_ids}
    rows = db.session.execute(
        sa.select(
            BonusResult.run_id,
            BonusResult.state,
            sa.func.count(),
            sa.func.sum(BonusResult.amount_fen - BonusResult.reversed_fen),
        )
        .where(BonusResult.run_id.in_(found))
        .group_by(BonusResult.run_id, BonusResult.state)
    )
    for run_id, state, count, total in rows:
        found[run_id][state] = Tally(count, int(total))
    return found


def results_page(
    run_id: int, state: ResultState | None, *, before: int | None = None, size: int = 20
) -> Page[BonusResult]:
    query = sa.select(BonusResult).filter_by(run_id=run_id)
    if state is not None:
        query = query.filter_by(state=state)
    return newest_first(query, BonusResult.id, before=before, size=size)


def results_of_run(run_id: int) -> Iterable[tuple[BonusResult, Member]]:
    """All of them with their members, fetched as they are read: for an export."""
    rows = db.session.execute(
        sa.select(BonusResult, Member)
        .join(Member, Member.id == BonusResult.member_id)
        .where(BonusResult.run_id == run_id)
        .order_by(BonusResult.id)
        .execution_options(yield_per=500)
    )
    return ((row, member) for row, member in rows)


def chosen(run_id: int, result_ids: Iterable[int]) -> Sequence[BonusResult]:
    """These results, as far as they are the run's."""
    return db.session.scalars(
        sa.select(BonusResult)
        .where(BonusResult.run_id == run_id, BonusResult.id.in_(set(result_ids)))
        .order_by(BonusResult.id)
    ).all()


def result_by_id(result_id: int) -> BonusResult:
    """For the panel. Raises NotFound."""
    found = db.session.get(BonusResult, result_id)
    if found is None:
        raise NotFound("返利记录不存在")
    return found


def batches_of(run_id: int) -> Sequence[BonusBatch]:
    return db.session.scalars(
        sa.select(BonusBatch).filter_by(run_id=run_id).order_by(BonusBatch.id)
    ).all()


def waiting() -> tuple[int, datetime | None]:
    """Runs of which something waits for a person, and since when the oldest does."""
    open_results = sa.select(BonusResult.id).where(
        BonusResult.run_id == BonusRun.id,
        BonusResult.state.in_((ResultState.COMPUTED, ResultState.APPROVED)),
    )
    count, since = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(BonusRun.computed_at)).where(open_results.exists())
    ).one()
    return count, since


# --- a member's --------------------------------------------------------------------


def progress_of(member_id: int, now: datetime) -> list[Progress]:
    """Where a distributor stands in every bonus whose present period is paid."""
    found = []
    for row in db.session.scalars(sa.select(BonusProgram).order_by(BonusProgram.id)):
        published = programs.versions_of(row.id)
        if not published:
            continue
        span = rules.span_at(programs.program_of(published[0]).period, now)
        version = programs.version_for(row.id, span)
        stopped = row.stopped_at is not None and row.stopped_at <= span.start
        if version is None or stopped:
            continue
        program = programs.program_of(version)
        if program.asks_for_team and not levels.allows_team():
            continue
        value = metrics.value_of(program.metric, span, member_id)
        ahead = rules.next_step(program, value)
        found.append(
            Progress(
                version,
                program,
                span,
                value,
                rules.amount_of(program, value),
                ahead[0] if ahead else None,
                ahead[1] if ahead else 0,
            )
        )
    return found


def has_any() -> bool:
    """Whether a bonus was ever published."""
    one = sa.select(BonusVersion.id).filter_by(status=VersionStatus.PUBLISHED).limit(1)
    return db.session.scalar(one) is not None


def results_of(member_id: int, *, before: int | None = None, size: int = 20) -> Page[BonusResult]:
    """A member's results, the newest first."""
    query = sa.select(BonusResult).filter_by(member_id=member_id)
    return newest_first(query, BonusResult.id, before=before, size=size)


def result_of(member_id: int, result_id: int) -> BonusResult:
    """One result of this member. Raises NotFound for anyone else's."""
    found = db.session.scalar(sa.select(BonusResult).filter_by(id=result_id, member_id=member_id))
    if found is None:
        raise NotFound("返利记录不存在")
    return found


def in_runs(member_id: int, run_ids: Iterable[int]) -> dict[int, int]:
    """A member's results by run: where a statement leads."""
    rows = db.session.execute(
        sa.select(BonusResult.run_id, BonusResult.id).where(
            BonusResult.member_id == member_id, BonusResult.run_id.in_(set(run_ids))
        )
    )
    return dict(rows.all())


def with_facts(results: Iterable[BonusResult]) -> list[Paid]:
    """Results with their runs, rules and batches, in a handful of queries."""
    rows = list(results)
    run_ids = {row.run_id for row in rows}
    runs = {
        r.id: r for r in db.session.scalars(sa.select(BonusRun).where(BonusRun.id.in_(run_ids)))
    }
    known = versions(run.version_id for run in runs.values())
    batch_ids = {row.batch_id for row in rows if row.batch_id}
    batches = {
        b.id: b
        for b in db.session.scalars(sa.select(BonusBatch).where(BonusBatch.id.in_(batch_ids)))
    }
    found = []
    for row in rows:
        run = runs[row.run_id]
        version = known[run.version_id]
        found.append(
            Paid(row, run, version, programs.program_of(version), batches.get(row.batch_id))
        )
    return found
