"""When a report comes, and which days it is about. Plain arithmetic of the calendar."""

import calendar
from datetime import date, datetime, time, timedelta

from app.core import clock
from app.reports.boards import Compare, Span
from app.reports.subscriptions.models import Cadence, Period

# As many missed turns are sent late as people will read; older ones are left out.
CAUGHT_UP_MAX = 7
_LOOKED_BACK = timedelta(days=62)


def turns(
    cadence: Cadence, on_day: int, hour: int, *, since: datetime, now: datetime
) -> list[date]:
    """The days in Shanghai whose turn came after `since` and by `now`, the oldest first."""
    day = clock.local(max(since, now - _LOOKED_BACK)).date()
    last = clock.local(now).date()
    found = []
    while day <= last:
        if _is_turn(cadence, on_day, day) and since < moment(day, hour) <= now:
            found.append(day)
        day += timedelta(days=1)
    return found[-CAUGHT_UP_MAX:]


def following(cadence: Cadence, on_day: int, hour: int, now: datetime) -> datetime:
    """When it comes next."""
    day = clock.local(now).date()
    while not (_is_turn(cadence, on_day, day) and moment(day, hour) > now):
        day += timedelta(days=1)
    return moment(day, hour)


def moment(day: date, hour: int) -> datetime:
    return clock.as_utc(datetime.combine(day, time(hour), clock.SHANGHAI))


def span_of(period: Period, turn: date, compare: Compare) -> Span:
    """The whole days that a report of this day is about: nothing is shown half."""
    last = turn - timedelta(days=1)
    if period is Period.LAST_MONTH:
        last = turn.replace(day=1) - timedelta(days=1)
    if period in (Period.MONTH, Period.LAST_MONTH):
        return Span(last.replace(day=1), last, compare)
    if period is Period.YEAR:
        return Span(last.replace(month=1, day=1), last, compare)
    return Span(last - timedelta(days=int(period.value) - 1), last, compare)


def _is_turn(cadence: Cadence, on_day: int, day: date) -> bool:
    if cadence is Cadence.DAILY:
        return True
    if cadence is Cadence.WEEKLY:
        return day.weekday() == on_day
    return day.day == min(on_day, calendar.monthrange(day.year, day.month)[1])
