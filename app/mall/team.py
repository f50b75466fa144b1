"""A distributor's team (我的团队) and the rankings (排行榜)."""

from collections.abc import Sequence
from datetime import date, timedelta

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import commission, distribution, settings
from app.core import clock
from app.distribution import DistributorStatus, team
from app.distribution.team import RankingPeriod, Sort
from app.mall import words
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp, shop_settings

DEPTH_USUAL = 2
NAME_MAX = 20
# The trend's drawing, in its own units.
_TREND_WIDTH, _TREND_HEIGHT = 300, 44


def depth_in_force() -> int:
    """How many levels below earn something under the plan in force."""
    in_force = commission.plan_in_force(clock.now())
    return in_force[1].depth_cap if in_force else DEPTH_USUAL


@bp.get("/me/distribution/team")
@members_only
def my_team() -> ResponseReturnValue:
    member_id, depth = current_member().id, depth_in_force()
    asked = request.args.get("level", "1")
    level = int(asked) if asked in ("1", "2", "3") and int(asked) <= depth else 1
    given = request.args.get("sort", "")
    sort = Sort(given) if given in list(Sort) else Sort.JOINED
    name = request.args.get("q", "").replace("\x00", "").strip()[:NAME_MAX]
    after = request.args.get("after", "")
    page = team.page(member_id, level, sort=sort, name=name, after=after)
    # The next part of a list is put below what stands there already.
    is_part = bool(after)
    joined = None if is_part else team.counts(member_id, level, now=clock.now())
    return render_template(
        "mall/team.html",
        page=page,
        level=level,
        sort=sort,
        q=name,
        counts=[] if is_part else distribution.team_counts(member_id, depth),
        joined=joined,
        quiet=0 if is_part else team.quiet_count(member_id, level),
        quiet_max=team.QUIET_MAX,
        trend=_trend([count for _, count in joined.days]) if joined else "",
        is_masked=shop_settings()[settings.registry.TEAM_NAMES_MASKED.key],
        words=words,
    )


def _trend(counts: Sequence[int]) -> str:
    """The points of a line through the days, the highest one at the top."""
    most = max(*counts, 1)
    step = _TREND_WIDTH / (len(counts) - 1)
    return " ".join(
        f"{at * step:.1f},{_TREND_HEIGHT - 2 - (_TREND_HEIGHT - 6) * count / most:.1f}"
        for at, count in enumerate(counts)
    )


@bp.get("/me/distribution/ranking")
@members_only
def ranking() -> ResponseReturnValue:
    member = current_member()
    standing = distribution.distributor_of(member.id)
    if standing is None or standing.status is not DistributorStatus.APPROVED:
        return redirect(url_for("mall.distribution_centre"))
    asked = request.args.get("period", "")
    period = RankingPeriod(asked) if asked in list(RankingPeriod) else RankingPeriod.WEEK
    found = team.ranking(period, member.id, now=clock.now())
    return render_template(
        "mall/ranking.html",
        found=found,
        period=period,
        last=_last_day(period, found.starts_on),
        by_earned=shop_settings()[settings.registry.RANKING_METRIC.key] == "earned",
        words=words,
    )


def _last_day(period: RankingPeriod, start: date) -> date:
    if period is RankingPeriod.WEEK:
        return start + timedelta(days=6)
    return (start + timedelta(days=32)).replace(day=1) - timedelta(days=1)
