"""What each member brought their uplines (团队业绩), computed anew from orders and commissions.

The only writer of `distribution.team.TeamFigure` and of the rankings' figures. A
figure counts an order by its seats, as `orders.sales` does: for who was active, and
with what is left of it. What was earned goes by the seat as well, because a plan may
pass an inactive upline by and pay the next one as if nearer.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from app import aftersales, outbox, settings
from app.commission.models import Commission
from app.core import clock
from app.core.db import db, require_transaction, run_unit
from app.core.rows import lock_rows
from app.distribution import Distributor, DistributorStatus, team
from app.distribution.team import RankingPeriod, TeamFigure
from app.members import Member
from app.orders import Order, OrderLine
from app.orders.models import OrderSeat

# Upline, depth, member.
Pair = tuple[int, int, int]
_BUYERS_AT_ONCE = 500
# What was sold just before midnight still belongs to the day before.
_LATE = timedelta(hours=1)


@dataclass(frozen=True)
class Brought:
    """Paid orders, what is left of them and what was earned, in fen."""

    orders: int = 0
    sales_fen: int = 0
    earned_fen: int = 0


def refresh(order_id: int, now: datetime) -> None:
    """Let the figures of an order's buyer say what is so now; harmless to repeat."""
    require_transaction()
    _mend([db.session.get_one(Order, order_id).member_id])


def rebuild() -> tuple[int, int]:
    """Compute every figure anew; how many there are, and how many were wrong.

    In units of some hundred buyers each; sales go on meanwhile.
    """
    total, wrong, after = 0, 0, 0
    while buyers := _buyers(after):
        found, mended = run_unit(_mend, buyers)
        total, wrong, after = total + found, wrong + mended, buyers[-1]
    return total, wrong


def _buyers(after: int) -> list[int]:
    """The next members who ordered or have figures, in order of their ids."""
    ordered = sa.select(Order.member_id.label("id")).where(Order.member_id > after)
    has_row = sa.select(TeamFigure.member_id).where(TeamFigure.member_id > after)
    everybody = sa.union(ordered, has_row).subquery()
    found = list(
        db.session.scalars(
            sa.select(everybody.c.id).order_by(everybody.c.id).limit(_BUYERS_AT_ONCE)
        )
    )
    db.session.rollback()
    return found


def _mend(buyer_ids: Sequence[int]) -> tuple[int, int]:
    """Bring the figures of these buyers in order; how many there are, how many were wrong."""
    # Two orders of one buyer must not be counted without each other.
    lock_rows(Member, list(buyer_ids))
    right = _brought(buyer_ids)
    stored = {
        (row.upline_id, row.depth, row.member_id): row
        for row in db.session.scalars(
            sa.select(TeamFigure)
            .where(TeamFigure.member_id.in_(buyer_ids))
            .execution_options(populate_existing=True)
        )
    }
    wrong = 0
    for pair, value in right.items():
        row = stored.get(pair)
        if row is None:
            row = TeamFigure(upline_id=pair[0], depth=pair[1], member_id=pair[2])
            db.session.add(row)
        elif (row.orders, row.sales_fen, row.earned_fen) == (
            value.orders,
            value.sales_fen,
            value.earned_fen,
        ):
            continue
        row.orders, row.sales_fen, row.earned_fen = value.orders, value.sales_fen, value.earned_fen
        wrong += 1
    for pair in stored.keys() - right.keys():
        db.session.delete(stored[pair])
        wrong += 1
    db.session.flush()
    return len(right), wrong


def _brought(buyer_ids: Sequence[int]) -> dict[Pair, Brought]:
    """What these buyers' orders brought, pair by pair; pairs without anything are left out."""
    left = sa.func.sum(OrderLine.paid_fen - OrderLine.refunded_fen)
    per_order = (
        sa.select(Order.id, Order.member_id, left.label("fen"))
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(Order.member_id.in_(buyer_ids), Order.paid_at.is_not(None))
        .group_by(Order.id, Order.member_id)
        .having(left > 0)
        .subquery()
    )
    sold = db.session.execute(
        sa.select(
            OrderSeat.member_id,
            OrderSeat.position,
            per_order.c.member_id,
            sa.func.count(),
            sa.func.sum(per_order.c.fen),
        )
        .join(per_order, per_order.c.id == OrderSeat.order_id)
        .where(OrderSeat.position >= 1, OrderSeat.is_active)
        .group_by(OrderSeat.member_id, OrderSeat.position, per_order.c.member_id)
    )
    earned = db.session.execute(
        sa.select(
            OrderSeat.member_id,
            OrderSeat.position,
            Order.member_id,
            sa.func.sum(Commission.amount_fen - Commission.reversed_fen),
        )
        .select_from(Order)
        .join(Commission, Commission.order_id == Order.id)
        .join(
            OrderSeat,
            sa.and_(OrderSeat.order_id == Order.id, OrderSeat.member_id == Commission.member_id),
        )
        .where(Order.member_id.in_(buyer_ids), OrderSeat.position >= 1)
        .group_by(OrderSeat.member_id, OrderSeat.position, Order.member_id)
    )
    found: dict[Pair, Brought] = defaultdict(Brought)
    for upline_id, depth, member_id, count, fen in sold:
        found[upline_id, depth, member_id] = Brought(count, int(fen))
    for upline_id, depth, member_id, fen in earned:
        if fen:
            known = found[upline_id, depth, member_id]
            found[upline_id, depth, member_id] = Brought(known.orders, known.sales_fen, int(fen))
    return dict(found)


# --- rankings ----------------------------------------------------------------------


def rank(now: datetime) -> dict[str, int]:
    """Compute the rankings of this week and month anew; how many have a place in each.

    Opens a unit of work for each. Within the first hour the period before, too.
    """
    result: dict[str, int] = {}
    for period in RankingPeriod:
        starts = {team.period_start(period, moment) for moment in (now - _LATE, now)}
        for start in sorted(starts):
            values = _figures(start, _end(period, start))
            db.session.rollback()
            result[period.value] = run_unit(team.replace, period, start, values, now=now)
    return result


def _end(period: RankingPeriod, start: date) -> date:
    if period is RankingPeriod.WEEK:
        return start + timedelta(days=7)
    return (start + timedelta(days=32)).replace(day=1)


def _figures(start: date, end: date) -> dict[int, int]:
    """Fen by distributor for the days from `start` on and before `end`."""
    since, until = _midnight(start), _midnight(end)
    active = sa.select(Distributor.member_id).where(
        Distributor.status == DistributorStatus.APPROVED
    )
    if settings.value(settings.registry.RANKING_METRIC) == "earned":
        fen = sa.func.sum(Commission.amount_fen - Commission.reversed_fen)
        query = (
            sa.select(Commission.member_id, fen)
            .where(
                Commission.created_at >= since,
                Commission.created_at < until,
                Commission.member_id.in_(active),
            )
            .group_by(Commission.member_id)
        )
    else:
        fen = sa.func.sum(OrderLine.paid_fen - OrderLine.refunded_fen)
        query = (
            sa.select(OrderSeat.member_id, fen)
            .select_from(Order)
            .join(OrderSeat, OrderSeat.order_id == Order.id)
            .join(OrderLine, OrderLine.order_id == Order.id)
            .where(
                Order.paid_at >= since,
                Order.paid_at < until,
                OrderSeat.position == 1,
                OrderSeat.is_active,
                OrderSeat.member_id.in_(active),
            )
            .group_by(OrderSeat.member_id)
        )
    rows = db.session.execute(query.having(fen > 0))
    return {member_id: int(value) for member_id, value in rows}


def _midnight(day: date) -> datetime:
    return clock.as_utc(datetime(day.year, day.month, day.day, tzinfo=clock.SHANGHAI))


# --- news --------------------------------------------------------------------------


def _refund_changed(refund_id: int, now: datetime) -> None:
    refresh(aftersales.refund_by_id(refund_id).order_id, now)


def subscribe() -> None:
    """Register with the outbox; called once when the app is made.

    Commissions that follow a refund call `refresh` themselves, so that what was earned
    is right whenever they are.
    """
    for topic in ("order_paid", "commissions_accrued"):
        outbox.subscribe(topic, "team.refresh", refresh, holds_up=False)
    for topic in ("refund_approved", "refund_closed"):
        outbox.subscribe(topic, "team.refresh", _refund_changed, holds_up=False)
