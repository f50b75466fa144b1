"""Bonuses in Chinese: rules, periods and how an amount came about."""

from collections.abc import Mapping
from datetime import timedelta

from app.commission.bonus.models import BonusRun
from app.commission.bonus.rules import (
    Metric,
    Period,
    Program,
    Reward,
    Slice,
    Span,
    Step,
    TierMode,
    amount_of,
    slices_of,
)
from app.core import clock
from app.core.money import format_yuan

METRIC: Mapping[Metric, str] = {
    Metric.PERSONAL_SALES: "直推销售额",
    Metric.PERSONAL_PROFIT: "直推毛利",
    Metric.ORDERS: "直推订单数",
    Metric.TEAM_SALES: "团队销售额",
    Metric.RECRUITS: "新发展的分销员",
}
PERIOD: Mapping[Period, str] = {
    Period.WEEK: "每周",
    Period.MONTH: "每月",
    Period.QUARTER: "每季度",
    Period.YEAR: "每年",
}
MODE: Mapping[TierMode, str] = {
    TierMode.WHOLE: "全额：达到哪一档，全部按那一档算",
    TierMode.MARGINAL: "分段累进：每一段按各自的比例算，再相加",
}
REWARD: Mapping[Reward, str] = {Reward.CASH: "现金", Reward.POINTS: "积分"}


def value(metric: Metric, number: int) -> str:
    """`¥1,234.50`, `12 单`, `3 人`."""
    if metric is Metric.ORDERS:
        return f"{number} 单"
    if metric is Metric.RECRUITS:
        return f"{number} 人"
    return f"¥{_short(number)}"


def amount(reward: Reward, number: int) -> str:
    """`¥1,234.50` or `1,234 积分`."""
    if reward is Reward.POINTS:
        return f"{number:,} 积分"
    return f"{'-' if number < 0 else ''}¥{format_yuan(abs(number))}"


def rate(program: Program, step: Step) -> str:
    """What a step pays: `3%`, `每元 2 积分`, `固定 ¥500.00`."""
    if step.bps is None:
        return f"固定 {amount(program.reward, step.fen or 0)}"
    whole, rest = divmod(step.bps, 100)
    number = f"{whole}.{rest:02d}".rstrip("0").rstrip(".")
    return f"每元 {number} 积分" if program.reward is Reward.POINTS else f"{number}%"


def steps(program: Program) -> list[tuple[str, str]]:
    """Each step: from what on, and what it pays."""
    return [
        (
            f"满 {value(program.metric, step.start)}" if step.start else "有业绩即可",
            rate(program, step),
        )
        for step in program.steps
    ]


def conditions(program: Program, level_names: Mapping[str, str]) -> list[str]:
    asked = program.conditions
    found = []
    if asked.min_level:
        found.append(f"等级不低于“{level_names.get(asked.min_level, asked.min_level)}”")
    if asked.min_recruits:
        found.append(f"本期新发展分销员不少于 {asked.min_recruits} 人")
    if asked.clean_record:
        found.append("考核期内没有违规记录")
    return found


def summary(program: Program) -> str:
    """`每月 · 直推销售额 · 现金`."""
    return f"{PERIOD[program.period]} · {METRIC[program.metric]} · {REWARD[program.reward]}"


def span(found: Span) -> str:
    """`2026 年 11 月`, `2026 年第 4 季度`, `2026 年`, `11月16日至22日`."""
    start, last = clock.local(found.start), clock.local(found.end - timedelta(days=1))
    if "W" in found.label:
        end = f"{last.day}日" if last.month == start.month else f"{last.month}月{last.day}日"
        return f"{start.year} 年 {start.month}月{start.day}日至{end}"
    if "Q" in found.label:
        return f"{start.year} 年第 {found.label[-1]} 季度"
    return f"{start.year} 年 {start.month} 月" if "-" in found.label else f"{start.year} 年"


def period_of(run: BonusRun) -> str:
    """The period of a run."""
    return span(Span(run.label, run.starts_at, run.ends_at))


def ahead(program: Program, missing: int, then: int) -> str:
    """`再卖 ¥500 可得 ¥30.00`: the way to the next step."""
    way = value(program.metric, missing)
    said = {
        Metric.PERSONAL_SALES: f"再卖 {way}",
        Metric.PERSONAL_PROFIT: f"毛利再增加 {way}",
        Metric.ORDERS: f"再成交 {way}",
        Metric.TEAM_SALES: f"团队再卖 {way}",
        Metric.RECRUITS: f"再发展 {way}",
    }[program.metric]
    return f"{said} 可得 {amount(program.reward, then)}"


def working(program: Program, number: int) -> list[tuple[str, str]]:
    """How an amount came about, line by line; the last line is the amount."""
    parts = slices_of(program, number)
    lines = [(METRIC[program.metric], value(program.metric, number))]
    lines += [_line(program, part) for part in parts]
    if any(part.step.bps for part in parts):
        unit = "不足 1 积分舍去" if program.reward is Reward.POINTS else "不足一分舍去"
    else:
        unit = ""
    total = amount(program.reward, amount_of(program, number))
    return [*lines, (f"应得返利（{unit}）" if unit else "应得返利", total)]


def _line(program: Program, part: Slice) -> tuple[str, str]:
    start = value(program.metric, part.step.start)
    if part.step.bps is None:
        return (f"达到满 {start} 这一档", rate(program, part.step))
    said = rate(program, part.step)
    if program.tier_mode is TierMode.WHOLE:
        at = f"达到满 {start} 这一档" if part.step.start else "按比例"
        return (f"{at}，全部按 {said}", f"¥{_short(part.value)} × {said}")
    end = value(program.metric, part.step.start + part.value)
    return (f"{start} 到 {end} 的部分按 {said}", f"¥{_short(part.value)} × {said}")


def _short(fen: int) -> str:
    return format_yuan(fen).removesuffix(".00")
