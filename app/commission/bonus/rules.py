"""The arithmetic of bonus programmes (返利), pure: no database, no clock, no float.

Source: reference/commission.md, "Bonus programmes". A sale is counted in fen, and so
is a reward in cash; a reward in points is counted in points. Rates are basis points,
every division floors. Periods are those of Asia/Shanghai, half-open.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar

from app.core import clock
from app.core.errors import InvalidInput

E = TypeVar("E", bound=enum.StrEnum)

STEPS_MAX = 10
BPS_MAX = 10_000
# A billion yuan: a step times a rate still fits 64 bits.
AMOUNT_MAX = 1_000_000_000_00


class Metric(enum.StrEnum):
    """What is counted (考核指标)."""

    PERSONAL_SALES = "personal_sales"  # 直推销售额, fen
    PERSONAL_PROFIT = "personal_profit"  # 直推毛利, fen
    ORDERS = "orders"  # 直推订单数
    TEAM_SALES = "team_sales"  # 团队销售额, fen
    RECRUITS = "recruits"  # 新发展的分销员


# What others do, or that they come: only where the server's own configuration allows it.
TEAM_METRICS = frozenset({Metric.TEAM_SALES, Metric.RECRUITS})
COUNTS = frozenset({Metric.ORDERS, Metric.RECRUITS})


class Period(enum.StrEnum):
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class TierMode(enum.StrEnum):
    WHOLE = "whole"  # 全额: the step reached applies to the whole value
    MARGINAL = "marginal"  # 超额累进: each slice takes its own step's rate


class Reward(enum.StrEnum):
    """In what it is paid; see `check_allowed`."""

    CASH = "cash"
    POINTS = "points"
    COUPON = "coupon"
    GIFT = "gift"


@dataclass(frozen=True)
class Step:
    """From `start` on: `bps` of the value, or `fen` flat (points, where points are paid)."""

    start: int
    bps: int | None = None
    fen: int | None = None


@dataclass(frozen=True)
class Conditions:
    """What must be so besides, to be paid at all."""

    min_level: str = ""
    min_recruits: int = 0
    clean_record: bool = False


@dataclass(frozen=True)
class Program:
    """The rules of a bonus (返利规则)."""

    metric: Metric
    period: Period
    tier_mode: TierMode
    steps: tuple[Step, ...]
    reward: Reward = Reward.CASH
    conditions: Conditions = field(default_factory=Conditions)

    @property
    def asks_for_team(self) -> bool:
        return self.metric in TEAM_METRICS or self.conditions.min_recruits > 0


@dataclass(frozen=True)
class Span:
    """A calendar period: its label, and from `start` to just before `end`."""

    label: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Slice:
    """A part of the value with the step that pays for it; `value` is the part's size."""

    step: Step
    value: int


def tier_of(program: Program, value: int) -> int:
    """The step reached, counted from 1; 0 for none."""
    return sum(step.start <= value for step in program.steps)


def slices_of(program: Program, value: int) -> list[Slice]:
    """The parts of a value that are paid for, the lowest first."""
    tier = tier_of(program, value)
    if tier == 0:
        return []
    if program.tier_mode is TierMode.WHOLE:
        return [Slice(program.steps[tier - 1], value)]
    reached = program.steps[:tier]
    ends = [*(step.start for step in reached[1:]), value]
    return [Slice(step, end - step.start) for step, end in zip(reached, ends, strict=True)]


def amount_of(program: Program, value: int) -> int:
    """What a value earns: fen, or points where the reward is points."""
    if value <= 0:
        return 0
    slices = slices_of(program, value)
    flat = sum(part.step.fen or 0 for part in slices)
    # Summed before the one division: slices must not lose a fen each.
    return flat + sum(part.value * (part.step.bps or 0) for part in slices) // BPS_MAX


def next_step(program: Program, value: int) -> tuple[int, int] | None:
    """What is missing to the next step that pays more, and what is paid there."""
    now = amount_of(program, value)
    for step in program.steps[tier_of(program, value) :]:
        there = amount_of(program, step.start)
        if there > now:
            return step.start - value, there
    return None


# --- periods -----------------------------------------------------------------------


def span_at(period: Period, moment: datetime) -> Span:
    """The period in which a moment lies."""
    day = clock.local(moment).date()
    if period is Period.WEEK:
        start = day - timedelta(days=day.weekday())
        year, week, _ = start.isocalendar()
        return _span(f"{year}W{week:02d}", start, start + timedelta(days=7))
    if period is Period.YEAR:
        return _span(str(day.year), date(day.year, 1, 1), date(day.year + 1, 1, 1))
    months = 1 if period is Period.MONTH else 3
    first = (day.month - 1) // months * months + 1
    start = date(day.year, first, 1)
    end = date(day.year + (first + months > 12), (first + months - 1) % 12 + 1, 1)
    if period is Period.MONTH:
        return _span(f"{day.year}-{first:02d}", start, end)
    return _span(f"{day.year}Q{first // 3 + 1}", start, end)


def span_after(period: Period, span: Span) -> Span:
    return span_at(period, span.end)


def _span(label: str, start: date, end: date) -> Span:
    return Span(label, _midnight(start), _midnight(end))


def _midnight(day: date) -> datetime:
    return clock.as_utc(datetime(day.year, day.month, day.day, tzinfo=clock.SHANGHAI))


# --- documents ---------------------------------------------------------------------


def read_program(document: object) -> Program:
    """The rules that a document describes. Raises InvalidInput with the path at fault."""
    doc = _mapping(document, "program")
    for name in doc:
        if name not in Program.__dataclass_fields__:
            raise InvalidInput(str(name), f"返利规则中有不认识的字段 {name}")
    program = Program(
        metric=_choice(doc, "metric", Metric),
        period=_choice(doc, "period", Period),
        tier_mode=_choice(doc, "tier_mode", TierMode),
        reward=_choice({"reward": Reward.CASH, **doc}, "reward", Reward),
        steps=_steps(doc),
        conditions=_conditions(doc),
    )
    _check(program)
    return program


def check_allowed(program: Program, *, allow_team: bool) -> None:
    """Refuse what this server may not pay, or cannot. Raises InvalidInput.

    `allow_team` is its compliance switch (compliance.md).
    """
    if program.reward not in (Reward.CASH, Reward.POINTS):
        raise InvalidInput("reward", "目前只能以现金或积分发放")
    if program.asks_for_team and not allow_team:
        at = "metric" if program.metric in TEAM_METRICS else "conditions.min_recruits"
        raise InvalidInput(
            at,
            "按团队业绩或发展人数给返利有合规风险，本服务器没有开启（COMPLIANCE_ALLOW_TEAM_BONUS）",
        )


def quote_bonus(document: object) -> dict[str, int]:
    """What `{"program", "value"}` earns: its step, counted from 1, and the amount.

    Raises InvalidInput.
    """
    doc = _mapping(document, "bonus")
    program = read_program(doc.get("program"))
    value = _whole(doc.get("value"), "value", 0)
    return {"tier": tier_of(program, value), "amount_fen": amount_of(program, value)}


def _steps(doc: Mapping[str, Any]) -> tuple[Step, ...]:
    rows = doc.get("steps")
    if not isinstance(rows, list) or not rows:
        raise InvalidInput("steps", "请至少填写一档奖励")
    if len(rows) > STEPS_MAX:
        raise InvalidInput("steps", f"最多 {STEPS_MAX} 档")
    steps = tuple(_step(row, f"steps.{i}") for i, row in enumerate(rows))
    for i, (lower, higher) in enumerate(pairwise(steps), start=1):
        if lower.start >= higher.start:
            raise InvalidInput(f"steps.{i}.from", f"第 {i + 1} 档的起点应高于第 {i} 档")
    return steps


def _step(value: object, path: str) -> Step:
    doc = _mapping(value, path)
    start = _whole(doc.get("from"), f"{path}.from", 0)
    if ("bps" in doc) == ("fen" in doc) or doc.keys() - {"from", "bps", "fen"}:
        raise InvalidInput(path, "每档应写 bps 或 fen 之一")
    if "bps" in doc:
        return Step(start, bps=_whole(doc["bps"], f"{path}.bps", 0, BPS_MAX))
    return Step(start, fen=_whole(doc["fen"], f"{path}.fen", 0))


def _conditions(doc: Mapping[str, Any]) -> Conditions:
    given = _mapping(doc.get("conditions", {}), "conditions")
    for name in given:
        if name not in Conditions.__dataclass_fields__:
            raise InvalidInput(f"conditions.{name}", f"条件中有不认识的字段 {name}")
    level = given.get("min_level") or ""
    if not isinstance(level, str):
        raise InvalidInput("conditions.min_level", "等级应为文字")
    clean = given.get("clean_record", False)
    if not isinstance(clean, bool):
        raise InvalidInput("conditions.clean_record", "clean_record 应为 true 或 false")
    recruits = _whole(given.get("min_recruits", 0), "conditions.min_recruits", 0, 100_000)
    return Conditions(level, recruits, clean)


def _check(program: Program) -> None:
    """Refuse what has no meaning: a slice of a flat amount, a percentage of heads."""
    for i, step in enumerate(program.steps):
        if program.tier_mode is TierMode.MARGINAL and step.bps is None:
            raise InvalidInput(f"steps.{i}", "分段累进的每一档都应按比例，不能是固定数额")
        if program.metric in COUNTS and step.fen is None:
            raise InvalidInput(f"steps.{i}", "按单数或人数考核时，每一档都应是固定数额")


def _mapping(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(path, f"{path} 应为对象")
    return value


def _choice(doc: Mapping[str, Any], name: str, cls: type[E]) -> E:
    try:
        return cls(str(doc.get(name)))
    except ValueError:
        allowed = "、".join(item.value for item in cls)
        raise InvalidInput(name, f"{name} 应是 {allowed} 之一") from None


def _whole(value: object, path: str, least: int, most: int = AMOUNT_MAX) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(path, f"{path} 应为整数")
    if not least <= value <= most:
        raise InvalidInput(path, f"{path} 应在 {least} 到 {most} 之间")
    return value
