from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from app.core.db import db
from app.core.pages import Page, newest_first
from app.risk.models import RiskFlag, RiskFlagMember, RiskState


def held() -> sa.Select[int]:
    """Members whose commissions wait for a person, as a subquery for the settlement."""
    return (
        sa.select(RiskFlagMember.member_id)
        .join(RiskFlag, RiskFlag.id == RiskFlagMember.flag_id)
        .where(RiskFlag.state == RiskState.OPEN, RiskFlagMember.is_held)
    )


def is_held(member_id: int) -> bool:
    """Whether this member's commissions wait for a person."""
    one = held().where(RiskFlagMember.member_id == member_id).limit(1)
    return db.session.scalar(one) is not None


def queue(state: RiskState | None, *, before: int | None = None, size: int = 20) -> Page[RiskFlag]:
    """Flags by state, newest first; all of them for None."""
    query = sa.select(RiskFlag)
    if state is not None:
        query = query.filter_by(state=state)
    return newest_first(query, RiskFlag.id, before=before, size=size)


def of_member(member_id: int, *, limit: int = 20) -> Sequence[RiskFlag]:
    """What was ever found about a member, newest first."""
    return db.session.scalars(
        sa.select(RiskFlag)
        .join(RiskFlagMember, RiskFlagMember.flag_id == RiskFlag.id)
        .where(RiskFlagMember.member_id == member_id)
        .order_by(RiskFlag.id.desc())
        .limit(limit)
    ).all()


def named_in(flag_ids: Iterable[int]) -> dict[int, list[RiskFlagMember]]:
    """Who each flag is about; whose money is held comes first."""
    found: dict[int, list[RiskFlagMember]] = {}
    rows = db.session.scalars(
        sa.select(RiskFlagMember)
        .where(RiskFlagMember.flag_id.in_(set(flag_ids)))
        .order_by(RiskFlagMember.is_held.desc(), RiskFlagMember.member_id)
    )
    for row in rows:
        found.setdefault(row.flag_id, []).append(row)
    return found


def counts() -> dict[RiskState, int]:
    rows = db.session.execute(sa.select(RiskFlag.state, sa.func.count()).group_by(RiskFlag.state))
    return dict(rows.all())


def waiting() -> tuple[int, datetime | None]:
    """How many wait for a person, and since when the oldest does."""
    count, oldest = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(RiskFlag.found_at)).where(
            RiskFlag.state == RiskState.OPEN
        )
    ).one()
    return count, oldest
