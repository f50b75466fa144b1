"""Who sold or earned most this week or month (排行榜)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from app.core import clock
from app.core.db import db, require_transaction
from app.core.rows import affected
from app.distribution.team.models import RankingPeriod, RankingPlace
from app.members import Member

SHOWN = 50
# What ended longer ago is of no interest to anybody.
KEPT = timedelta(days=100)
_ROWS_AT_ONCE = 5_000


@dataclass(frozen=True)
class Ranking:
    """The first places with their people, and one's own place; None: none yet."""

    places: Sequence[tuple[RankingPlace, Member]]
    own: RankingPlace | None
    starts_on: date


def period_start(period: RankingPeriod, now: datetime) -> date:
    """Monday of this week, or the first of this month, in Asia/Shanghai."""
    today = clock.local(now).date()
    if period is RankingPeriod.WEEK:
        return today - timedelta(days=today.weekday())
    return today.replace(day=1)


def ranking(period: RankingPeriod, member_id: int, *, now: datetime) -> Ranking:
    """The ranking in force, as the job last computed it."""
    starts_on = period_start(period, now)
    rows = db.session.execute(
        sa.select(RankingPlace, Member)
        .join(Member, Member.id == RankingPlace.member_id)
        .where(RankingPlace.period == period, RankingPlace.starts_on == starts_on)
        .order_by(RankingPlace.place, RankingPlace.member_id)
        .limit(SHOWN)
    )
    own = db.session.get(RankingPlace, (period, starts_on, member_id))
    return Ranking([(place, member) for place, member in rows], own, starts_on)


def replace(
    period: RankingPeriod, starts_on: date, values: Mapping[int, int], *, now: datetime
) -> int:
    """Put these figures (fen by member) in order and in force; how many there are."""
    require_transaction()
    oldest = clock.local(now).date() - KEPT
    affected(
        sa.delete(RankingPlace).where(
            RankingPlace.period == period,
            sa.or_(RankingPlace.starts_on == starts_on, RankingPlace.starts_on < oldest),
        )
    )
    ordered = sorted(values.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = []
    place, last = 0, None
    for number, (member_id, fen) in enumerate(ordered, start=1):
        if fen != last:
            place, last = number, fen
        rows.append(
            {
                "period": period,
                "starts_on": starts_on,
                "member_id": member_id,
                "place": place,
                "value_fen": fen,
            }
        )
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        db.session.execute(sa.insert(RankingPlace), rows[start : start + _ROWS_AT_ONCE])
    return len(rows)
