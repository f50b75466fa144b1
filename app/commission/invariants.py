import sqlalchemy as sa

from app import orders, outbox
from app.aftersales import Refund
from app.commission.filing import settled_in
from app.commission.models import (
    Commission,
    CommissionDue,
    CommissionStatus,
    PlanVersion,
    SettlementBatch,
)
from app.core.db import Rows
from app.ledger import Account, AccountKind, Entry, invariant

_C1 = "commissions of a line stay within its cap, one row a depth, depth within the hard cap"
_C4 = "settled commissions by posting and member equal the entry"
_C5 = "what may be settled equals the pending commissions"
_OPEN = (CommissionStatus.PENDING, CommissionStatus.HELD)


@invariant("C1", _C1)
def _above_cap() -> Rows:
    cap_bps = sa.cast(PlanVersion.document["line_cap_bps"].as_integer(), sa.BigInteger)
    total = sa.func.sum(Commission.amount_fen)
    return (
        sa.select(Commission.order_line_id.label("line"), total.label("total_fen"))
        .join(orders.OrderLine, orders.OrderLine.id == Commission.order_line_id)
        .join(PlanVersion, PlanVersion.id == Commission.plan_id)
        .group_by(Commission.order_line_id, orders.OrderLine.paid_fen, PlanVersion.id)
        .having(total * 10_000 > orders.OrderLine.paid_fen * sa.func.max(cap_bps))
    )


@invariant("C1", _C1)
def _two_of_a_depth() -> Rows:
    return (
        sa.select(Commission.order_line_id.label("line"), Commission.depth)
        .group_by(Commission.order_line_id, Commission.depth)
        .having(sa.func.count() > 1)
    )


@invariant("C1", _C1)
def _too_deep() -> Rows:
    """No plan is deeper than the hard cap, so the plan's own depth is the stricter word."""
    depth_cap = sa.cast(PlanVersion.document["depth_cap"].as_integer(), sa.BigInteger)
    return (
        sa.select(Commission.id.label("commission"), Commission.depth)
        .join(PlanVersion, PlanVersion.id == Commission.plan_id)
        .where(sa.or_(Commission.depth < 1, Commission.depth > depth_cap))
    )


@invariant("C2", "after refunds a commission stands exactly at amount * (paid - refunded) // paid")
def _refund_not_followed() -> Rows:
    """Lines whose order still has news to deliver are in flight, not wrong."""
    line = orders.OrderLine
    target = Commission.amount_fen * (line.paid_fen - line.refunded_fen)
    # target // paid == standing, without relying on how an engine divides.
    standing = Commission.amount_fen - Commission.reversed_fen
    untold = sa.select(Refund.order_id).where(
        sa.or_(
            *(Refund.id.in_(outbox.undelivered(t)) for t in ("refund_approved", "refund_closed"))
        )
    )
    return (
        sa.select(Commission.id.label("commission"), Commission.reversed_fen)
        .join(line, line.id == Commission.order_line_id)
        .where(
            sa.or_(
                standing * line.paid_fen > target,
                (standing + 1) * line.paid_fen <= target,
            ),
            Commission.order_id.not_in(outbox.undelivered("order_paid")),
            Commission.order_id.not_in(untold),
        )
    )


@invariant("C3", "none settled before the guard ended")
def _settled_early() -> Rows:
    taken = settled_in()
    return (
        sa.select(taken.c.commission_id.label("commission"), SettlementBatch.at.label("settled_at"))
        .join(SettlementBatch, SettlementBatch.id == taken.c.batch_id)
        .join(orders.Order, orders.Order.id == taken.c.order_id)
        .where(
            sa.or_(
                orders.Order.guard_ends_at.is_(None),
                SettlementBatch.at < orders.Order.guard_ends_at,
            ),
        )
    )


@invariant("C4", _C4)
def _entry_differs() -> Rows:
    booked = (
        sa.select(
            SettlementBatch.id.label("batch"),
            Account.owner_id.label("member"),
            (-sa.func.sum(Entry.amount_fen)).label("booked_fen"),
        )
        .join(Entry, Entry.posting_id == SettlementBatch.posting_id)
        .join(Account, Account.id == Entry.account_id)
        .where(Account.kind == AccountKind.PENDING)
        .group_by(SettlementBatch.id, Account.owner_id)
        .subquery()
    )
    taken = settled_in()
    settled = (
        sa.select(
            taken.c.batch_id.label("batch"),
            taken.c.member_id.label("member"),
            sa.func.sum(taken.c.settled_fen).label("settled_fen"),
        )
        .group_by(taken.c.batch_id, taken.c.member_id)
        .subquery()
    )
    return (
        sa.select(settled.c.batch, settled.c.member, settled.c.settled_fen, booked.c.booked_fen)
        .outerjoin(
            booked,
            sa.and_(booked.c.batch == settled.c.batch, booked.c.member == settled.c.member),
        )
        .where(sa.or_(booked.c.booked_fen.is_(None), booked.c.booked_fen != settled.c.settled_fen))
    )


@invariant("C4", _C4)
def _batch_differs() -> Rows:
    taken = settled_in()
    counted = (
        sa.select(taken.c.batch_id.label("batch"), sa.func.count().label("found"))
        .group_by(taken.c.batch_id)
        .subquery()
    )
    found = sa.func.coalesce(counted.c.found, 0)
    return (
        sa.select(SettlementBatch.id.label("batch"), SettlementBatch.rows, found.label("found"))
        .outerjoin(counted, counted.c.batch == SettlementBatch.id)
        .where(sa.or_(found != SettlementBatch.rows, SettlementBatch.posting_id.is_(None)))
    )


@invariant("P1", "pending equals the open commissions of the member")
def _pending_differs() -> Rows:
    standing = Commission.amount_fen - Commission.reversed_fen
    open_ones = sa.select(Commission.member_id, standing.label("fen")).where(
        Commission.status.in_(_OPEN)
    )
    # Their money has moved; that they say so follows.
    unfiled = sa.select(CommissionDue.member_id, -CommissionDue.amount_fen).where(
        CommissionDue.batch_id > 0
    )
    each = open_ones.union_all(unfiled).subquery()
    owed = (
        sa.select(each.c.member_id, sa.func.sum(each.c.fen).label("owed_fen"))
        .group_by(each.c.member_id)
        .subquery()
    )
    return (
        sa.select(Account.owner_id.label("member"), Account.balance_fen, owed.c.owed_fen)
        .outerjoin(owed, owed.c.member_id == Account.owner_id)
        .where(
            Account.kind == AccountKind.PENDING,
            Account.balance_fen != sa.func.coalesce(owed.c.owed_fen, 0),
        )
    )


@invariant("P1", "pending equals the open commissions of the member")
def _pending_missing() -> Rows:
    account = sa.select(Account.id).where(
        Account.owner_id == Commission.member_id, Account.kind == AccountKind.PENDING
    )
    return sa.select(Commission.id.label("commission")).where(
        Commission.status.in_(_OPEN), ~account.exists()
    )


@invariant("C5", _C5)
def _due_differs() -> Rows:
    due = CommissionDue
    return (
        sa.select(Commission.id.label("commission"), due.amount_fen, due.mature_at)
        .outerjoin(
            due,
            sa.and_(due.member_id == Commission.member_id, due.commission_id == Commission.id),
        )
        .where(
            Commission.status == CommissionStatus.PENDING,
            sa.or_(
                due.commission_id.is_(None),
                due.amount_fen != Commission.amount_fen - Commission.reversed_fen,
                due.mature_at != Commission.mature_at,
            ),
        )
    )


@invariant("C5", _C5)
def _due_of_nothing() -> Rows:
    due = CommissionDue
    return (
        sa.select(due.commission_id.label("commission"), due.member_id.label("member"))
        .outerjoin(Commission, Commission.id == due.commission_id)
        .where(
            sa.or_(
                Commission.id.is_(None),
                Commission.member_id != due.member_id,
                Commission.status != CommissionStatus.PENDING,
            )
        )
    )
