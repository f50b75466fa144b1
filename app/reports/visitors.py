"""What pages of the mall begin with, in one query each: who asks, what is left."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import load_only

from app import settings
from app.catalog import Sku
from app.core.db import db, direct
from app.distribution import Distributor, DistributorStatus, ReferralCode
from app.interests import Favourite
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
    .options(
        # What pages say of themselves; the few that ask for more read the rest then.
        load_only(
            Member.public_id,
            Member.nickname,
            Member.avatar_url,
            Member.status,
            Member.is_subscribed,
            Member.upline1_id,
            Member.erased_at,
        )
    )
)


def visitor(member_id: int) -> Visitor | None:
    """None for an id that is nobody's."""
    row = db.session.execute(_VISITOR, {"member_id": member_id}).one_or_none()
    if row is None:
        return None
    member, level, code, cart_count, stamp = row
    settings.as_of(stamp)
    return Visitor(member, level or "", code or "", cart_count)


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
