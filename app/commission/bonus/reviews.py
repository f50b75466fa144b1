"""Deciding about a run's results (返利审核), by one person; another one posts them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import audit
from app.commission.bonus.models import BonusResult, BonusRun, ResultState
from app.core import reasons
from app.core.db import db
from app.core.errors import DomainError
from app.core.rows import affected, lock_one

S = ResultState
# Members whom an audit entry names one by one.
NAMED_MAX = 50


class RunChanged(DomainError):
    """It was computed anew after the page was opened."""

    code = "bonus_run_changed"
    message = "这一期刚刚重新计算过，请核对新的数字"


@dataclass(frozen=True)
class Done:
    """How many results, and how much: fen, or points."""

    rows: int = 0
    amount_fen: int = 0

    def __add__(self, other: "Done") -> "Done":
        return Done(self.rows + other.rows, self.amount_fen + other.amount_fen)


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
    said = reasons.given(reason, "请填写不发放的原因，分销员会看到")
    _reviewed(run_id, seen)
    which = [
        BonusResult.run_id == run_id,
        BonusResult.state.in_((S.COMPUTED, S.APPROVED)),
        BonusResult.member_id.in_(member_ids),
        BonusResult.member_id != (actor.member_id or 0),
    ]
    return _decide("bonus.refuse", run_id, which, S.REFUSED, said, actor, now)


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
    note(
        action,
        run_id,
        actor,
        now,
        {"rows": rows, "amount_fen": int(amount), "members": list(named)},
        reason,
    )
    return Done(rows, int(amount))


def note(
    action: str,
    run_id: int,
    actor: audit.Actor,
    now: datetime,
    after: dict[str, Any],
    reason: str = "",
) -> None:
    """Audit what was done to a run."""
    audit.record(
        action,
        subject="bonus_run",
        subject_id=run_id,
        actor=actor,
        now=now,
        after=after,
        reason=reason,
    )
