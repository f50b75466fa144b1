"""Levels of distributors (分销等级): what each asks for, gives, and who stands where.

- `ladder` is the rules, pure. `service` keeps the levels and is the only writer of
  a distributor's level: every step leaves a row (`LevelChange`) that says why.
- Levels give rates only through the commission plan, whose `levels` table is keyed
  by code. A paid order copied the level of each seat, so nothing here changes it.
- The base level 普通分销员 (code `normal`, rank 0, no conditions) always exists, in
  the code (`ladder.BASE`); a row of it appears when an admin first edits it. So a
  migration writes no data, and emptied tables still have a ladder.
- What a distributor sold is read where orders are known: `app.commission.standing`
  computes the figures, calls these services, and listens to the news of orders.
- Up by event, to the highest level whose conditions hold. Down by the keep rule
  (保级) only, one level at the end of a month or quarter that was missed; only a
  period that the level was held for from its start counts. From a step down on,
  sales count anew, or the next order would lift the distributor back at once.
- What an admin decides stands: the keep rule leaves it alone until its day; what is
  earned beyond it still lifts.
- Conditions on the team are refused unless the server's own configuration allows
  them (`COMPLIANCE_ALLOW_TEAM_BONUS`); a level that asks for them then rests.
- A level that somebody holds or held is never deleted, only switched off: orders,
  plans and histories name its code.
"""

from app.distribution.levels.ladder import (
    BASE,
    METRIC_TITLES,
    TEAM_METRICS,
    Conditions,
    Figures,
    Keep,
    Ladder,
    Level,
    Match,
    Metric,
    Period,
    Progress,
    Span,
    last_period,
    make_ladder,
    read_conditions,
    read_keep,
)
from app.distribution.levels.models import (
    FOREVER,
    RANK_MAX,
    Cause,
    DistributorLevel,
    LevelChange,
    LevelTag,
)
from app.distribution.levels.queries import (
    allows_team,
    change_by_id,
    changes_of,
    configure,
    desk_changes,
    due_for_review,
    following_openids,
    holders,
    ladder,
    names,
    own_tags,
)
from app.distribution.levels.service import (
    BENEFITS_CHARS_MAX,
    LEVELS_MAX,
    NAME_CHARS_MAX,
    LevelInput,
    LevelInUse,
    assign,
    lift,
    lock,
    lower,
    mark_reviewed,
    remove,
    save,
    switch,
)

__all__ = [
    "BASE",
    "BENEFITS_CHARS_MAX",
    "Cause",
    "Conditions",
    "DistributorLevel",
    "FOREVER",
    "Figures",
    "Keep",
    "LEVELS_MAX",
    "Ladder",
    "Level",
    "LevelChange",
    "LevelInUse",
    "LevelInput",
    "LevelTag",
    "METRIC_TITLES",
    "Match",
    "Metric",
    "NAME_CHARS_MAX",
    "Period",
    "Progress",
    "RANK_MAX",
    "Span",
    "TEAM_METRICS",
    "allows_team",
    "assign",
    "change_by_id",
    "changes_of",
    "desk_changes",
    "configure",
    "due_for_review",
    "following_openids",
    "holders",
    "ladder",
    "last_period",
    "lift",
    "lock",
    "lower",
    "make_ladder",
    "mark_reviewed",
    "names",
    "own_tags",
    "read_conditions",
    "read_keep",
    "remove",
    "save",
    "switch",
]
