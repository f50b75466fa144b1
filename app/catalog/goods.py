"""What carts and orders know of a SKU (货品): read often, as rows, and changed by nobody."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.catalog.errors import SoldOff
from app.catalog.models import Category, Product, ProductKind, Shown, Sku
from app.core import clock
from app.core.db import Rows
from app.core.rows import direct


@dataclass(frozen=True)
class GoodsProduct(Shown):
    """The product of a SKU, without what only its page shows."""

    id: int
    title: str
    kind: ProductKind
    pictures: list[str]
    is_on_shelf: bool
    on_from: datetime | None
    off_at: datetime | None
    limit_per_member: int
    freight_template_id: int | None
    # Its category, that one's parent, and the parent's: a tree is three deep.
    category_id: int | None
    parent_category_id: int | None
    top_category_id: int | None

    @property
    def category_ids(self) -> list[int]:
        """Nearest first."""
        path = (self.category_id, self.parent_category_id, self.top_category_id)
        return [each for each in path if each is not None]


@dataclass(frozen=True)
class Goods:
    """A SKU as it is at this moment, for sale or not."""

    product: GoodsProduct
    id: int
    product_id: int
    name: str
    code: str | None
    price_fen: int
    member_price_fen: int | None
    cost_fen: int
    stock: int
    weight_g: int
    is_active: bool


_OF_SKU = (
    *(Sku.id, Sku.product_id, Sku.name, Sku.code, Sku.price_fen, Sku.member_price_fen),
    *(Sku.cost_fen, Sku.stock, Sku.weight_g, Sku.is_active),
)
_Parent = aliased(Category)
_OF_PRODUCT = (
    *(Product.id, Product.title, Product.kind, Product.pictures),
    *(Product.is_on_shelf, Product.on_from, Product.off_at),
    *(Product.limit_per_member, Product.freight_template_id, Product.category_id),
    *(Category.parent_id, _Parent.parent_id),
)
_COLUMNS = (*_OF_SKU, *_OF_PRODUCT)


def goods_of(values: Iterable[Any]) -> Goods:
    """From the values that `with_goods` asks for."""
    known = tuple(values)
    return Goods(GoodsProduct(*known[len(_OF_SKU) :]), *known[: len(_OF_SKU)])


def with_goods(query: Rows, of: InstrumentedAttribute[int] | None = None) -> Rows:
    """A query that also asks, as its last columns, for SKUs: those that `of` names, or all."""
    asked = query.add_columns(*_COLUMNS)
    asked = asked.select_from(Sku) if of is None else asked.join(Sku, Sku.id == of)
    return (
        asked.join(Product, Product.id == Sku.product_id)
        .outerjoin(Category, Category.id == Product.category_id)
        .outerjoin(_Parent, _Parent.id == Category.parent_id)
    )


# Built once: every cart and order asks it.
_GOODS = with_goods(sa.select()).where(Sku.id.in_(sa.bindparam("ids", expanding=True)))


def skus_by_id(sku_ids: Iterable[int]) -> dict[int, Goods]:
    """SKUs with their products, for sale or not, for carts and orders that name them."""
    wanted = sorted(set(sku_ids))
    if not wanted:
        return {}
    return {row[0]: goods_of(row) for row in direct(_GOODS, ids=wanted)}


def for_sale_among(skus: Iterable[Goods], *, now: datetime | None = None) -> set[int]:
    """The ids of those that may be bought; how many are left is another matter.

    Without `now` it is this very moment: a shelf's times are no business of callers.
    """
    moment = now or clock.now()
    return {sku.id for sku in skus if sku.is_active and sku.product.sells_at(moment)}


def skus_for_sale(sku_ids: Iterable[int], *, now: datetime | None = None) -> dict[int, Goods]:
    """SKUs by id with their products. Raises SoldOff if one cannot be bought."""
    wanted = set(sku_ids)
    found = skus_by_id(wanted)
    if wanted - for_sale_among(found.values(), now=now):
        raise SoldOff()
    return found


_SISTERS = (
    sa.select(Sku.id)
    .where(Sku.product_id.in_(sa.bindparam("product_ids", expanding=True)), Sku.is_active)
    .order_by(Sku.id)
)


def sisters_of(product_ids: Iterable[int]) -> set[int]:
    """All SKUs that these products offer."""
    wanted = sorted(set(product_ids))
    return set(direct(_SISTERS, product_ids=wanted).scalars()) if wanted else set()
