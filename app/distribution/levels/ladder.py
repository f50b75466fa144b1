"""The ladder of levels (分销等级), pure: conditions, periods, who stands where.

No database and no clock. Amounts are integer fen, periods are calendar months and
quarters of Asia/Shanghai.
"""

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core import clock
from app.core.errors import InvalidInput

BASE_CODE = "normal"
CODE = re.compile(r"[a-z][a-z0-9_]{0,19}", re.ASCII)
LEAST_MAX = 1_000_000_000_00


class Match(enum.StrEnum):
    """Whether every condition must be met, or one of them."""

    ALL = "all"
    ANY = "any"


class Period(enum.StrEnum):
    """How often a level must be earned anew (保级周期)."""

    NONE = "none"
    MONTH = "month"
    QUARTER = "quarter"


class Metric(enum.StrEnum):
    """What a condition counts; see `Figures`."""

    OWN_SALES = "own_sales_fen"
    ORDERS = "orders"
    CUSTOMERS = "customers"
    TEAM_SALES = "team_sales_fen"
    TEAM_SIZE = "team_size"


# Pay by the team's doings is what the law on pyramid selling looks at first.
TEAM_METRICS = frozenset({Metric.TEAM_SALES, Metric.TEAM_SIZE})
# What they are called where a condition is refused; the panel uses the same words.
METRIC_TITLES: Mapping[Metric, str] = {
    Metric.OWN_SALES: "直推销售额",
    Metric.ORDERS: "直推订单数",
    Metric.CUSTOMERS: "成交客户数",
    Metric.TEAM_SALES: "团队销售额",
    Metric.TEAM_SIZE: "团队人数",
}


@dataclass(frozen=True)
class Figures:
    """What a distributor did: sales in fen after refunds, freight left out."""

    own_sales_fen: int = 0
    orders: int = 0
    customers: int = 0
    team_sales_fen: int = 0
    team_size: int = 0

    def of(self, metric: Metric) -> int:
        return int(getattr(self, metric.value))


@dataclass(frozen=True)
class Progress:
    """How far one condition is met."""

    metric: Metric
    have: int
    least: int

    @property
    def missing(self) -> int:
        return max(0, self.least - self.have)

    @property
    def percent(self) -> int:
        return 100 if self.least <= 0 else min(100, self.have * 100 // self.least)


@dataclass(frozen=True)
class Conditions:
    """What a level asks for. Without any it is given by an admin only."""

    match: Match = Match.ALL
    least: Mapping[Metric, int] = field(default_factory=dict)

    def hold(self, figures: Figures) -> bool:
        """Whether these figures are enough; never, where nothing is asked for."""
        met = [figures.of(metric) >= least for metric, least in self.least.items()]
        return bool(met) and (all(met) if self.match is Match.ALL else any(met))

    def progress(self, figures: Figures) -> list[Progress]:
        return [Progress(metric, figures.of(metric), n) for metric, n in self.least.items()]

    @property
    def asks_for_team(self) -> bool:
        return not TEAM_METRICS.isdisjoint(self.least)

    def just_enough(self) -> list[Figures]:
        """The smallest figures that meet these conditions."""
        given = {metric.value: n for metric, n in self.least.items()}
        if self.match is Match.ALL:
            return [Figures(**given)]
        return [Figures(**{name: n}) for name, n in given.items()]

    def document(self) -> dict[str, Any]:
        """As it is stored: `{"match": "any", "orders": 20}`."""
        return {"match": self.match.value, **{m.value: n for m, n in self.least.items()}}


@dataclass(frozen=True)
class Keep:
    """What must be done in each period to stay on a level (保级)."""

    period: Period = Period.NONE
    conditions: Conditions = Conditions()

    def document(self) -> dict[str, Any]:
        if self.period is Period.NONE:
            return {"period": Period.NONE.value}
        return {"period": self.period.value, **self.conditions.document()}


@dataclass(frozen=True)
class Level:
    """A level as the rules read it (分销等级)."""

    code: str
    name: str
    rank: int
    benefits: str = ""
    conditions: Conditions = Conditions()
    keep: Keep = Keep()
    is_active: bool = True

    @property
    def is_base(self) -> bool:
        return self.code == BASE_CODE


# Everybody who may earn stands on it; see the package's docstring.
BASE = Level(BASE_CODE, "普通分销员", 0, "分享商品，好友下单即得佣金")


@dataclass(frozen=True)
class Span:
    """A calendar period: its label, and from `start` to just before `end`."""

    label: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Ladder:
    """All levels, the lowest first; the base is always among them.

    `allows_team` is the compliance switch: while it is off, a level that asks for
    the team rests: nobody reaches it, nor falls from it.
    """

    levels: tuple[Level, ...]
    allows_team: bool = False

    def get(self, code: str) -> Level | None:
        return next((level for level in self.levels if level.code == code), None)

    def at(self, code: str) -> Level:
        """The level of this code, the base for one that is none of ours."""
        return self.get(code) or self.base

    @property
    def base(self) -> Level:
        return next(level for level in self.levels if level.is_base)

    @property
    def names(self) -> dict[str, str]:
        return {level.code: level.name for level in self.levels}

    def reachable(self, code: str) -> list[Level]:
        """The levels above `code` that may be reached by one's own doing, lowest first."""
        rank = self.at(code).rank
        return [
            level
            for level in self.levels
            if level.rank > rank
            and level.is_active
            and level.conditions.least
            and (self.allows_team or not level.conditions.asks_for_team)
        ]

    def reached(self, code: str, figures: Figures) -> Level | None:
        """The highest level above `code` whose conditions hold; None: stay."""
        met = [level for level in self.reachable(code) if level.conditions.hold(figures)]
        return met[-1] if met else None

    def below(self, code: str) -> Level:
        """One level down, over those that are switched off; never below the base."""
        rank = self.at(code).rank
        lower = [level for level in self.levels if level.rank < rank and level.is_active]
        return lower[-1] if lower else self.base

    @property
    def asks_for_team(self) -> bool:
        return self.allows_team and any(
            level.is_active and level.conditions.asks_for_team for level in self.levels
        )


def make_ladder(levels: Iterable[Level], *, allows_team: bool) -> Ladder:
    """The ladder of the stored levels; the base as the code has it where none is stored."""
    known = list(levels)
    if not any(level.is_base for level in known):
        known.append(BASE)
    return Ladder(tuple(sorted(known, key=lambda level: level.rank)), allows_team)


def last_period(period: Period, now: datetime) -> Span:
    """The month or quarter that ended last, as of `now`. Raises ValueError for none."""
    if period is Period.NONE:
        raise ValueError("a level without a period has no last one")
    local = clock.local(now)
    months = 1 if period is Period.MONTH else 3
    # Months since year 0, cut to the beginning of the present period.
    end = (local.year * 12 + local.month - 1) // months * months
    start = end - months
    year, month = divmod(start, 12)
    label = f"{year}-{month + 1:02d}" if months == 1 else f"{year}Q{month // 3 + 1}"
    return Span(label, _first_of(start), _first_of(end))


def _first_of(months: int) -> datetime:
    year, month = divmod(months, 12)
    return clock.as_utc(datetime(year, month + 1, 1, tzinfo=clock.SHANGHAI))


def read_conditions(document: object, *, path: str = "conditions") -> Conditions:
    """Conditions from their document. Raises InvalidInput with the path at fault."""
    doc = _mapping(document, path)
    for name in doc:
        if name != "match" and name not in list(Metric):
            raise InvalidInput(f"{path}.{name}", f"条件中有不认识的字段 {name}")
    match = _choice(doc.get("match", Match.ALL), Match, f"{path}.match")
    least: dict[Metric, int] = {}
    # In one order always, for pages and for comparing.
    for metric in Metric:
        value = doc.get(metric.value)
        if value is None:
            continue
        if type(value) is not int or not 1 <= value <= LEAST_MAX:
            title = METRIC_TITLES[metric]
            raise InvalidInput(f"{path}.{metric.value}", f"{title}应为正整数，不用的条件请留空")
        least[metric] = value
    return Conditions(match, least)


def read_keep(document: object) -> Keep:
    """A keep rule from its document. Raises InvalidInput with the path at fault."""
    doc = dict(_mapping(document, "keep"))
    period = _choice(doc.pop("period", Period.NONE), Period, "keep.period")
    if period is Period.NONE:
        return Keep()
    conditions = read_conditions(doc, path="keep")
    if not conditions.least:
        raise InvalidInput("keep.period", "选择了保级周期，请至少填写一项保级条件")
    if conditions.asks_for_team:
        raise InvalidInput("keep.team_sales_fen", "保级条件只能按本人的直推业绩，不能按团队")
    return Keep(period, conditions)


def check_order(levels: Iterable[Level]) -> None:
    """Refuse a ladder in which a higher level is no harder than a lower one.

    Who meets the lower one's conditions would meet the higher one's as well, so
    nobody would ever stand on the lower one. Raises InvalidInput.
    """
    asking = [level for level in levels if level.is_active and level.conditions.least]
    asking.sort(key=lambda level: level.rank)
    for number, lower in enumerate(asking):
        for higher in asking[number + 1 :]:
            if all(higher.conditions.hold(f) for f in lower.conditions.just_enough()):
                raise InvalidInput(
                    "conditions",
                    f"升级条件不合理：达到“{lower.name}”的人同时达到更高的“{higher.name}”，"
                    f"请调高“{higher.name}”的条件",
                )


def _mapping(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(path, f"{path} 应为对象")
    return value


def _choice(value: object, cls: Any, path: str) -> Any:
    try:
        return cls(value)
    except ValueError:
        allowed = "、".join(item.value for item in cls)
        raise InvalidInput(path, f"{path} 应是 {allowed} 之一") from None
