"""What is counted for bonuses (返利考核指标), in sets: one statement for everybody.

An order counts in the period in which its goods were received (确认收货), because a
commission comes only from received goods past the return window, too: a run waits
until the guard of its last receipt is over. It counts for the seats of its checkout,
active then, as `orders.sales` does; somebody's own orders count for nobody's bonus,
so that nobody buys to be paid for it. Money counts as it stands: paid minus refunded,
freight left out.

- `personal_sales`: what the direct upline's friends paid.
- `personal_profit`: by line, that less the cost of the pieces that were kept, and
  never below 0, as the `profit` base of a plan.
- `orders`: the direct upline's orders of which anything is left.
- `team_sales`: sales of every depth that this server pays.
- `recruits`: direct members who became distributors in the period.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from app import settings
from app.audit.models import StateMove
from app.commission import plans
from app.commission.bonus.rules import BPS_MAX, Metric, Program, Span, TierMode
from app.core.db import Rows, db
from app.distribution import Distributor, DistributorStatus, levels
from app.members import Member
from app.orders import Order, OrderLine
from app.orders.models import OrderSeat
from app.risk.models import RiskFlag, RiskFlagMember, RiskState

Number = sa.ColumnElement[int]

NOT_CLEAN = "考核期内有违规记录，或有订单正在核实"


def guard_over(span: Span, now: datetime) -> bool:
    """Whether the return window of everything received in a period is over."""
    days = timedelta(days=settings.value(settings.registry.GUARD_DAYS))
    if now < span.end + days:
        return False
    # The setting may have been longer when they were received.
    last = db.session.scalar(sa.select(sa.func.max(Order.guard_ends_at)).where(*_received(span)))
    return last is None or last <= now


def values(metric: Metric, span: Span, *, member_id: int | None = None) -> Rows:
    """`member_id` and `value` (above 0) of everybody, or of one member."""
    if metric is Metric.RECRUITS:
        return _recruits(span, member_id)
    if metric is Metric.ORDERS:
        return _orders(span, member_id)
    positions = range(1, plans.hard_cap() + 1) if metric is Metric.TEAM_SALES else (1,)
    each = _profit() if metric is Metric.PERSONAL_PROFIT else _left()
    fen = sa.func.sum(each)
    query = (
        sa.select(OrderSeat.member_id.label("member_id"), fen.label("value"))
        .select_from(Order)
        .join(OrderSeat, OrderSeat.order_id == Order.id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(*_received(span), *_seats(positions))
        .group_by(OrderSeat.member_id)
        .having(fen > 0)
    )
    return query if member_id is None else query.where(OrderSeat.member_id == member_id)


def value_of(metric: Metric, span: Span, member_id: int) -> int:
    row = db.session.execute(values(metric, span, member_id=member_id)).one_or_none()
    return 0 if row is None else int(row.value)


def results(program: Program, span: Span) -> sa.Subquery:
    """What everybody earns in a period: `member_id, value, tier, amount, reason`.

    For approved distributors only, and amounts above 0. `reason` says which condition is not met, in the
    words that the distributor reads; it is empty where all are.
    """
    counted = values(program.metric, span).subquery()
    amount, tier = amount_sql(program, counted.c.value), tier_sql(program, counted.c.value)
    return (
        sa.select(
            counted.c.member_id,
            counted.c.value,
            tier.label("tier"),
            amount.label("amount"),
            _unmet(program, span).label("reason"),
        )
        .join(Distributor, Distributor.member_id == counted.c.member_id)
        .where(Distributor.status == DistributorStatus.APPROVED, amount > 0)
        .subquery()
    )


def tier_sql(program: Program, value: Number) -> Number:
    """`rules.tier_of` for a column."""
    steps = list(enumerate(program.steps, start=1))
    return sa.case(*((value >= step.start, number) for number, step in steps[::-1]), else_=0)


def amount_sql(program: Program, value: Number) -> Number:
    """`rules.amount_of` for a column of values above 0."""
    if program.tier_mode is TierMode.WHOLE:
        return sa.case(
            *(
                (
                    value >= step.start,
                    _floor(value * step.bps) if step.bps is not None else (step.fen or 0),
                )
                for step in program.steps[::-1]
            ),
            else_=0,
        )
    parts: list[Number] = []
    ends = [step.start for step in program.steps[1:]]
    for step, end in zip(program.steps, [*ends, None], strict=True):
        top = value if end is None else sa.case((value < end, value), else_=end)
        parts.append(sa.case((value > step.start, (top - step.start) * (step.bps or 0)), else_=0))
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return _floor(total)


def _floor(product: Number) -> Number:
    """Divided by 10000 and rounded down; MariaDB keeps four decimals until then."""
    return product // BPS_MAX


def _received(span: Span) -> Sequence[sa.ColumnElement[bool]]:
    return Order.received_at >= span.start, Order.received_at < span.end


def _seats(positions: Sequence[int]) -> Sequence[sa.ColumnElement[bool]]:
    return OrderSeat.position.in_(positions), OrderSeat.is_active.is_(True)


def _left() -> Number:
    return OrderLine.paid_fen - OrderLine.refunded_fen


def _profit() -> Number:
    kept = OrderLine.quantity - OrderLine.refunded_quantity
    profit = _left() - OrderLine.unit_cost_fen * kept
    return sa.case((profit > 0, profit), else_=0)


def _orders(span: Span, member_id: int | None) -> Rows:
    per_order = (
        sa.select(OrderSeat.member_id)
        .select_from(Order)
        .join(OrderSeat, OrderSeat.order_id == Order.id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(*_received(span), *_seats((1,)))
        .group_by(Order.id, OrderSeat.member_id)
        .having(sa.func.sum(_left()) > 0)
    )
    if member_id is not None:
        per_order = per_order.where(OrderSeat.member_id == member_id)
    left = per_order.subquery()
    return sa.select(left.c.member_id, sa.func.count().label("value")).group_by(left.c.member_id)


def _recruits(span: Span, member_id: int | None) -> Rows:
    query = (
        sa.select(Member.upline1_id.label("member_id"), sa.func.count().label("value"))
        .select_from(Distributor)
        .join(Member, Member.id == Distributor.member_id)
        .where(
            Distributor.approved_at >= span.start,
            Distributor.approved_at < span.end,
            Distributor.status.in_((DistributorStatus.APPROVED, DistributorStatus.SUSPENDED)),
            Member.upline1_id.is_not(None),
        )
        .group_by(Member.upline1_id)
    )
    return query if member_id is None else query.where(Member.upline1_id == member_id)


def _unmet(program: Program, span: Span) -> sa.ColumnElement[str]:
    """The first condition that the joined distributor does not meet, in words."""
    asked = program.conditions
    unmet: list[tuple[sa.ColumnElement[bool], str]] = []
    if asked.min_level:
        ladder = levels.ladder()
        least = ladder.at(asked.min_level)
        high = [level.code for level in ladder.levels if level.rank >= least.rank]
        unmet.append((Distributor.level.not_in(high), f"等级未达到“{least.name}”"))
    if asked.min_recruits:
        brought = _recruits(span, None).subquery()
        count = (
            sa.select(brought.c.value)
            .where(brought.c.member_id == Distributor.member_id)
            .scalar_subquery()
        )
        said = f"新发展的分销员不足 {asked.min_recruits} 人"
        unmet.append((sa.func.coalesce(count, 0) < asked.min_recruits, said))
    if asked.clean_record:
        unmet.append((sa.or_(_flagged(span), _suspended(span)), NOT_CLEAN))
    if not unmet:
        return sa.literal("")
    return sa.case(*unmet, else_="")


def _flagged(span: Span) -> sa.ColumnElement[bool]:
    """Held by an open flag now, or found to have abused from the period's start on."""
    return (
        sa.select(RiskFlag.id)
        .join(RiskFlagMember, RiskFlagMember.flag_id == RiskFlag.id)
        .where(
            RiskFlagMember.member_id == Distributor.member_id,
            RiskFlagMember.is_held,
            sa.or_(
                RiskFlag.state == RiskState.OPEN,
                sa.and_(RiskFlag.state == RiskState.CONFIRMED, RiskFlag.decided_at >= span.start),
            ),
        )
        .exists()
    )


def _suspended(span: Span) -> sa.ColumnElement[bool]:
    return (
        sa.select(StateMove.id)
        .where(
            StateMove.subject == "distributor",
            StateMove.subject_id == Distributor.id,
            StateMove.to_state == DistributorStatus.SUSPENDED.value,
            StateMove.at >= span.start,
        )
        .exists()
    )
