"""What a deleted account leaves behind in its after-sales (注销)."""

import sqlalchemy as sa

from app.aftersales.models import FINAL, TRANSITIONS, AfterSale, Refund
from app.core.db import db, require_transaction
from app.core.rows import affected
from app.orders import Oddity, Order

_OPEN = [status for status, following in TRANSITIONS.items() if following]


def open_aftersales(member_id: int) -> int:
    """How many after-sales of a member did not end."""
    return _count(
        sa.select(AfterSale.id).where(AfterSale.member_id == member_id, AfterSale.status.in_(_OPEN))
    )


def open_refunds(member_id: int) -> int:
    """How many payments of a member are on their way back, or wait for a person to send them."""
    mine = sa.select(Order.id).where(Order.member_id == member_id)
    refunds = sa.select(Refund.id).where(
        Refund.order_id.in_(mine), Refund.aftersale_id.is_(None), Refund.status.not_in(FINAL)
    )
    oddities = sa.select(Oddity.id).where(Oddity.order_id.in_(mine), Oddity.resolved_at.is_(None))
    return _count(refunds) + _count(oddities)


def forget(member_id: int) -> None:
    """Blank what a member wrote and showed; kind, goods, amounts and times stay.

    `uploads.release_all` deletes the pictures themselves.
    """
    require_transaction()
    affected(
        sa.update(AfterSale)
        .where(AfterSale.member_id == member_id)
        .values(description="", pictures=[])
    )


def _count(query: sa.Select[int]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
