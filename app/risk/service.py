from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from app import audit, distribution
from app.core import reasons
from app.core.db import db, require_transaction
from app.core.errors import IllegalMove
from app.core.rows import add_once, insert_all, lock_one
from app.distribution import DistributorStatus
from app.risk import queries
from app.risk.models import Evidence, RiskFlag, RiskFlagMember, RiskKind, RiskState

# More of the same says nothing new.
EVIDENCE_MAX = 20


def suspect(
    kind: RiskKind,
    key: str,
    *,
    held: Iterable[int],
    others: Iterable[int],
    evidence: Iterable[tuple[str, str]],
    now: datetime,
) -> None:
    """Put a suspicion before a person, or add its evidence to the one there is.

    `held` are the distributors whose commissions wait; `evidence` is (kind, sentence).
    One that was cleared opens again for evidence of a kind that nobody has seen.
    """
    require_transaction()
    found: list[Evidence] = [
        {"code": code, "text": text, "at": now.isoformat()} for code, text in evidence
    ]
    flag = RiskFlag(
        key=f"{kind.value}:{key}",
        kind=kind,
        state=RiskState.OPEN,
        evidence=found[:EVIDENCE_MAX],
        found_at=now,
    )
    if add_once(flag):
        earners = set(held)
        insert_all(
            RiskFlagMember,
            [
                {"flag_id": flag.id, "member_id": member_id, "is_held": member_id in earners}
                for member_id in sorted(earners | set(others))
            ],
        )
        return
    known = db.session.execute(
        sa.select(RiskFlag)
        .filter_by(key=flag.key)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
    _add(known, found, now)


def clear(flag_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> None:
    """Nothing was wrong: the next settlement pays what waited.

    Raises NotFound, InvalidInput; IllegalMove for one that was decided.
    """
    _decide(flag_id, RiskState.CLEARED, reason, actor, now)


def confirm(flag_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> None:
    """It is abuse: suspend the distributors who would earn by it. Raises as `clear` does."""
    flag = _decide(flag_id, RiskState.CONFIRMED, reason, actor, now)
    earners = [row.member_id for row in queries.named_in([flag.id])[flag.id] if row.is_held]
    for row in sorted(distribution.distributors_of(earners), key=lambda found: found.id):
        # Suspended or gone already: nothing settles there as it is.
        if row.status is DistributorStatus.APPROVED:
            distribution.suspend(row.id, reason=flag.reason, actor=actor, now=now)


def _add(flag: RiskFlag, found: list[Evidence], now: datetime) -> None:
    seen = {item["code"] for item in flag.evidence}
    texts = {item["text"] for item in flag.evidence}
    new = [item for item in found if item["text"] not in texts]
    if flag.state is RiskState.CLEARED and any(item["code"] not in seen for item in new):
        before: Evidence = {
            "code": "cleared",
            "text": f"此前已排除：{flag.reason}",
            "at": now.isoformat(),
        }
        flag.state, flag.decided_at, flag.decided_by, flag.reason = RiskState.OPEN, None, "", ""
        new.insert(0, before)
    if flag.state is RiskState.OPEN and new:
        flag.evidence = [*flag.evidence, *new][:EVIDENCE_MAX]
    db.session.flush()


def _decide(
    flag_id: int, to: RiskState, reason: str, actor: audit.Actor, now: datetime
) -> RiskFlag:
    flag = lock_one(RiskFlag, flag_id, "风险提示不存在")
    if flag.state is not RiskState.OPEN:
        raise IllegalMove("这条风险提示已经处理过了", state=flag.state.value)
    said = reasons.given(reason, "请填写核实的结果，便于日后核对")
    flag.state, flag.decided_at, flag.decided_by, flag.reason = to, now, actor.ref, said
    db.session.flush()
    audit.record(
        f"risk.{to.value}",
        subject="risk",
        subject_id=flag.id,
        actor=actor,
        now=now,
        before={"state": RiskState.OPEN.value},
        after={"state": to.value},
        reason=said,
    )
    return flag
