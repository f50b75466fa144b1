"""Paying what was approved (返利发放), by another person: once each, in chunks."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from app import audit, distribution, ledger, risk
from app.commission.bonus import programs, runs
from app.commission.bonus.models import (
    BonusBatch,
    BonusResult,
    BonusRun,
    BonusVersion,
    ResultState,
)
from app.commission.bonus.reviews import Done, note
from app.commission.bonus.rules import Reward
from app.core.db import db, require_transaction
from app.core.errors import DomainError
from app.core.rows import affected, lock_one
from app.ledger import AccountKind

S = ResultState
# Source and target accounts by what is paid.
ACCOUNTS: Mapping[Reward, tuple[AccountKind, AccountKind]] = {
    Reward.CASH: (AccountKind.SHOP, AccountKind.AVAILABLE),
    Reward.POINTS: (AccountKind.POINTS_ISSUED, AccountKind.POINTS),
}


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


def check_post(run_id: int, *, actor: audit.Actor) -> int:
    """How many results this person may post now.

    Raises NotFound; OwnReview where all that waits was approved by them; TeamOff.
    """
    run = runs.get(run_id)
    if not runs.is_allowed(runs.program_of(run)):
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
    if not runs.is_allowed(program):
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
    note("bonus.post", run_id, actor, now, {"rows": claimed, "amount_fen": done.amount_fen})
    return done, last


def _pay(
    run: BonusRun, batch: BonusBatch, version: BonusVersion, reward: Reward, now: datetime
) -> Done:
    source, target = ACCOUNTS[reward]
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
        amounts=sa.select(BonusResult.member_id, BonusResult.amount_fen).filter_by(
            batch_id=batch.id
        ),
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
