"""Where a distributor stands on the ladder of levels, by what was sold.

The rules and the steps are in `app.distribution.levels`; here are the figures, which
come from orders, and what makes levels move: news of orders lifts, the job
`review-levels` lowers by the keep rule. A level changes no paid order: seats
copied theirs at checkout.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import audit, distribution, members, orders, outbox, settings
from app.commission import plans
from app.commission.bonus import programs as bonuses
from app.commission.models import PlanVersion
from app.core.db import db, require_transaction
from app.core.errors import DomainError
from app.core.rows import lock_one
from app.distribution import Distributor, DistributorStatus, levels
from app.distribution.levels import Figures, Ladder, Level, LevelChange, Progress
from app.orders import sales


class LevelInPlan(DomainError):
    """Its rates would silently fall back to others."""

    code = "level_in_plan"
    message = "佣金方案里写有这个等级的费率，不能删除；不再使用时可以停用"


@dataclass(frozen=True)
class Standing:
    """A distributor's level, and how far it is to the next that can be reached."""

    level: Level
    next_level: Level | None
    progress: list[Progress]
    figures: Figures
    # Sales from here on count; None: all of them.
    counts_from: datetime | None
    # Until when an admin's word stands; None where there is none, or no more.
    kept_until: datetime | None


def standing_of(found: Distributor, *, now: datetime) -> Standing:
    """Where this distributor stands, for pages."""
    kept_until = found.level_kept_until
    ladder = levels.ladder()
    reachable = ladder.reachable(found.level)
    figures = figures_of(found, ladder)
    return Standing(
        ladder.at(found.level),
        reachable[0] if reachable else None,
        reachable[0].conditions.progress(figures) if reachable else [],
        figures,
        found.level_counts_from,
        kept_until if kept_until is not None and kept_until > now else None,
    )


def figures_of(found: Distributor, ladder: Ladder) -> Figures:
    """What counts for this distributor's next level."""
    since = found.level_counts_from
    own = sales.sold_by(found.member_id, _own_seats(), since=since)
    if not ladder.asks_for_team:
        return Figures(own.sales_fen, own.orders, own.customers)
    depth = plans.hard_cap()
    team = sales.sold_by(found.member_id, range(1, depth + 1), since=since)
    size = sum(distribution.team_counts(found.member_id, depth))
    return Figures(own.sales_fen, own.orders, own.customers, team.sales_fen, size)


def evaluate(member_id: int, ladder: Ladder, now: datetime) -> LevelChange | None:
    """Lift a distributor to the highest level whose conditions hold; None: stays.

    Never lowers. Figures are looked at without a lock first, because most sales
    lift nobody; a step is decided again under the lock, so two sales at once step
    once.
    """
    require_transaction()
    found = distribution.distributor_of(member_id)
    if found is None or _reached(found, ladder) is None:
        return None
    locked = levels.lock(member_id)
    if locked is None:
        return None
    reached = _reached(locked, ladder)
    if reached is None:
        return None
    return levels.lift(locked, reached, figures=figures_of(locked, ladder), now=now)


def review(distributor_id: int, *, now: datetime) -> str:
    """Check the keep rule of the period that ended last: `kept`, `lowered`, `not_due`.

    Raises NotFound.
    """
    found = lock_one(Distributor, distributor_id, "分销员不存在")
    if not levels.due_for_review(now, only=distributor_id):
        return "not_due"
    ladder = levels.ladder()
    level = ladder.at(found.level)
    span = levels.last_period(level.keep.period, now)
    own = sales.sold_by(found.member_id, _own_seats(), since=span.start, until=span.end)
    figures = Figures(own.sales_fen, own.orders, own.customers)
    if level.keep.conditions.hold(figures):
        levels.mark_reviewed(found, span)
        return "kept"
    levels.lower(found, ladder.below(level.code), span=span, figures=figures, now=now)
    return "lowered"


def remove_level(code: str, *, actor: audit.Actor, now: datetime) -> None:
    """Delete a level that nobody held and no plan or bonus names, ever.

    Raises NotFound, InvalidInput, LevelInUse, LevelInPlan.
    """
    require_transaction()
    documents = db.session.scalars(sa.select(PlanVersion.document))
    if any(code in document.get("levels", {}) for document in documents):
        raise LevelInPlan()
    if bonuses.names_level(code):
        raise LevelInPlan("返利规则里要求这个等级，不能删除；不再使用时可以停用")
    levels.remove(code, actor=actor, now=now)


def order_counts(order_id: int, now: datetime) -> None:
    """Look anew at those whom an order counts for (order_paid, order_finished)."""
    ladder, positions = levels.ladder(), set(_own_seats())
    if ladder.asks_for_team:
        positions |= set(range(1, plans.hard_cap() + 1))
    for seat in orders.seats_of(order_id):
        if seat.position in positions and seat.is_active:
            evaluate(seat.member_id, ladder, now)


def team_grew(member_id: int, now: datetime) -> None:
    """Look anew at those whose team a member joined (member_bound)."""
    ladder = levels.ladder()
    if not ladder.asks_for_team:
        return
    member = members.get(member_id)
    above = (member.upline1_id, member.upline2_id, member.upline3_id)[: plans.hard_cap()]
    for upline_id in above:
        if upline_id is not None:
            evaluate(upline_id, ladder, now)


def team_moved(attempt_id: int, now: datetime) -> None:
    """Look anew at those whose team a member came into (member_moved)."""
    team_grew(distribution.attempt_by_id(attempt_id).member_id, now)


def subscribe() -> None:
    """Register with the outbox. A level that waits must not hold up money."""
    outbox.subscribe("member_bound", "levels.evaluate", team_grew, holds_up=False)
    outbox.subscribe("member_moved", "levels.evaluate", team_moved, holds_up=False)
    for topic in ("order_paid", "order_finished"):
        outbox.subscribe(topic, "levels.evaluate", order_counts, holds_up=False)


def _own_seats() -> tuple[int, ...]:
    return (0, 1) if settings.value(settings.registry.LEVEL_COUNTS_OWN) else (1,)


def _reached(found: Distributor, ladder: Ladder) -> Level | None:
    if found.status is not DistributorStatus.APPROVED or not ladder.reachable(found.level):
        return None
    return ladder.reached(found.level, figures_of(found, ladder))
