from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from app.core.db import Rows, db
from app.distribution.levels.ladder import Ladder, Period, last_period, make_ladder
from app.distribution.levels.models import Cause, DistributorLevel, LevelChange, LevelTag
from app.distribution.models import Distributor, DistributorStatus
from app.members import Member

_allows_team = False


def configure(*, allow_team: bool) -> None:
    """Set whether this server may ask for what a team does; see compliance.md."""
    global _allows_team
    _allows_team = allow_team


def allows_team() -> bool:
    return _allows_team


def ladder() -> Ladder:
    """Every level, the lowest first, as it stands now."""
    rows = db.session.scalars(sa.select(DistributorLevel))
    return make_ladder((row.level() for row in rows), allows_team=_allows_team)


def names() -> dict[str, str]:
    """The name of each level by its code, for pages that show what was stored."""
    return ladder().names


def holders() -> dict[str, int]:
    """How many approved distributors stand on each level."""
    rows = db.session.execute(
        sa.select(Distributor.level, sa.func.count())
        .where(Distributor.status == DistributorStatus.APPROVED)
        .group_by(Distributor.level)
    )
    return dict(rows.all())


def changes_of(distributor_id: int, *, limit: int = 50) -> Sequence[LevelChange]:
    """The newest steps of one distributor."""
    return db.session.scalars(
        sa.select(LevelChange)
        .filter_by(distributor_id=distributor_id)
        .order_by(LevelChange.id.desc())
        .limit(limit)
    ).all()


def desk_changes(
    *,
    cause: Cause | None = None,
    to_level: str = "",
    among: Rows | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Rows:
    """Everybody's steps, or what they are narrowed to, as the panel's list reads them.

    `among` has the members whose steps are meant.
    """
    query: Rows = sa.select(LevelChange)
    if cause is not None:
        query = query.where(LevelChange.cause == cause)
    if to_level:
        query = query.where(LevelChange.to_level == to_level)
    if among is not None:
        ids = among.with_only_columns(Member.id).order_by(None)
        seats = sa.select(Distributor.id).where(Distributor.member_id.in_(ids))
        query = query.where(LevelChange.distributor_id.in_(seats))
    if since is not None:
        query = query.where(LevelChange.at >= since)
    if until is not None:
        query = query.where(LevelChange.at < until)
    return query


def change_by_id(change_id: int) -> LevelChange:
    """The step that a piece of news is about."""
    return db.session.get_one(LevelChange, change_id)


def due_for_review(
    now: datetime, *, only: int | None = None, after_id: int = 0, limit: int = 200
) -> list[int]:
    """Distributors whose keep rule is due: a whole period on the level has ended.

    `only` asks about one of them.

    What an admin gave is left alone for every period that it reaches into.
    """
    due = []
    for level in ladder().levels:
        if level.is_base or not level.is_active or level.keep.period is Period.NONE:
            continue
        span = last_period(level.keep.period, now)
        due.append(
            sa.and_(
                Distributor.level == level.code,
                _none_or(Distributor.level_since, span.start),
                _none_or(Distributor.level_kept_until, span.start),
                sa.or_(
                    Distributor.level_reviewed_until.is_(None),
                    Distributor.level_reviewed_until < span.end,
                ),
            )
        )
    if not due:
        return []
    query = sa.select(Distributor.id).where(
        Distributor.id > after_id,
        Distributor.status == DistributorStatus.APPROVED,
        sa.or_(*due),
    )
    if only is not None:
        query = query.where(Distributor.id == only)
    return list(db.session.scalars(query.order_by(Distributor.id).limit(limit)))


def following_openids() -> dict[str, set[str]]:
    """Openids of active distributors who follow the account, by the name of their level.

    Every active level above the base has a key, also one that nobody holds.
    """
    found: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for level in ladder().levels:
        if level.is_active and not level.is_base:
            names[level.code] = level.name
            found[level.name] = set()
    rows = db.session.execute(
        sa.select(Distributor.level, Member.openid)
        .join(Member, Member.id == Distributor.member_id)
        .where(
            Distributor.status == DistributorStatus.APPROVED,
            Distributor.level.in_(names),
            Member.is_subscribed,
        )
    )
    for code, openid in rows:
        found[names[code]].add(openid)
    return found


def own_tags() -> set[str]:
    """Every name that a level's tag has or had."""
    return set(db.session.scalars(sa.select(LevelTag.name)))


def _none_or(column: Mapped[datetime | None], at: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(column.is_(None), column <= at)
