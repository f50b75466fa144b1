from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.catalog import Product
from app.core.db import db
from app.core.pages import Page, newest_first
from app.interests.models import Favourite, Visit

VISITS_SHOWN = 100


@dataclass(frozen=True)
class Liked:
    """A favourite with its product as it is now."""

    favourite: Favourite
    product: Product
    is_on_sale: bool

    @property
    def price_fen(self) -> int:
        """The shop's price as lists show it: of what can be bought, if anything can."""
        skus = [sku for sku in self.product.skus if sku.stock] or self.product.skus
        return min((sku.price_fen for sku in skus), default=0)

    @property
    def fell_fen(self) -> int:
        """By how much it is cheaper than when it was added, 0 if it is not."""
        return max(0, self.favourite.was_fen - self.price_fen) if self.is_on_sale else 0


@dataclass(frozen=True)
class Seen:
    """A product that the member looked at, and when the last time was."""

    product: Product
    seen_at: datetime
    is_on_sale: bool


def is_favourite(member_id: int, product_id: int) -> bool:
    return (
        db.session.scalar(
            sa.select(Favourite.id).filter_by(member_id=member_id, product_id=product_id)
        )
        is not None
    )


def favourite_count(member_id: int) -> int:
    return (
        db.session.scalar(
            sa.select(sa.func.count()).select_from(Favourite).filter_by(member_id=member_id)
        )
        or 0
    )


def favourites_of(
    member_id: int,
    *,
    now: datetime,
    is_on_sale: bool = True,
    before: int | None = None,
    size: int = 20,
) -> Page[Liked]:
    """A member's favourites that can be bought, or that cannot; newest first."""
    on_sale = Product.selling(now)
    page = newest_first(
        sa.select(Favourite)
        .join(Product, Product.id == Favourite.product_id)
        .where(Favourite.member_id == member_id, on_sale if is_on_sale else sa.not_(on_sale)),
        Favourite.id,
        before=before,
        size=size,
    )
    found = _products(row.product_id for row in page.items)
    return Page(
        [Liked(row, found[row.product_id], is_on_sale) for row in page.items], page.next_before
    )


def visits_of(member_id: int, *, now: datetime) -> Sequence[Seen]:
    """What a member looked at, the newest `VISITS_SHOWN`, newest first."""
    rows = db.session.scalars(
        sa.select(Visit)
        .filter_by(member_id=member_id)
        .order_by(Visit.seen_at.desc(), Visit.product_id)
        .limit(VISITS_SHOWN)
    ).all()
    found = _products(row.product_id for row in rows)
    return [
        Seen(found[row.product_id], row.seen_at, found[row.product_id].sells_at(now))
        for row in rows
    ]


def _products(ids: Iterable[int]) -> dict[int, Product]:
    wanted = set(ids)
    if not wanted:
        return {}
    rows = db.session.scalars(
        sa.select(Product).where(Product.id.in_(wanted)).options(selectinload(Product.skus))
    )
    return {row.id: row for row in rows}
