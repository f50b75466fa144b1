"""Who asks for a page, in one query: every page of the mall begins with it."""

from dataclasses import dataclass

import sqlalchemy as sa

from app.core.db import db
from app.distribution import Distributor, DistributorStatus, ReferralCode
from app.members import Member
from app.orders.cart.models import CartLine


@dataclass(frozen=True)
class Visitor:
    """A member with what pages say of them.

    `level` and `code` are a distributor's who may earn and share now, else empty.
    """

    member: Member
    level: str
    code: str
    cart_count: int


_MEMBER_ID = sa.bindparam("member_id", type_=sa.BigInteger)
# Built once: putting it together costs more than the database takes for it.
_VISITOR = (
    sa.select(
        Member,
        Distributor.level,
        ReferralCode.code,
        sa.select(sa.func.count())
        .select_from(CartLine)
        .where(CartLine.member_id == _MEMBER_ID)
        .scalar_subquery(),
    )
    .outerjoin(
        Distributor,
        sa.and_(
            Distributor.member_id == Member.id,
            Distributor.status == DistributorStatus.APPROVED,
        ),
    )
    .outerjoin(ReferralCode, ReferralCode.member_id == Distributor.member_id)
    .where(Member.id == _MEMBER_ID)
)


def visitor(member_id: int) -> Visitor | None:
    """None for an id that is nobody's."""
    row = db.session.execute(_VISITOR, {"member_id": member_id}).one_or_none()
    if row is None:
        return None
    member, level, code, cart_count = row
    return Visitor(member, level or "", code or "", cart_count)
