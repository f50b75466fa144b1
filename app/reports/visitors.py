"""What pages of the mall begin with, in one query each: who asks, what is left."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import settings
from app.catalog import Sku
from app.core.rows import direct
from app.distribution import Distributor, DistributorStatus, ReferralCode
from app.interests import Favourite
from app.members import PRIVACY, Consent, Member, MemberStatus, Named
from app.orders.cart.models import CartLine


@dataclass(frozen=True)
class Visitor(Named):
    """The member who asks, with what pages say of them.

    `level` and `code` are a distributor's who may earn and share now, else empty.
    """

    id: int
    public_id: str
    nickname: str
    avatar_url: str
    status: MemberStatus
    is_subscribed: bool
    upline1_id: int | None
    bound_at: datetime | None
    erased_at: datetime | None
    level: str
    code: str
    cart_count: int
    # The version of the privacy notice that they agreed to last; empty: none.
    agreed: str


_MEMBER_ID = sa.bindparam("member_id", type_=sa.BigInteger)
# Built once: putting it together costs more than the database takes for it.
_VISITOR = (
    sa.select(
        Member.id,
        Member.public_id,
        Member.nickname,
        Member.avatar_url,
        Member.status,
        Member.is_subscribed,
        Member.upline1_id,
        Member.bound_at,
        Member.erased_at,
        sa.func.coalesce(Distributor.level, ""),
        sa.func.coalesce(ReferralCode.code, ""),
        sa.select(sa.func.count())
        .select_from(CartLine)
        .where(CartLine.member_id == _MEMBER_ID)
        .scalar_subquery(),
        sa.func.coalesce(
            sa.select(Consent.version)
            .where(Consent.member_id == _MEMBER_ID, Consent.document == PRIVACY)
            .order_by(Consent.id.desc())
            .limit(1)
            .scalar_subquery(),
            "",
        ),
        settings.STAMP,
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
    row = direct(_VISITOR, member_id=member_id).one_or_none()
    if row is None:
        return None
    *facts, stamp = row
    settings.as_of(stamp)
    return Visitor(*facts)


@dataclass(frozen=True)
class ProductNow:
    """What a product's page asks anew each time.

    `stocks` are (SKU, pieces left) in the order of the ids.
    """

    stocks: tuple[tuple[int, int], ...]
    is_favourite: bool


_PRODUCT_ID = sa.bindparam("product_id", type_=sa.BigInteger)
_PRODUCT_NOW = (
    sa.select(
        Sku.id,
        Sku.stock,
        sa.exists()
        .where(Favourite.member_id == _MEMBER_ID, Favourite.product_id == _PRODUCT_ID)
        .label("is_favourite"),
    )
    .where(Sku.product_id == _PRODUCT_ID)
    .order_by(Sku.id)
)


def product_now(product_id: int, member_id: int | None) -> ProductNow:
    """What is left of a product, and whether the member likes it (nobody likes nothing)."""
    rows = direct(_PRODUCT_NOW, product_id=product_id, member_id=member_id).all()
    return ProductNow(
        tuple((row.id, row.stock) for row in rows), any(row.is_favourite for row in rows)
    )
