"""When matured commissions are paid into wallets (结算周期), on Asia/Shanghai's calendar.

A settlement takes what matured by the newest payday that has come (`cutoff`), and a
distributor is told the first payday from the maturity on (`payday`): the two are one
rule seen from both sides. Nothing is remembered of paydays, so that one which no
scheduler was awake for is caught up by the next run, whatever day that is.
"""

import calendar
import enum
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from app import settings
from app.core import clock
from app.settings import registry


class Cycle(enum.StrEnum):
    """How often wallets are filled; the values of the setting."""

    MATURED = "matured"  # with the next run, some minutes after it matured
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True)
class Rhythm:
    """The paydays of a shop: from 00:00 on every day, on `weekday` (1 is Monday), or on
    `month_day`, which is the last of a month that has fewer days."""

    cycle: Cycle
    weekday: int = 1
    month_day: int = 1

    def cutoff(self, now: datetime) -> datetime:
        """What matured until then is to be settled now."""
        if self.cycle is Cycle.MATURED:
            return clock.as_utc(now)
        return _midnight(self._newest(clock.local(now).date()))

    def payday(self, matures_at: datetime) -> datetime:
        """The first payday at which something that matures then is settled."""
        newest = self.cutoff(matures_at)
        if newest == matures_at:
            return newest
        return _midnight(self._following(clock.local(newest).date()))

    def _newest(self, today: date) -> date:
        match self.cycle:
            case Cycle.WEEKLY:
                return today - timedelta(days=(today.isoweekday() - self.weekday) % 7)
            case Cycle.MONTHLY:
                found = self._in_month(today)
                return found if found <= today else self._in_month(_last_month(today))
        return today

    def _following(self, payday: date) -> date:
        match self.cycle:
            case Cycle.WEEKLY:
                return payday + timedelta(days=7)
            case Cycle.MONTHLY:
                return self._in_month(payday.replace(day=28) + timedelta(days=4))
        return payday + timedelta(days=1)

    def _in_month(self, of: date) -> date:
        last = calendar.monthrange(of.year, of.month)[1]
        return of.replace(day=min(self.month_day, last))


def in_force() -> Rhythm:
    """The shop's rhythm now. A change holds for everything that is not settled yet."""
    cycle, weekday, month_day = settings.several(
        registry.SETTLE_CYCLE, registry.SETTLE_WEEKDAY, registry.SETTLE_MONTH_DAY
    )
    return Rhythm(Cycle(str(cycle)), int(weekday), int(month_day))


def _last_month(of: date) -> date:
    return of.replace(day=1) - timedelta(days=1)


def _midnight(of: date) -> datetime:
    return clock.as_utc(datetime.combine(of, time(), clock.SHANGHAI))
