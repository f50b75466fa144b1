from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app import audit, catalog
from app.commission.documents import read_plan
from app.commission.models import PlanStatus, PlanVersion, PlanWithdrawal
from app.commission.quote import Plan
from app.core import reasons
from app.core.db import UTCDateTime, db, require_transaction
from app.core.errors import DomainError, IllegalMove, InvalidInput
from app.core.pages import Page, newest_first
from app.core.rows import add_once, lock_one
from app.distribution import levels

_hard_cap = 2
# An order may be accrued by a plan in the moment in which it takes effect: whoever
# withdraws it must be done by then.
WITHDRAW_AHEAD = timedelta(minutes=1)


class OwnPlan(DomainError):
    """Four eyes: rates are money."""

    code = "own_plan"
    message = "不能发布自己起草的方案，请由另一位管理员发布"


class PlanPublished(DomainError):
    """Orders were and will be paid by it: it stays as it was published."""

    code = "plan_published"
    message = "方案已经发布，不能再修改；需要调整请复制为新草稿"


class PlanChanged(DomainError):
    """Somebody else saved the draft after it was opened here."""

    code = "plan_changed"
    message = "方案刚刚被别人改过，请先看过新的内容"


class PlanInForce(DomainError):
    """Orders are paid by it, or will be within the minute."""

    code = "plan_in_force"
    message = "方案已经生效或马上生效，不能再撤回；需要调整请发布新的版本"


class PlanWithdrawn(DomainError):
    code = "plan_withdrawn"
    message = "方案已经撤回，不会生效；需要时请复制为新草稿再发布"


def configure(hard_cap: int) -> None:
    """Set how deep this server may pay: 2, or 3 by its own configuration."""
    global _hard_cap
    if hard_cap not in (1, 2, 3):
        raise ValueError("DISTRIBUTION_HARD_CAP must be 1, 2 or 3")
    _hard_cap = hard_cap


def hard_cap() -> int:
    return _hard_cap


def validate(document: object) -> Plan:
    """The plan that a document describes, within this server's depth.

    Raises InvalidInput with the path of the value at fault.
    """
    return read_plan(document, hard_cap=_hard_cap)


def draft_plan(
    document: Mapping[str, Any], *, name: str, actor: audit.Actor, now: datetime
) -> PlanVersion:
    """Store a new draft.

    Raises InvalidInput with the path of the value at fault, also for a level, a
    category or a product that is none of ours.
    """
    require_transaction()
    _check(document, name)
    version = PlanVersion(
        name=name.strip(),
        document=dict(document),
        status=PlanStatus.DRAFT,
        drafted_by=actor.ref,
        drafted_at=now,
    )
    db.session.add(version)
    db.session.flush()
    audit.record(
        "plan.draft",
        subject="plan",
        subject_id=version.id,
        actor=actor,
        now=now,
        after=document_of(version),
    )
    return version


def change_draft(
    plan_id: int,
    document: Mapping[str, Any],
    *,
    name: str,
    seen: int,
    actor: audit.Actor,
    now: datetime,
) -> PlanVersion:
    """Save a draft anew; `seen` is the revision that was on the screen.

    Whoever saves last stands behind the whole of it, and cannot publish it.

    Raises NotFound, PlanPublished, PlanChanged, InvalidInput.
    """
    require_transaction()
    version = _locked_draft(plan_id, seen)
    _check(document, name)
    before = document_of(version)
    if before == {"name": name.strip(), "document": document}:
        return version
    version.name, version.document = name.strip(), dict(document)
    version.drafted_by, version.drafted_at = actor.ref, now
    version.revision += 1
    audit.record(
        "plan.change",
        subject="plan",
        subject_id=version.id,
        actor=actor,
        now=now,
        before=before,
        after=document_of(version),
    )
    return version


def throw_away(plan_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Delete a draft (作废草稿). Raises NotFound, PlanPublished."""
    require_transaction()
    version = _locked_draft(plan_id, None)
    audit.record(
        "plan.remove",
        subject="plan",
        subject_id=version.id,
        actor=actor,
        now=now,
        before=document_of(version),
    )
    db.session.delete(version)


def publish_plan(
    plan_id: int,
    *,
    effective_from: datetime,
    actor: audit.Actor,
    now: datetime,
    seen: int | None = None,
) -> PlanVersion:
    """Put a draft in force from a time on; a second person does it.

    `seen` is the revision that this person compared; without it, the newest.

    Raises NotFound, OwnPlan, PlanChanged, PlanWithdrawn, InvalidInput (a time in the
    past would change what paid orders earn, or the document no longer fits this server).
    """
    require_transaction()
    version = lock_one(PlanVersion, plan_id, "方案不存在")
    if version.status is PlanStatus.PUBLISHED:
        if withdrawals_of([plan_id]):
            raise PlanWithdrawn()
        return version
    if seen is not None and version.revision != seen:
        raise PlanChanged()
    if version.drafted_by == actor.ref:
        raise OwnPlan()
    if effective_from < now:
        raise InvalidInput("effective_from", "生效时间不能早于现在")
    _check(version.document, version.name)
    version.status = PlanStatus.PUBLISHED
    version.effective_from, version.published_by, version.published_at = (
        effective_from,
        actor.ref,
        now,
    )
    audit.record(
        "plan.publish",
        subject="plan",
        subject_id=version.id,
        actor=actor,
        now=now,
        after={"effective_from": effective_from.isoformat()},
    )
    return version


def withdraw_plan(
    plan_id: int, *, reason: str, actor: audit.Actor, now: datetime
) -> PlanWithdrawal:
    """Take a published version back before it takes effect (撤回方案).

    One person does it: what is in force then goes on, which nobody has to check anew.

    Raises NotFound, InvalidInput naming `reason`, IllegalMove (a draft), PlanInForce,
    PlanWithdrawn.
    """
    require_transaction()
    said = reasons.given(reason, "请写明撤回的原因")
    version = lock_one(PlanVersion, plan_id, "方案不存在")
    starts = version.effective_from
    if version.status is not PlanStatus.PUBLISHED or starts is None:
        raise IllegalMove("草稿还没有发布，不用撤回", state=version.status.value)
    if withdrawals_of([plan_id]):
        raise PlanWithdrawn()
    if starts - now < WITHDRAW_AHEAD:
        raise PlanInForce()
    row = PlanWithdrawal(
        plan_id=plan_id,
        effective_from=starts,
        reason=said,
        withdrawn_by=actor.ref,
        withdrawn_at=now,
    )
    if not add_once(row):
        raise PlanWithdrawn()
    audit.record(
        "plan.withdraw",
        subject="plan",
        subject_id=plan_id,
        actor=actor,
        now=now,
        before={"effective_from": starts.isoformat()},
        reason=said,
    )
    return row


# Built once: every paid order and every visit of a distributor asks it.
_IN_FORCE = (
    sa.select(PlanVersion)
    .where(
        PlanVersion.status == PlanStatus.PUBLISHED,
        PlanVersion.effective_from <= sa.bindparam("at", type_=UTCDateTime),
        PlanVersion.id != sa.bindparam("besides"),
        ~sa.exists().where(PlanWithdrawal.plan_id == PlanVersion.id),
    )
    .order_by(PlanVersion.effective_from.desc(), PlanVersion.id.desc())
    .limit(1)
)


def plan_in_force(at: datetime, *, besides: int = 0) -> tuple[PlanVersion, Plan] | None:
    """The plan that orders paid at this time earn by; None before the first.

    Or would, if there were no version `besides`.
    """
    version = db.session.scalar(_IN_FORCE, {"at": at, "besides": besides})
    return None if version is None else (version, validate(version.document))


def withdrawals_of(plan_ids: Iterable[int]) -> Mapping[int, PlanWithdrawal]:
    """Of these versions, those that were withdrawn."""
    query = sa.select(PlanWithdrawal).where(PlanWithdrawal.plan_id.in_(set(plan_ids)))
    return {row.plan_id: row for row in db.session.scalars(query)}


def coming(at: datetime) -> list[PlanVersion]:
    """What was published to take effect after this time, the next first."""
    query = sa.select(PlanVersion).where(
        PlanVersion.status == PlanStatus.PUBLISHED,
        PlanVersion.effective_from > at,
        ~sa.exists().where(PlanWithdrawal.plan_id == PlanVersion.id),
    )
    return list(
        db.session.scalars(query.order_by(PlanVersion.effective_from, PlanVersion.id.desc()))
    )


def plans_page(*, before: int | None = None, size: int = 20) -> Page[PlanVersion]:
    return newest_first(sa.select(PlanVersion), PlanVersion.id, before=before, size=size)


def document_of(version: PlanVersion) -> dict[str, Any]:
    return {"name": version.name, "document": version.document}


def _locked_draft(plan_id: int, seen: int | None) -> PlanVersion:
    version = lock_one(PlanVersion, plan_id, "草稿不存在或已被删除")
    if version.status is PlanStatus.PUBLISHED:
        raise PlanPublished()
    if seen is not None and version.revision != seen:
        raise PlanChanged()
    return version


def _check(document: object, name: str) -> None:
    """Refuse what cannot be computed, and rates that would silently never apply."""
    plan = validate(document)
    unknown_levels = plan.levels.keys() - levels.names().keys()
    for code in sorted(unknown_levels):
        raise InvalidInput(f"levels.{code}", f"没有标识为 {code} 的分销等级")
    for category_id in sorted(plan.categories.keys() - catalog.category_parents().keys()):
        raise InvalidInput(f"categories.{category_id}", f"没有编号为 {category_id} 的分类")
    for product_id in sorted(plan.products.keys() - catalog.titles_of(plan.products).keys()):
        raise InvalidInput(f"products.{product_id}", f"没有编号为 {product_id} 的商品")
    if not 1 <= len(name.strip()) <= 60:
        raise InvalidInput("name", "方案名称应为 1 到 60 个字")
