"""Runs of bonuses (返利核算): computed, reviewed by one person, posted by another.

A run is one period of one programme, computed once, and again as long as nobody
decided about any of it. Everything is set-based: one statement computes a run, one
claim and one posting pay a chunk of it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import audit, distribution, ledger, risk
from app.commission.bonus import metrics, programs, rules
from app.commission.bonus.models import (
    BonusBatch,
    BonusProgram,
    BonusResult,
    BonusRun,
    BonusVersion,
    ResultState,
)
from app.commission.bonus.rules import Program, Reward, Span
from app.core.db import add_once, affected, db, lock_one, require_transaction
from app.core.errors import DomainError, InvalidInput, NotFound
from app.distribution import levels
from app.ledger import AccountKind

S = ResultState
# Periods of one programme that one run of the job computes, after a long standstill.
PERIODS_MAX = 60
# Members whom an audit entry names one by one.
NAMED_MAX = 50
# Source and target accounts by what is paid.
ACCOUNTS: Mapping[Reward, tuple[AccountKind, AccountKind]] = {
    Reward.CASH: (AccountKind.SHOP, AccountKind.AVAILABLE),
    Reward.POINTS: (AccountKind.POINTS_ISSUED, AccountKind.POINTS),
}


class RunChanged(DomainError):
    """It was computed anew after the page was opened."""

    code = "bonus_run_changed"
    message = "这一期刚刚重新计算过，请核对新的数字"


class OwnReview(DomainError):
    """Four eyes: who approved does not post."""

    code = "own_review"
    message = "审核和发放须由两位管理员完成：你审核通过的，请由另一位管理员发放"


class ShopShort(DomainError):
    """Bonuses come from what the shop earned; the books may not go below 0."""

    code = "shop_short"
    message = "商城已赚得的余额不足以发放这一期返利，没有发放；请等更多订单完成后再试"


class TeamOff(DomainError):
    """The compliance switch was turned off after it was computed."""

    code = "team_bonus_off"
    message = (
        "这个返利按团队业绩或人数计算，服务器没有开启（COMPLIANCE_ALLOW_TEAM_BONUS），不能发放"
    )


@dataclass(frozen=True)
class Due:
    """A period that wants computing."""

    program_id: int
    span: Span


@dataclass(frozen=True)
class Done:
    """How many results, and how much: fen, or points."""

    rows: int = 0
    amount_fen: int = 0

    def __add__(self, other: "Done") -> "Done":
        return Done(self.rows + other.rows, self.amount_fen + other.amount_fen)


# --- computing ---------------------------------------------------------------------


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
            if not _is_allowed(programs.program_of(version)):
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
    if not _is_allowed(program):
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
    if not _is_allowed(program) or not _is_stale(run_id, program, span):
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


def _is_allowed(program: Program) -> bool:
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


# --- reviewing ---------------------------------------------------------------------


def approve(
    run_id: int,
    member_ids: Collection[int] | None,
    *,
    seen: int,
    actor: audit.Actor,
    now: datetime,
) -> Done:
    """Approve these members' results, or all that wait (None); somebody else posts them.

    What a person refused may be approved again by naming it; what the conditions
    refused may not. One's own is left out: nobody decides about their own money.

    Raises NotFound, RunChanged.
    """
    _reviewed(run_id, seen)
    waits = BonusResult.state == S.COMPUTED
    if member_ids is not None:
        by_person = sa.and_(BonusResult.state == S.REFUSED, BonusResult.reviewed_by != "")
        waits = sa.and_(sa.or_(waits, by_person), BonusResult.member_id.in_(member_ids))
    which = [BonusResult.run_id == run_id, waits, BonusResult.member_id != (actor.member_id or 0)]
    return _decide("bonus.approve", run_id, which, S.APPROVED, "", actor, now)


def refuse(
    run_id: int,
    member_ids: Collection[int],
    *,
    reason: str,
    seen: int,
    actor: audit.Actor,
    now: datetime,
) -> Done:
    """Pay these members nothing, who read the reason; approved ones, too, until posted.

    Raises NotFound, RunChanged, InvalidInput.
    """
    if not reason.strip():
        raise InvalidInput("reason", "请填写不发放的原因，分销员会看到")
    if len(reason.strip()) > 200:
        raise InvalidInput("reason", "原因最多 200 个字")
    _reviewed(run_id, seen)
    which = [
        BonusResult.run_id == run_id,
        BonusResult.state.in_((S.COMPUTED, S.APPROVED)),
        BonusResult.member_id.in_(member_ids),
        BonusResult.member_id != (actor.member_id or 0),
    ]
    return _decide("bonus.refuse", run_id, which, S.REFUSED, reason.strip(), actor, now)


def _reviewed(run_id: int, seen: int) -> None:
    """Lock a run whose figures were on the screen."""
    run = lock_one(BonusRun, run_id, "这一期返利不存在")
    if run.revision != seen:
        raise RunChanged()


def _decide(
    action: str,
    run_id: int,
    which: Sequence[sa.ColumnElement[bool]],
    state: ResultState,
    reason: str,
    actor: audit.Actor,
    now: datetime,
) -> Done:
    rows, amount = db.session.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(BonusResult.amount_fen), 0)).where(
            *which
        )
    ).one()
    if not rows:
        return Done()
    named = db.session.scalars(
        sa.select(BonusResult.member_id)
        .where(*which)
        .order_by(BonusResult.member_id)
        .limit(NAMED_MAX)
    ).all()
    affected(
        sa.update(BonusResult)
        .where(*which)
        .values(state=state, reason=reason, reviewed_by=actor.ref, reviewed_at=now)
    )
    _audit(
        action,
        run_id,
        actor,
        now,
        {"rows": rows, "amount_fen": int(amount), "members": list(named)},
        reason,
    )
    return Done(rows, int(amount))


# --- posting -----------------------------------------------------------------------


def check_post(run_id: int, *, actor: audit.Actor) -> int:
    """How many results this person may post now.

    Raises NotFound; OwnReview where all that waits was approved by them; TeamOff.
    """
    run = get(run_id)
    if not _is_allowed(program_of(run)):
        raise TeamOff()
    count = sa.select(sa.func.count()).select_from(BonusResult)
    mine = db.session.scalar(count.where(*_payable(run_id, actor))) or 0
    waits = db.session.scalar(
        count.where(
            BonusResult.run_id == run_id,
            BonusResult.state == S.APPROVED,
            BonusResult.reviewed_by == actor.ref,
        )
    )
    if not mine and waits:
        raise OwnReview()
    return mine


def post_chunk(
    run_id: int, *, actor: audit.Actor, now: datetime, after: int = 0, limit: int = 10_000
) -> tuple[Done, int | None]:
    """Pay the next approved results of a run, as one unit of work; by somebody else.

    The claim is one conditional UPDATE and names its batch: posted twice at once, each
    result is paid once. Left out are results that this person approved or would get,
    and members who are suspended or held for a check; they may be posted later.
    Returns what was paid and the `after` of the next chunk; None ends it.

    Raises NotFound, TeamOff, ShopShort (nothing of the chunk is paid then).
    """
    require_transaction()
    run = lock_one(BonusRun, run_id, "这一期返利不存在")
    version = db.session.get_one(BonusVersion, run.version_id)
    program = programs.program_of(version)
    if not _is_allowed(program):
        raise TeamOff()
    which = [*_payable(run_id, actor), BonusResult.id > after]
    last = db.session.scalar(
        sa.select(BonusResult.id).where(*which).order_by(BonusResult.id).offset(limit - 1).limit(1)
    )
    if last is not None:
        which.append(BonusResult.id <= last)
    batch = BonusBatch(run_id=run_id, posted_by=actor.ref, at=now)
    db.session.add(batch)
    db.session.flush()
    claimed = affected(
        sa.update(BonusResult).where(*which).values(state=S.POSTED, batch_id=batch.id)
    )
    if claimed == 0:
        db.session.delete(batch)
        return Done(), None
    done = _pay(run, batch, version, program.reward, now)
    batch.rows, batch.amount_fen = claimed, done.amount_fen
    _audit("bonus.post", run_id, actor, now, {"rows": claimed, "amount_fen": done.amount_fen})
    return done, last


def _pay(
    run: BonusRun, batch: BonusBatch, version: BonusVersion, reward: Reward, now: datetime
) -> Done:
    source, target = ACCOUNTS[reward]
    earned = sa.select(BonusResult.member_id).where(BonusResult.batch_id == batch.id)
    if reward is Reward.CASH:
        total = db.session.scalar(
            sa.select(sa.func.sum(BonusResult.amount_fen)).filter_by(batch_id=batch.id)
        )
        if ledger.lock_system(source) < int(total or 0):
            raise ShopShort()
    posting, rows, paid = ledger.post_many(
        f"bonus:batch:{batch.id}",
        event="bonus",
        source=source,
        target=target,
        members=earned.subquery(),
        amounts=earned.add_columns(BonusResult.amount_fen).subquery(),
        now=now,
        subject=("bonus_run", run.id),
        reason=f"{version.name} {run.label}",
    )
    batch.posting_id = posting.id
    return Done(rows, paid)


def _payable(run_id: int, actor: audit.Actor) -> list[sa.ColumnElement[bool]]:
    active = sa.select(distribution.Distributor.member_id).where(
        distribution.Distributor.status == distribution.DistributorStatus.APPROVED
    )
    return [
        BonusResult.run_id == run_id,
        BonusResult.state == S.APPROVED,
        BonusResult.reviewed_by != actor.ref,
        BonusResult.member_id != (actor.member_id or 0),
        BonusResult.member_id.in_(active),
        BonusResult.member_id.not_in(risk.held()),
    ]


def get(run_id: int) -> BonusRun:
    """Raises NotFound."""
    found = db.session.get(BonusRun, run_id)
    if found is None:
        raise NotFound("这一期返利不存在")
    return found


def _audit(
    action: str,
    run_id: int,
    actor: audit.Actor,
    now: datetime,
    after: dict[str, Any],
    reason: str = "",
) -> None:
    audit.record(
        action,
        subject="bonus_run",
        subject_id=run_id,
        actor=actor,
        now=now,
        after=after,
        reason=reason,
    )
