from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from app.catalog.errors import SoldOff
from app.catalog.models import Category, Product, Sku
from app.core.db import db
from app.core.errors import NotFound


def categories() -> Sequence[Category]:
    return db.session.scalars(sa.select(Category).order_by(Category.sort, Category.id)).all()


def listed(*, category_id: int | None = None, limit: int = 40) -> Sequence[Product]:
    """Products on the shelf with their SKUs, in the shop's order."""
    query = sa.select(Product).filter_by(is_on_shelf=True).options(selectinload(Product.skus))
    if category_id is not None:
        query = query.filter_by(category_id=category_id)
    return db.session.scalars(query.order_by(Product.sort, Product.id.desc()).limit(limit)).all()


def titles_of(product_ids: Iterable[int]) -> dict[int, str]:
    """Titles by id, on the shelf or not, for pages that name products."""
    wanted = set(product_ids)
    if not wanted:
        return {}
    rows = db.session.execute(sa.select(Product.id, Product.title).where(Product.id.in_(wanted)))
    return dict(rows.all())


def product_for_sale(product_id: int) -> Product:
    """A product with its SKUs. Raises NotFound unless it is on the shelf."""
    product = db.session.scalar(
        sa.select(Product)
        .filter_by(id=product_id, is_on_shelf=True)
        .options(selectinload(Product.skus))
    )
    if product is None:
        raise NotFound("商品不存在或已下架")
    return product


def skus_by_id(sku_ids: Iterable[int]) -> dict[int, Sku]:
    """SKUs with their products, for sale or not, for carts and orders that name them."""
    wanted = set(sku_ids)
    if not wanted:
        return {}
    return {
        sku.id: sku
        for sku in db.session.scalars(
            sa.select(Sku).where(Sku.id.in_(wanted)).options(joinedload(Sku.product))
        )
    }


def for_sale_among(skus: Iterable[Sku]) -> set[int]:
    """The ids of those that may be bought; how many are left is another matter."""
    return {sku.id for sku in skus if sku.product.is_on_shelf}


def skus_for_sale(sku_ids: Iterable[int]) -> dict[int, Sku]:
    """SKUs by id with their products. Raises SoldOff if one cannot be bought."""
    wanted = set(sku_ids)
    found = skus_by_id(wanted)
    if wanted - for_sale_among(found.values()):
        raise SoldOff()
    return found


def categories_of_products(product_ids: Iterable[int]) -> dict[int, list[int]]:
    """For each product its category and that one's ancestors, nearest first."""
    parents = dict(db.session.execute(sa.select(Category.id, Category.parent_id)).all())
    rows = db.session.execute(
        sa.select(Product.id, Product.category_id).where(Product.id.in_(set(product_ids)))
    )
    return {product_id: _ancestry(category_id, parents) for product_id, category_id in rows}


def _ancestry(category_id: int | None, parents: Mapping[int, int | None]) -> list[int]:
    path: list[int] = []
    while category_id is not None and category_id not in path:
        path.append(category_id)
        category_id = parents.get(category_id)
    return path
