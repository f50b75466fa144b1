"""Levels in words, the same for whoever reads them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.core import clock
from app.core.money import format_yuan
from app.distribution.levels.ladder import (
    METRIC_TITLES,
    TEAM_METRICS,
    Conditions,
    Keep,
    Match,
    Metric,
    Period,
)
from app.distribution.levels.models import FOREVER

FOR_EVER = "长期"
KEEP_PERIOD: Mapping[str, str] = {
    Period.NONE: "不考核，升级后一直有效",
    Period.MONTH: "每月",
    Period.QUARTER: "每季度",
}


def metric(name: Metric, value: int) -> str:
    """A figure of the ladder of levels with its unit: `¥1,000`, `10 单`, `3 人`."""
    if name.value.endswith("_fen"):
        return f"¥{format_yuan(value).removesuffix('.00')}"
    return f"{value:,} {'单' if name is Metric.ORDERS else '人'}"


def conditions(asked: Conditions) -> str:
    """What a level asks for, as a sentence."""
    if not asked.least:
        return "仅由管理员授予"
    parts = [f"{METRIC_TITLES[name]}满 {metric(name, n)}" for name, n in asked.least.items()]
    if len(parts) == 1:
        return parts[0]
    return ("同时满足：" if asked.match is Match.ALL else "满足其一：") + "，".join(parts)


def keep(rule: Keep) -> str:
    """What a level asks for in each period, as a sentence."""
    if rule.period is Period.NONE:
        return "不考核"
    return f"{KEEP_PERIOD[rule.period]} {conditions(rule.conditions)}"


def figures(found: Mapping[str, Any] | None) -> str:
    """What a step on the ladder was decided by."""
    if not found:
        return ""
    shown = [name for name in Metric if name not in TEAM_METRICS or found.get(name)]
    return "，".join(f"{METRIC_TITLES[name]} {metric(name, found[name])}" for name in shown)


def kept(at: datetime) -> str:
    """That an admin's word stands, and until when."""
    said = until(at)
    return "长期保留" if said == FOR_EVER else f"保留至 {said}"


def until(at: datetime | None) -> str:
    """Until when an admin's word stands, as the last day that it does."""
    if at is None:
        return ""
    if at >= FOREVER:
        return FOR_EVER
    # It ends at midnight: the day before is the last one.
    last = clock.local(at) - timedelta(seconds=1)
    return f"{last:%Y-%m-%d}"
