from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.commission.models import (
    Commission,
    CommissionDue,
    CommissionStatus,
    PlanVersion,
    SettlementBatch,
)
from app.commission.quote import Line, Person, Plan, after_refund, quote
from app.core import clock
from app.core.db import Rows, db
from app.core.errors import NotFound
from app.core.pages import Page, newest_first
from app.orders import OrderLine

_OPEN_FIRST = "ix_commissions_batch_id_member_id_mature_at"
_UNSETTLED = (CommissionStatus.PENDING, CommissionStatus.HELD, CommissionStatus.VOID)


@dataclass(frozen=True)
class Summary:
    """What a distributor earned, in fen, by the time their orders were paid."""

    today_fen: int
    month_fen: int
    all_fen: int


@dataclass(frozen=True)
class Loss:
    """What a refund takes from one commission, in fen."""

    row: Commission
    lost_fen: int


def losses(lines: Sequence[OrderLine], refunds: Mapping[int, int]) -> list[Loss]:
    """What distributors would lose if so much (by line id) were refunded of these lines.

    Source: commission.md, "After a refund"; `following.follow` books the same.
    """
    by_id = {line.id: line for line in lines if refunds.get(line.id) and line.paid_fen}
    rows = db.session.scalars(
        sa.select(Commission)
        .where(Commission.order_line_id.in_(by_id))
        .order_by(Commission.depth, Commission.id)
    )
    found = []
    for row in rows:
        line = by_id[row.order_line_id]
        left = after_refund(
            row.amount_fen,
            paid_fen=line.paid_fen,
            refunded_fen=line.refunded_fen + refunds[line.id],
        )
        found.append(Loss(row, row.standing_fen - left))
    return found


def reversed_in(member_id: int, order_ids: Iterable[int]) -> dict[int, int]:
    """A member's commission that was taken back, by order: where a statement leads."""
    rows = db.session.execute(
        sa.select(Commission.order_id, sa.func.min(Commission.id))
        .where(
            Commission.member_id == member_id,
            Commission.order_id.in_(set(order_ids)),
            Commission.batch_id > 0,
        )
        .group_by(Commission.order_id)
    )
    return dict(rows.all())


def settled_by(
    member_id: int, posting_id: int, *, before: int | None = None, size: int = 20
) -> Page[Commission]:
    """A member's commissions that one posting of a settlement brought, newest first."""
    batch = sa.select(SettlementBatch.id).filter_by(posting_id=posting_id).scalar_subquery()
    unfiled = sa.select(CommissionDue.commission_id).where(
        CommissionDue.member_id == member_id, CommissionDue.batch_id == batch
    )
    query = sa.select(Commission).where(
        Commission.member_id == member_id,
        sa.or_(Commission.batch_id == batch, Commission.id.in_(unfiled)),
    )
    return newest_first(query, Commission.id, before=before, size=size)


def summary_of(member_id: int, now: datetime) -> Summary:
    """Earnings of today, this calendar month (Asia/Shanghai) and all time."""
    today = clock.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    standing = Commission.amount_fen - Commission.reversed_fen
    since = [
        sa.func.coalesce(
            sa.func.sum(sa.case((Commission.created_at >= start, standing), else_=0)), 0
        )
        for start in (today, today.replace(day=1))
    ]
    row = db.session.execute(
        sa.select(*since, sa.func.coalesce(sa.func.sum(standing), 0)).where(
            Commission.member_id == member_id
        )
    ).one()
    return Summary(*(int(value) for value in row))


def commissions_of(
    member_id: int,
    statuses: Sequence[CommissionStatus] | None = None,
    *,
    before: int | None = None,
    size: int = 20,
) -> Page[Commission]:
    """A member's commissions, newest first."""
    query = sa.select(Commission).filter_by(member_id=member_id)
    if statuses:
        query = query.where(Commission.status.in_(statuses))
    return newest_first(query, Commission.id, before=before, size=size)


def expected_next(member_id: int, *, size: int = 5) -> Sequence[Commission]:
    """Open commissions whose day is known, the soonest first."""
    return db.session.scalars(
        sa.select(Commission)
        .where(
            Commission.member_id == member_id,
            Commission.status == CommissionStatus.PENDING,
            Commission.expected_at.is_not(None),
        )
        .order_by(Commission.expected_at, Commission.id)
        .limit(size)
    ).all()


def commission_of(member_id: int, commission_id: int) -> Commission:
    """One commission of this member. Raises NotFound for anyone else's."""
    found = db.session.scalar(
        sa.select(Commission).filter_by(id=commission_id, member_id=member_id)
    )
    if found is None:
        raise NotFound("佣金记录不存在")
    return found


def commissions_of_order(order_id: int) -> Sequence[Commission]:
    return db.session.scalars(
        sa.select(Commission).filter_by(order_id=order_id).order_by(Commission.id)
    ).all()


def commissions_page(
    status: CommissionStatus | None = None, *, before: int | None = None, size: int = 20
) -> Page[Commission]:
    """Everyone's commissions, newest first."""
    return newest_first(desk_commissions(status), Commission.id, before=before, size=size)


def desk_commissions(status: CommissionStatus | None = None) -> Rows:
    """What the desk's list of commissions is narrowed to."""
    query = sa.select(Commission)
    if status is not None:
        query = query.filter_by(status=status)
    if status in _UNSETTLED:
        # What the states mean anyway, said for the key's sake.
        query = query.filter_by(batch_id=0)
    if status is CommissionStatus.HELD:
        # So few that the newest are far apart: MariaDB would read all to find them.
        for dialect in ("mysql", "mariadb"):
            query = query.with_hint(Commission, f"FORCE INDEX ({_OPEN_FIRST})", dialect)
    return query


def commission_by_id(commission_id: int) -> Commission:
    """For the admin panel. Raises NotFound."""
    found = db.session.get(Commission, commission_id)
    if found is None:
        raise NotFound("佣金记录不存在")
    return found


def open_counts() -> dict[CommissionStatus, int]:
    """How many commissions that are not settled stand in each state.

    What is settled grows for ever, and no page needs to count it.
    """
    rows = db.session.execute(
        sa.select(Commission.status, sa.func.count())
        .where(Commission.batch_id == 0)
        .group_by(Commission.status)
    )
    return dict(rows.all())


def batch_posting(batch_id: int) -> int | None:
    """The posting of a settlement batch, None where there is none yet."""
    return db.session.scalar(sa.select(SettlementBatch.posting_id).filter_by(id=batch_id))


def plan_version(plan_id: int) -> PlanVersion:
    """The version that a commission names. Raises NotFound."""
    found = db.session.get(PlanVersion, plan_id)
    if found is None:
        raise NotFound("方案不存在")
    return found


def sharing_fen(
    *,
    level: str,
    product_id: int,
    category_ids: Sequence[int],
    price_fen: int,
    cost_fen: int,
    plan: Plan | None,
) -> int:
    """What a direct upline of this level would earn from one piece now (分享赚).

    A forecast for the product page: the order's own plan and price decide.
    """
    if plan is None:
        return 0
    [result] = quote(
        plan,
        buyer=Person(0, None, is_active=False),
        uplines=[Person(1, level or None, is_active=True)],
        lines=[
            Line(
                id="1",
                product_id=product_id,
                category_ids=category_ids,
                quantity=1,
                paid_fen=price_fen,
                unit_cost_fen=cost_fen,
            )
        ],
    )
    return sum(share.amount_fen for share in result.shares)
