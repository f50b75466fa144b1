"""A distributor's team (我的团队): who is in it, and what each of them brought.

- Who is in it are the upline columns of `members`: an indexed lookup at any size.
- `TeamFigure` holds what a member's paid orders brought one upline at one depth. Only
  pairs that a sale made have a row: one for each pair of the tree would be several
  times as many as members. `commission.team` is its only writer and computes a row
  anew from the orders, so that it never drifts.
- A figure belongs to the depth at which the upline sat when the order was placed,
  and stays when the member moves; lists show those who are in the team now.
- Pages are read by key along an index, whatever they are sorted by.
"""

from app.distribution.team.models import RankingPeriod, RankingPlace, TeamFigure
from app.distribution.team.places import Ranking, period_start, ranking, replace
from app.distribution.team.queries import (
    FIRST,
    QUIET_MAX,
    Counts,
    Row,
    Sort,
    TeamPage,
    counts,
    page,
    quiet_count,
    sales,
)

__all__ = [
    "FIRST",
    "QUIET_MAX",
    "Counts",
    "Ranking",
    "RankingPeriod",
    "RankingPlace",
    "Row",
    "Sort",
    "TeamFigure",
    "TeamPage",
    "counts",
    "page",
    "period_start",
    "quiet_count",
    "ranking",
    "replace",
    "sales",
]
