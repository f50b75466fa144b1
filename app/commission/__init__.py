"""Commissions (佣金): what each upline earns from an order, when, and why.

- `quote` is the pure arithmetic of `reference/commission.md`: no database, no
  clock. The engine, the admin's page and `flask commissions quote` all use it.
- `plans` keeps versioned plans (佣金方案). Drafts are edited and thrown away; a
  published version never changes, and it is published by somebody else than who
  saved it last; until it takes effect one person may withdraw it.
- `explaining` tells a quote step by step; `replaying` computes real orders under a draft.
- `accrual` writes one row per (order line, depth) once an order is paid, with the
  rule, the inputs and the result, so that "why this amount" is a page.
- `standing` is where a distributor stands on the ladder of levels: figures of sales,
  and what makes levels move.
- `settlement` moves what matured into wallets, in set-based chunks; `filing` then writes
  into each commission which settlement took it.
- `cycles` says on which days that happens, to the settlement and to distributors alike.
- `following` takes commissions back by the money that was refunded.
- `bonus` holds what is earned over a period besides (返利).
"""

from app.commission import accrual, bonus, cycles, following, standing, team
from app.commission.accrual import accrue, mature
from app.commission.explaining import Explanation, SeatStep, explain
from app.commission.filing import file_chunk, settled_in
from app.commission.following import follow
from app.commission.models import (
    Commission,
    CommissionStatus,
    PlanStatus,
    PlanVersion,
    PlanWithdrawal,
    SettlementBatch,
)
from app.commission.plans import (
    OwnPlan,
    PlanChanged,
    PlanInForce,
    PlanPublished,
    PlanWithdrawn,
    change_draft,
    coming,
    configure,
    draft_plan,
    hard_cap,
    plan_in_force,
    plans_page,
    publish_plan,
    throw_away,
    validate,
    withdraw_plan,
    withdrawals_of,
)
from app.commission.queries import (
    Loss,
    Summary,
    batch_posting,
    commission_by_id,
    commission_of,
    commissions_of,
    commissions_of_order,
    commissions_page,
    desk_commissions,
    expected_next,
    losses,
    open_counts,
    plan_version,
    reversed_in,
    settled_by,
    sharing_fen,
    summary_of,
)
from app.commission.quote import Line, Mode, Person, Plan
from app.commission.replaying import ORDERS_MAX, Replay, replay
from app.commission.settlement import Settled, count_due, settle_chunk
from app.commission.standing import LevelInPlan

__all__ = [
    "Commission",
    "CommissionStatus",
    "Explanation",
    "LevelInPlan",
    "Line",
    "Loss",
    "Mode",
    "ORDERS_MAX",
    "OwnPlan",
    "Person",
    "Plan",
    "PlanChanged",
    "PlanInForce",
    "PlanPublished",
    "PlanStatus",
    "PlanVersion",
    "PlanWithdrawal",
    "PlanWithdrawn",
    "Replay",
    "SeatStep",
    "Settled",
    "SettlementBatch",
    "Summary",
    "accrue",
    "bonus",
    "batch_posting",
    "change_draft",
    "commission_by_id",
    "commission_of",
    "commissions_of",
    "commissions_of_order",
    "desk_commissions",
    "commissions_page",
    "configure",
    "count_due",
    "open_counts",
    "coming",
    "cycles",
    "draft_plan",
    "expected_next",
    "explain",
    "follow",
    "hard_cap",
    "losses",
    "mature",
    "plan_in_force",
    "plan_version",
    "plans_page",
    "publish_plan",
    "replay",
    "reversed_in",
    "settled_by",
    "file_chunk",
    "settled_in",
    "settle_chunk",
    "sharing_fen",
    "standing",
    "subscribe",
    "summary_of",
    "team",
    "throw_away",
    "validate",
    "withdraw_plan",
    "withdrawals_of",
]


def subscribe() -> None:
    """Register with the outbox; called once when the app is made."""
    accrual.subscribe()
    following.subscribe()
    standing.subscribe()
    team.subscribe()
