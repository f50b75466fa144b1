"""The simulator on real orders: what a plan would have cost, beside the one in force."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app import catalog, commission, members
from app.admin import words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.frame import level_name
from app.admin.models import Permission
from app.commission import PlanVersion, Replay
from app.core import clock

K = TypeVar("K")

_ROWS_MAX = 20


class Period(enum.StrEnum):
    """Which orders are computed, by when they were paid."""

    LAST_7 = "7"
    LAST_30 = "30"
    LAST_90 = "90"
    LAST_MONTH = "month"


PERIODS: Mapping[Period, str] = {
    Period.LAST_7: "近 7 天",
    Period.LAST_30: "近 30 天",
    Period.LAST_90: "近 90 天",
    Period.LAST_MONTH: "上个月",
}


@dataclass(frozen=True)
class Line:
    """One product, level, depth or person: fen under the plan tried and the one in force."""

    name: str
    new_fen: int
    old_fen: int


@dataclass(frozen=True)
class Trial:
    """A replay of two plans, the one tried first, in words."""

    title: str
    since: datetime
    until: datetime
    replay: Replay
    has_current: bool
    parts: list[tuple[str, list[Line], int]]

    @property
    def new_fen(self) -> int:
        return self.replay.total[0]

    @property
    def old_fen(self) -> int:
        return self.replay.total[1]

    def share(self, fen: int) -> str:
        """As a share of sales, `12.34%`."""
        sales = self.replay.sales_fen
        return words.percent(fen * 10_000 // sales) if sales else "—"


@bp.get("/plans/<int:plan_id>/replay")
@requires(Permission.COMMISSION_VIEW)
def plan_replay(plan_id: int) -> ResponseReturnValue:
    now = clock.now()
    version = commission.plan_version(plan_id)
    in_force = commission.plan_in_force(now)
    current = in_force[0] if in_force else None
    asked = request.args.get("days", "")
    period = Period(asked) if asked in list(Period) else Period.LAST_30
    return render_template(
        "admin/plan_replay.html",
        version=version,
        current=current,
        period=period,
        periods=PERIODS.items(),
        trial=replayed(version, current, period, now),
    )


def replayed(
    version: PlanVersion,
    current: PlanVersion | None,
    period: Period,
    now: datetime,
    *,
    limit: int = commission.ORDERS_MAX,
) -> Trial:
    """The orders of a period under a version and the one in force."""
    since, until = span(period, now)
    result = commission.replay(
        [
            commission.validate(version.document),
            commission.validate(current.document) if current is not None else None,
        ],
        since=since,
        until=until,
        limit=limit,
    )
    products = _top(result.by_product)
    earners = _top(result.by_member)
    titles = catalog.titles_of(key for key, _ in products)
    people = members.names_of(key for key, _ in earners)
    levels = _top(result.by_level)
    depths = sorted(result.by_depth.items())
    return Trial(
        PERIODS[period],
        since,
        until,
        result,
        current is not None,
        [
            (
                "按商品",
                [Line(titles.get(k, f"商品 {k}"), *v) for k, v in products],
                len(result.by_product),
            ),
            (
                "按得佣金人的等级",
                [Line(level_name(k), *v) for k, v in levels],
                len(result.by_level),
            ),
            (
                "按层级",
                [Line(words.commissions.DEPTH[k], *v) for k, v in depths],
                len(result.by_depth),
            ),
            (
                "按得佣金的人",
                [
                    Line(people[k].display_name if k in people else f"会员 {k}", *v)
                    for k, v in earners
                ],
                len(result.by_member),
            ),
        ],
    )


def span(period: Period, now: datetime) -> tuple[datetime, datetime]:
    """From when until before when; months are those of Asia/Shanghai."""
    if period is not Period.LAST_MONTH:
        return now - timedelta(days=int(period)), now
    until = clock.local(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    since = (until - timedelta(days=1)).replace(day=1)
    return clock.as_utc(since), clock.as_utc(until)


def _top(table: Mapping[K, list[int]]) -> list[tuple[K, list[int]]]:
    """What costs most, under either plan."""
    return sorted(table.items(), key=lambda item: (-max(item[1]), str(item[0])))[:_ROWS_MAX]
