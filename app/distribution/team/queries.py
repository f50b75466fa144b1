import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from app.core import clock
from app.core.db import db
from app.distribution.team.models import TeamFigure
from app.members import Member

T = TypeVar("T")

TREND_DAYS = 30
NAME_MAX = 20
# Beyond this a page says "99+": nobody counts a crowd for it.
QUIET_MAX = 100
_COLUMNS: dict[int, InstrumentedAttribute[int | None]] = {
    1: Member.upline1_id,
    2: Member.upline2_id,
    3: Member.upline3_id,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Sort(enum.StrEnum):
    """How a list of the team is ordered, or what of it is shown."""

    JOINED = "joined"  # newest first
    SALES = "sales"  # who bought, the most first
    EARNED = "earned"  # who was earned from, the most first
    QUIET = "quiet"  # came and has not bought (来过未下单), newest first


@dataclass(frozen=True)
class Cursor:
    """The last row of the page before: what it was sorted by, and its member."""

    value: int
    member_id: int

    def __str__(self) -> str:
        return f"{self.value}.{self.member_id}"

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """None for the first page and for nonsense."""
        value, _, member_id = text.partition(".")
        if not all(
            part.isascii() and part.isdigit() and len(part) < 19 for part in (value, member_id)
        ):
            return None
        return cls(int(value), int(member_id))


FIRST: Cursor | None = None


@dataclass(frozen=True)
class Row:
    """Somebody in the team with what they brought, in fen."""

    member: Member
    orders: int = 0
    sales_fen: int = 0
    earned_fen: int = 0


@dataclass(frozen=True)
class TeamPage:
    """A slice of the team; `after` fetches what follows, empty at the end."""

    items: Sequence[Row]
    after: str


@dataclass(frozen=True)
class Counts:
    """Who joined lately at one depth; `days` are the last 30 in Asia/Shanghai, today last."""

    today: int
    week: int
    month: int
    days: Sequence[tuple[date, int]]


def page(
    upline_id: int,
    depth: int,
    *,
    sort: Sort = Sort.JOINED,
    name: str = "",
    after: str = "",
    size: int = 20,
) -> TeamPage:
    """The members at one depth (1 to 3) below. A `name` looks among all of them, newest first."""
    cursor = Cursor.read(after)
    if sort in (Sort.SALES, Sort.EARNED) and not name:
        return _by_figure(upline_id, depth, sort, cursor, size)
    return _by_joining(upline_id, depth, sort, name, cursor, size)


def sales(upline_id: int) -> dict[int, int]:
    """What each depth of a team bought and kept, in fen; depths without sales are left out."""
    rows = db.session.execute(
        sa.select(TeamFigure.depth, sa.func.sum(TeamFigure.sales_fen))
        .where(TeamFigure.upline_id == upline_id, TeamFigure.sales_fen > 0)
        .group_by(TeamFigure.depth)
    )
    return {depth: int(total) for depth, total in rows}


def counts(upline_id: int, depth: int, *, now: datetime) -> Counts:
    """Who joined today, this week (from Monday), this month, and on each of 30 days."""
    today = clock.local(now).date()
    first = min(today - timedelta(days=TREND_DAYS - 1), today.replace(day=1))
    days = [first + timedelta(days=back) for back in range((today - first).days + 1)]
    starts = [_midnight(day) for day in days]
    joined = Member.bound_at
    # Engines disagree on time zones and date functions, never on CASE.
    bucket = sa.case(
        *((joined >= start, index) for index, start in reversed(list(enumerate(starts)))),
        else_=0,
    ).label("bucket")
    rows = db.session.execute(
        sa.select(bucket, sa.func.count())
        .where(_COLUMNS[depth] == upline_id, joined >= starts[0])
        .group_by(sa.literal_column("bucket"))
    )
    found = {int(index): int(count) for index, count in rows}
    by_day = [(day, found.get(index, 0)) for index, day in enumerate(days)]
    monday, month = today - timedelta(days=today.weekday()), today.replace(day=1)
    return Counts(
        today=by_day[-1][1],
        week=sum(count for day, count in by_day if day >= monday),
        month=sum(count for day, count in by_day if day >= month),
        days=by_day[-TREND_DAYS:],
    )


def quiet_count(upline_id: int, depth: int) -> int:
    """How many at this depth came and have not bought, counted up to `QUIET_MAX`."""
    members = sa.select(Member.id).where(_COLUMNS[depth] == upline_id)
    some = _without_buyers(members, upline_id, depth).limit(QUIET_MAX).subquery()
    return db.session.scalars(sa.select(sa.func.count()).select_from(some)).one()


def _without_buyers(query: sa.Select[T], upline_id: int, depth: int) -> sa.Select[T]:
    """Those of these members who have not bought.

    By an outer join, which looks each of them up and ends with the page; what does not
    exist MariaDB finds by reading all who bought first.
    """
    bought = sa.and_(
        TeamFigure.upline_id == upline_id,
        TeamFigure.depth == depth,
        TeamFigure.member_id == Member.id,
        TeamFigure.orders > 0,
    )
    return query.outerjoin(TeamFigure, bought).where(TeamFigure.member_id.is_(None))


def _by_joining(
    upline_id: int, depth: int, sort: Sort, name: str, cursor: Cursor | None, size: int
) -> TeamPage:
    query = sa.select(Member).where(_COLUMNS[depth] == upline_id)
    if cursor is not None:
        at = _EPOCH + cursor.value * _MICROSECOND
        # The first condition is what the index is entered with.
        query = query.where(
            Member.bound_at <= at, sa.or_(Member.bound_at < at, Member.id < cursor.member_id)
        )
    if name:
        query = query.where(
            Member.nickname.contains(name[:NAME_MAX], autoescape=True), Member.erased_at.is_(None)
        )
    elif sort is Sort.QUIET:
        query = _without_buyers(query, upline_id, depth)
    ordered = query.order_by(Member.bound_at.desc(), Member.id.desc()).limit(size + 1)
    found = db.session.scalars(ordered).all()
    shown = found[:size]
    figures = _figures(upline_id, depth, [member.id for member in shown])
    after = ""
    if len(found) > size and shown[-1].bound_at is not None:
        after = str(Cursor((shown[-1].bound_at - _EPOCH) // _MICROSECOND, shown[-1].id))
    return TeamPage([_row(member, figures.get(member.id)) for member in shown], after)


def _by_figure(
    upline_id: int, depth: int, sort: Sort, cursor: Cursor | None, size: int
) -> TeamPage:
    value = TeamFigure.sales_fen if sort is Sort.SALES else TeamFigure.earned_fen
    query = sa.select(TeamFigure).where(
        TeamFigure.upline_id == upline_id, TeamFigure.depth == depth, value > 0
    )
    if cursor is not None:
        query = query.where(
            value <= cursor.value,
            sa.or_(value < cursor.value, TeamFigure.member_id < cursor.member_id),
        )
    found = db.session.scalars(
        query.order_by(value.desc(), TeamFigure.member_id.desc()).limit(size + 1)
    ).all()
    shown = found[:size]
    members = {
        member.id: member
        for member in db.session.scalars(
            sa.select(Member).where(
                Member.id.in_([row.member_id for row in shown]),
                # Who moved to another team left their figures behind.
                _COLUMNS[depth] == upline_id,
            )
        )
    }
    after = ""
    if len(found) > size:
        after = str(Cursor(getattr(shown[-1], value.key), shown[-1].member_id))
    rows = [_row(members[row.member_id], row) for row in shown if row.member_id in members]
    return TeamPage(rows, after)


def _figures(upline_id: int, depth: int, member_ids: Iterable[int]) -> dict[int, TeamFigure]:
    rows = db.session.scalars(
        sa.select(TeamFigure).where(
            TeamFigure.upline_id == upline_id,
            TeamFigure.depth == depth,
            TeamFigure.member_id.in_(list(member_ids)),
        )
    )
    return {row.member_id: row for row in rows}


def _row(member: Member, figure: TeamFigure | None) -> Row:
    if figure is None:
        return Row(member)
    return Row(member, figure.orders, figure.sales_fen, figure.earned_fen)


def _midnight(day: date) -> datetime:
    return clock.as_utc(datetime(day.year, day.month, day.day, tzinfo=clock.SHANGHAI))
