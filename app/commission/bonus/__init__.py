"""Bonus programmes (返利): what distributors earn over a period, besides commissions.

- `rules` is the pure arithmetic of `reference/commission.md`, with the periods.
- `metrics` counts, in sets; its docstring says what counts when.
- `programs` keeps programmes and their versions. A period is paid by the version in
  force when it began; a published version never changes.
- `runs` computes each period once; one person decides in `reviews`, another pays in `posting`.
- `corrections` takes the difference once a refund came later.
- `wording` says rules and results in Chinese, for the desk and for the phone.

Decisions
- What others do pays nobody unless the server's own configuration says so
  (`COMPLIANCE_ALLOW_TEAM_BONUS`): refused when it is saved, when it is published,
  when it is computed and when it is posted.
- An unmet condition leaves a refused result with its reason, so that the distributor
  reads why; below the first step there is no result.
"""

from app.commission.bonus import (
    corrections,
    metrics,
    posting,
    programs,
    queries,
    reviews,
    rules,
    runs,
    wording,
)
from app.commission.bonus import invariants as _invariants  # noqa: F401
from app.commission.bonus.models import (
    BonusBatch,
    BonusCorrection,
    BonusProgram,
    BonusResult,
    BonusRun,
    BonusVersion,
    ResultState,
    VersionStatus,
)
from app.commission.bonus.programs import BonusInput
from app.distribution.levels import allows_team

__all__ = [
    "BonusBatch",
    "BonusCorrection",
    "BonusInput",
    "BonusProgram",
    "BonusResult",
    "BonusRun",
    "BonusVersion",
    "ResultState",
    "VersionStatus",
    "allows_team",
    "corrections",
    "metrics",
    "posting",
    "programs",
    "queries",
    "reviews",
    "rules",
    "runs",
    "wording",
]
