from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.commission.models import Commission, CommissionStatus
from app.core import clock
from app.core.db import db
from app.core.errors import NotFound
from app.core.pages import Page, newest_first


@dataclass(frozen=True)
class Summary:
    """What a distributor earned, in fen, by the time their orders were paid."""

    today_fen: int
    month_fen: int
    all_fen: int


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
    """Everyone's commissions, newest first, for the admin panel."""
    query = sa.select(Commission)
    if status is not None:
        query = query.filter_by(status=status)
    return newest_first(query, Commission.id, before=before, size=size)
