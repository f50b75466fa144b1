"""Bonus programmes and their versions: drafted, published by somebody else, stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import audit
from app.commission.bonus import rules
from app.commission.bonus.models import BonusProgram, BonusVersion, VersionStatus
from app.commission.bonus.rules import Period, Program, Span
from app.core import reasons
from app.core.db import db, require_transaction
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.rows import lock_one
from app.distribution import levels

S = VersionStatus
NAME_MAX, NOTE_MAX = 30, 200
# How far ahead a version may begin.
STARTS_MAX = 4


class OwnBonus(DomainError):
    """Four eyes: what is paid is money."""

    code = "own_bonus"
    message = "不能发布自己保存的返利规则，请由另一位管理员核对并发布"


class BonusPublished(DomainError):
    """Members count on it: it stays as it was published."""

    code = "bonus_published"
    message = "这个版本已经发布，不能再修改；需要调整请另存新版本"


class BonusChanged(DomainError):
    """Somebody else saved the draft after it was opened here."""

    code = "bonus_changed"
    message = "草稿刚刚被别人改过，请先看过新的内容"


class BonusStopped(DomainError):
    """Nobody is paid by it any more, whatever its rules."""

    code = "bonus_stopped"
    message = "这个返利已停止，不能再修改或发布；需要时请新建"


@dataclass(frozen=True)
class BonusInput:
    """What an admin says of a bonus. `document` holds the rules."""

    name: str
    document: Mapping[str, Any]
    note: str = ""


def draft(
    program_id: int | None, given: BonusInput, *, seen: int, actor: audit.Actor, now: datetime
) -> BonusVersion:
    """Save the draft of a new bonus, or of the next version of one.

    `seen` is the revision that was on the screen, 0 where there was no draft. Whoever
    saves last stands behind the whole of it, and cannot publish it.

    Raises NotFound, BonusStopped, BonusChanged, InvalidInput naming the field.
    """
    require_transaction()
    if program_id is None:
        program = BonusProgram(created_at=now)
        db.session.add(program)
        db.session.flush()
    else:
        program = _running(program_id)
    version = draft_of(program.id)
    if (version.revision if version else 0) != seen:
        raise BonusChanged()
    _check(program.id, given)
    before = facts(version) if version else None
    if version is None:
        version = BonusVersion(
            program_id=program.id, draft_of=program.id, status=S.DRAFT, revision=0
        )
        db.session.add(version)
    version.name, version.note = given.name.strip(), given.note.strip()
    version.document = dict(given.document)
    version.revision += 1
    version.drafted_by, version.drafted_at = actor.ref, now
    db.session.flush()
    _audit("bonus.draft", program.id, actor, now, before=before, after=facts(version))
    return version


def throw_away(program_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Delete the draft; a bonus that was never published goes with it. Raises NotFound."""
    program = _locked(program_id)
    version = _draft(program_id)
    _audit("bonus.remove", program_id, actor, now, before=facts(version))
    db.session.delete(version)
    db.session.flush()
    if not versions_of(program_id):
        db.session.delete(program)


def publish(
    program_id: int, *, effective_from: datetime, seen: int, actor: audit.Actor, now: datetime
) -> BonusVersion:
    """Put the draft in force from the beginning of a period; a second person does it.

    Raises NotFound, BonusStopped, OwnBonus, BonusChanged, InvalidInput (not the
    beginning of a period that may still be chosen; or the rules no longer fit this
    server).
    """
    _running(program_id)
    version = _draft(program_id)
    if version.revision != seen:
        raise BonusChanged()
    if version.drafted_by == actor.ref:
        raise OwnBonus()
    if effective_from not in [span.start for span in starts(version, now)]:
        raise InvalidInput("effective_from", "请选择还没有开始的周期")
    _check(program_id, BonusInput(version.name, version.document, version.note))
    version.status, version.draft_of = S.PUBLISHED, None
    version.effective_from, version.published_by, version.published_at = (
        effective_from,
        actor.ref,
        now,
    )
    after = {"version": version.id, "effective_from": effective_from.isoformat()}
    _audit("bonus.publish", program_id, actor, now, after=after)
    return version


def stop(program_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> None:
    """Pay no period that begins from now on; the present one still is.

    Raises NotFound, InvalidInput.
    """
    program = _locked(program_id)
    said = reasons.given(reason, "请填写停止的原因")
    if program.stopped_at is not None:
        return
    program.stopped_at = now
    _audit("bonus.stop", program_id, actor, now, reason=said)


# --- reading -----------------------------------------------------------------------


def program_of(version: BonusVersion) -> Program:
    """The rules of a stored version."""
    return rules.read_program(version.document)


def draft_of(program_id: int) -> BonusVersion | None:
    return db.session.scalar(sa.select(BonusVersion).filter_by(draft_of=program_id))


def versions_of(program_id: int) -> Sequence[BonusVersion]:
    """The published versions, the newest first."""
    return db.session.scalars(
        sa.select(BonusVersion)
        .filter_by(program_id=program_id, status=S.PUBLISHED)
        .order_by(BonusVersion.effective_from.desc(), BonusVersion.id.desc())
    ).all()


def version_for(program_id: int, span: Span) -> BonusVersion | None:
    """The version that pays a period: the newest in force when it began."""
    return next(
        (v for v in versions_of(program_id) if v.effective_from and v.effective_from <= span.start),
        None,
    )


def starts(version: BonusVersion, now: datetime) -> list[Span]:
    """Periods from which a draft may be in force.

    The rules of a period that has begun do not change; the first version alone may
    still reach back to the beginning of the present one, which takes nothing away.
    """
    period = program_of(version).period
    span = rules.span_at(period, now)
    found = [] if version_for(version.program_id, span) else [span]
    while len(found) < STARTS_MAX:
        span = rules.span_after(period, span)
        found.append(span)
    return found


def names_level(code: str) -> bool:
    """Whether any version asks for this level."""
    documents = db.session.scalars(sa.select(BonusVersion.document))
    return any(doc.get("conditions", {}).get("min_level") == code for doc in documents)


def facts(version: BonusVersion) -> dict[str, Any]:
    return {"name": version.name, "note": version.note, "document": version.document}


def _draft(program_id: int) -> BonusVersion:
    version = db.session.scalar(
        sa.select(BonusVersion)
        .filter_by(draft_of=program_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if version is None:
        raise NotFound("草稿不存在或已被删除")
    return version


def _locked(program_id: int) -> BonusProgram:
    require_transaction()
    return lock_one(BonusProgram, program_id, "返利不存在")


def _running(program_id: int) -> BonusProgram:
    program = _locked(program_id)
    if program.stopped_at is not None:
        raise BonusStopped()
    return program


def _check(program_id: int, given: BonusInput) -> None:
    if not 1 <= len(given.name.strip()) <= NAME_MAX:
        raise InvalidInput("name", f"名称应为 1 到 {NAME_MAX} 个字")
    if len(given.note.strip()) > NOTE_MAX:
        raise InvalidInput("note", f"说明最多 {NOTE_MAX} 个字")
    program = rules.read_program(given.document)
    rules.check_allowed(program, allow_team=levels.allows_team())
    level = program.conditions.min_level
    if level and levels.ladder().get(level) is None:
        raise InvalidInput("conditions.min_level", "请选择现有的等级")
    period = period_of(program_id)
    if period is not None and program.period is not period:
        raise InvalidInput("period", "已发布的返利不能改变周期，请另建一个")


def period_of(program_id: int) -> Period | None:
    """The period of a bonus, once it was published."""
    published = versions_of(program_id)
    return program_of(published[0]).period if published else None


def _audit(
    action: str,
    program_id: int,
    actor: audit.Actor,
    now: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    audit.record(
        action,
        subject="bonus",
        subject_id=program_id,
        actor=actor,
        now=now,
        before=before,
        after=after,
        reason=reason,
    )
