from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import audit, outbox
from app.core import reasons
from app.core.db import db, require_transaction
from app.core.errors import DomainError, IllegalMove, InvalidInput, NotFound
from app.core.rows import add_once, lock_one
from app.distribution.levels import queries
from app.distribution.levels.ladder import (
    BASE,
    BASE_CODE,
    CODE,
    Figures,
    Level,
    Span,
    check_order,
    make_ladder,
    read_conditions,
    read_keep,
)
from app.distribution.levels.models import (
    FOREVER,
    RANK_MAX,
    Cause,
    DistributorLevel,
    LevelChange,
    LevelTag,
)
from app.distribution.models import Distributor, DistributorStatus

# The official account has 100 tags for everything, a person at most 20.
LEVELS_MAX = 20
NAME_CHARS_MAX = 10
# wechat.md, section 6: a tag's name is refused beyond this (45158).
NAME_BYTES_MAX = 30
BENEFITS_CHARS_MAX = 300
# Tags that are somebody else's: ours for all distributors, and WeChat's own.
_TAKEN_NAMES = frozenset({"分销员", "星标组", "黑名单", "默认组"})


class LevelInUse(DomainError):
    """Orders, plans and histories name its code."""

    code = "level_in_use"
    message = "有分销员正处于或曾处于这个等级，不能删除；不再使用时可以停用"


@dataclass(frozen=True)
class LevelInput:
    """What an admin says of a level. `conditions` and `keep` are documents.

    The base level takes a name and benefits only.
    """

    name: str
    rank: int = 0
    benefits: str = ""
    conditions: Mapping[str, Any] = field(default_factory=dict)
    keep: Mapping[str, Any] = field(default_factory=dict)


def save(code: str, given: LevelInput, *, is_new: bool, actor: audit.Actor, now: datetime) -> Level:
    """Make a level, or change one.

    Raises:
        NotFound: there is no such level, and `is_new` is False.
        InvalidInput: a field cannot be stored; it is named.
    """
    require_transaction()
    rows = _locked()
    row = rows.get(code)
    if not is_new and row is None and code != BASE_CODE:
        raise NotFound("没有这个等级")
    if is_new:
        _check_new(code, rows)
    level = _read(code, given, is_active=row.is_active if row else True)
    others = {key: other.level() for key, other in rows.items() if key != code}
    _check_among(level, others)
    before = None if row is None else _facts(row.level())
    if code == BASE_CODE and row is None:
        before = _facts(BASE)
    made = row or DistributorLevel(code=code)
    made.name, made.rank, made.benefits = level.name, level.rank, level.benefits
    made.conditions, made.keep = level.conditions.document(), level.keep.document()
    made.is_active, made.updated_at = level.is_active, now
    if row is None and not add_once(made):
        # Somebody made one of this code, name or rank at the same moment.
        raise InvalidInput("name", "等级标识、名称或级别序号已被占用，请刷新后重试")
    db.session.flush()
    if code != BASE_CODE and not db.session.scalar(
        sa.select(LevelTag.id).filter_by(name=level.name)
    ):
        add_once(LevelTag(name=level.name))
    _audit("level.save", made, actor, now, before, _facts(level))
    return level


def switch(code: str, *, is_active: bool, actor: audit.Actor, now: datetime) -> None:
    """Switch a level on or off. Who stands on it stays there.

    Raises NotFound, InvalidInput (the base level; or switched on, it no longer fits).
    """
    require_transaction()
    rows = _locked()
    if code == BASE_CODE:
        raise InvalidInput("is_active", "基础等级不能停用")
    if code not in rows:
        raise NotFound("没有这个等级")
    row = rows[code]
    if row.is_active is is_active:
        return
    row.is_active = is_active
    if is_active:
        check_order(other.level() for other in rows.values())
        _check_team(row.level())
    row.updated_at = now
    _audit("level.switch", row, actor, now, {"is_active": not is_active}, {"is_active": is_active})


def remove(code: str, *, actor: audit.Actor, now: datetime) -> None:
    """Delete a level that nobody ever held. Raises NotFound, InvalidInput, LevelInUse."""
    require_transaction()
    if code == BASE_CODE:
        raise InvalidInput("code", "基础等级不能删除")
    row = _locked().get(code)
    if row is None:
        raise NotFound("没有这个等级")
    held = sa.select(Distributor.id).filter_by(level=code).limit(1)
    passed = (
        sa.select(LevelChange.id)
        .where(sa.or_(LevelChange.from_level == code, LevelChange.to_level == code))
        .limit(1)
    )
    if db.session.scalar(held) is not None or db.session.scalar(passed) is not None:
        raise LevelInUse()
    _audit("level.remove", row, actor, now, _facts(row.level()), None)
    db.session.delete(row)
    db.session.flush()


def lock(member_id: int) -> Distributor | None:
    """The distributor, locked and freshly read, before figures are computed for a step."""
    require_transaction()
    return db.session.scalar(
        sa.select(Distributor)
        .filter_by(member_id=member_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def lift(
    distributor: Distributor, to: Level, *, figures: Figures, now: datetime
) -> LevelChange | None:
    """Raise a locked distributor whose figures reach `to`; None if it is gone meanwhile."""
    if _rank_of(distributor.level) >= to.rank or not _hold(to):
        return None
    return _step(
        distributor,
        to,
        LevelChange(
            cause=Cause.EVENT,
            figures=asdict(figures),
            actor=audit.Actor.system("levels").ref,
            at=now,
        ),
    )


def lower(
    distributor: Distributor, to: Level, *, span: Span, figures: Figures, now: datetime
) -> LevelChange:
    """Lower a locked distributor who missed the keep rule of a period."""
    change = _step(
        distributor,
        to,
        LevelChange(
            cause=Cause.PERIOD,
            period=span.label,
            figures=asdict(figures),
            actor=audit.Actor.system("levels").ref,
            at=now,
        ),
    )
    # The step belongs to the period's end, however late the job ran.
    distributor.level_since = distributor.level_counts_from = span.end
    distributor.level_reviewed_until = span.end
    return change


def mark_reviewed(distributor: Distributor, span: Span) -> None:
    """A locked distributor kept the level in this period."""
    distributor.level_reviewed_until = span.end


def assign(
    distributor_id: int,
    code: str,
    *,
    reason: str,
    until: datetime | None,
    actor: audit.Actor,
    now: datetime,
) -> LevelChange:
    """Give a distributor a level by hand (调整等级), kept until a time, or for ever.

    A lower one lets sales count anew from now on.

    Raises:
        NotFound: no such distributor.
        IllegalMove: neither approved nor suspended.
        InvalidInput: no reason, a level that is none or switched off, a past time.
    """
    distributor = lock_one(Distributor, distributor_id, "分销员不存在")
    if distributor.status not in (DistributorStatus.APPROVED, DistributorStatus.SUSPENDED):
        raise IllegalMove(state=distributor.status.value)
    level = queries.ladder().get(code)
    if level is None or not level.is_active or not _hold(level):
        raise InvalidInput("level", "请选择启用中的等级")
    said = reasons.given(reason, "请填写调整原因")
    if until is not None and until <= now:
        raise InvalidInput("until", "保留到的日期应晚于今天")
    before = {"level": distributor.level, "kept_until": _said(distributor.level_kept_until)}
    kept_until = until or FOREVER
    is_lower = level.rank < _rank_of(distributor.level)
    change = _step(
        distributor,
        level,
        LevelChange(
            cause=Cause.ADMIN,
            reason=said,
            kept_until=kept_until,
            actor=actor.ref,
            at=now,
        ),
    )
    distributor.level_kept_until = kept_until
    if is_lower:
        distributor.level_counts_from = now
    audit.record(
        "distributor.level",
        subject="distributor",
        subject_id=distributor.id,
        actor=actor,
        now=now,
        before=before,
        after={"level": level.code, "kept_until": _said(kept_until)},
        reason=said,
    )
    return change


def _step(distributor: Distributor, to: Level, change: LevelChange) -> LevelChange:
    is_up = to.rank > _rank_of(distributor.level)
    change.distributor_id = distributor.id
    change.from_level, change.to_level = distributor.level, to.code
    if distributor.level != to.code:
        distributor.level_since = change.at
    distributor.level = to.code
    db.session.add(change)
    db.session.flush()
    if is_up:
        outbox.publish("level_reached", change.id, now=change.at)
    return change


def _rank_of(code: str) -> int:
    return queries.ladder().at(code).rank


def _hold(level: Level) -> bool:
    """Lock the level itself, so that it is not deleted under who steps on it."""
    if level.is_base:
        return True
    row = db.session.scalar(
        sa.select(DistributorLevel)
        .filter_by(code=level.code)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return row is not None and row.is_active


def _locked() -> dict[str, DistributorLevel]:
    """Every level, locked: the rules compare each with all others."""
    rows = db.session.scalars(
        sa.select(DistributorLevel)
        .order_by(DistributorLevel.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.code: row for row in rows}


def _check_new(code: str, rows: Mapping[str, DistributorLevel]) -> None:
    if not CODE.fullmatch(code):
        raise InvalidInput("code", "标识应为 1 到 20 位小写字母、数字或下划线，以字母开头")
    if code in rows or code == BASE_CODE:
        raise InvalidInput("code", "这个标识已被使用")
    if len(rows) >= LEVELS_MAX:
        raise InvalidInput("code", f"等级最多 {LEVELS_MAX} 个")


def _read(code: str, given: LevelInput, *, is_active: bool) -> Level:
    name, benefits = given.name.strip(), given.benefits.strip()
    if not 1 <= len(name) <= NAME_CHARS_MAX or len(name.encode()) > NAME_BYTES_MAX:
        raise InvalidInput(
            "name", f"等级名称应为 1 到 {NAME_CHARS_MAX} 个字（它同时是公众号的标签名）"
        )
    if not name.isprintable() or name in _TAKEN_NAMES:
        raise InvalidInput("name", f"“{name}”不能用作等级名称，请换一个")
    if len(benefits) > BENEFITS_CHARS_MAX:
        raise InvalidInput("benefits", f"等级权益最多 {BENEFITS_CHARS_MAX} 个字")
    if code == BASE_CODE:
        if given.conditions or given.keep:
            raise InvalidInput("conditions", "基础等级没有升级和保级条件")
        return Level(code, name, 0, benefits)
    if not 1 <= given.rank <= RANK_MAX:
        raise InvalidInput("rank", f"级别序号应为 1 到 {RANK_MAX}，越大等级越高")
    level = Level(
        code,
        name,
        given.rank,
        benefits,
        read_conditions(given.conditions),
        read_keep(given.keep),
        is_active,
    )
    _check_team(level)
    return level


def _check_team(level: Level) -> None:
    if level.conditions.asks_for_team and not queries.allows_team():
        raise InvalidInput(
            "conditions.team_sales_fen",
            "按团队业绩或人数升级有合规风险，本服务器没有开启（COMPLIANCE_ALLOW_TEAM_BONUS）",
        )


def _check_among(level: Level, others: Mapping[str, Level]) -> None:
    ladder = make_ladder([*others.values(), level], allows_team=queries.allows_team())
    for other in ladder.levels:
        if other.code == level.code:
            continue
        if other.name == level.name:
            raise InvalidInput("name", f"已有名为“{level.name}”的等级")
        if other.rank == level.rank:
            raise InvalidInput("rank", f"级别序号 {level.rank} 已被“{other.name}”使用")
    check_order(ladder.levels)


def _facts(level: Level) -> dict[str, Any]:
    return {
        "level_code": level.code,
        "name": level.name,
        "level_rank": level.rank,
        "benefits": level.benefits,
        "conditions": level.conditions.document(),
        "keep": level.keep.document(),
        "is_active": level.is_active,
    }


def _audit(
    action: str,
    row: DistributorLevel,
    actor: audit.Actor,
    now: datetime,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    audit.record(
        action,
        subject="level",
        subject_id=row.id,
        actor=actor,
        now=now,
        before=before,
        after=after,
    )


def _said(until: datetime | None) -> str | None:
    return None if until is None else until.isoformat()
