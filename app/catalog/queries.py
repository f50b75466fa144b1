from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from app.catalog.models import Category, Product, Sku, StockMove
from app.core import clock
from app.core.db import Rows, db
from app.core.errors import NotFound
from app.core.pages import Page, newest_first
from app.core.rows import direct


def categories() -> Sequence[Category]:
    return db.session.scalars(sa.select(Category).order_by(Category.sort, Category.id)).all()


def titles_of(product_ids: Iterable[int]) -> dict[int, str]:
    """Titles by id, on the shelf or not, for pages that name products."""
    wanted = set(product_ids)
    if not wanted:
        return {}
    rows = db.session.execute(sa.select(Product.id, Product.title).where(Product.id.in_(wanted)))
    return dict(rows.all())


def product_for_sale(product_id: int, *, now: datetime | None = None) -> Product:
    """A product with its SKUs. Raises NotFound unless it is on the shelf."""
    found = product(product_id)
    if not found.sells_at(now or clock.now()):
        raise NotFound("商品不存在或已下架")
    return found


def product(product_id: int) -> Product:
    """A product with its SKUs, on the shelf or not. Raises NotFound."""
    found = db.session.scalars(_PRODUCT, {"product_id": product_id}).unique().one_or_none()
    if found is None:
        raise NotFound("商品不存在或已下架")
    return found


_PRODUCT = (
    sa.select(Product)
    .where(Product.id == sa.bindparam("product_id"))
    .options(joinedload(Product.skus))
)


def products_by_id(product_ids: Iterable[int]) -> dict[int, Product]:
    """Products with their SKUs, on the shelf or not, for pages that show a choice of them."""
    wanted = set(product_ids)
    if not wanted:
        return {}
    query = sa.select(Product).where(Product.id.in_(wanted)).options(selectinload(Product.skus))
    return {product.id: product for product in db.session.scalars(query)}


def categories_of_products(product_ids: Iterable[int]) -> dict[int, list[int]]:
    """For each product its category and that one's ancestors, nearest first."""
    rows = db.session.execute(
        sa.select(Product.id, Product.category_id).where(Product.id.in_(set(product_ids)))
    )
    parents = category_parents()
    return {product_id: path_of(of, parents) for product_id, of in rows}


def category_parents() -> dict[int, int | None]:
    """The whole tree of categories: of each the one above it."""
    return dict(direct(_PARENTS).all())


_PARENTS = sa.select(Category.id, Category.parent_id)


def path_of(category_id: int | None, parents: Mapping[int, int | None]) -> list[int]:
    """A category and those above it, nearest first."""
    path: list[int] = []
    while category_id is not None and category_id not in path:
        path.append(category_id)
        category_id = parents.get(category_id)
    return path


# --- the desk ----------------------------------------------------------------------

_LOW = sa.and_(Sku.is_active, Sku.stock <= Sku.warn_below)
_IS_LOW = sa.exists().where(Sku.product_id == Product.id, _LOW)
_IS_GONE = ~sa.exists().where(Sku.product_id == Product.id, Sku.is_active, Sku.stock > 0)


def _tab(name: str) -> sa.ColumnElement[bool]:
    """What a tab of the desk's list holds; "" holds everything."""
    tabs: dict[str, sa.ColumnElement[bool]] = {
        "on": Product.is_on_shelf.is_(True),
        "off": sa.and_(Product.is_on_shelf.is_(False), Product.listed_at.is_not(None)),
        "draft": sa.and_(Product.is_on_shelf.is_(False), Product.listed_at.is_(None)),
        "gone": sa.and_(Product.is_on_shelf.is_(True), _IS_GONE),
        "low": sa.and_(Product.is_on_shelf.is_(True), _IS_LOW),
    }
    return tabs.get(name, sa.true())


TABS = ("", "on", "off", "draft", "gone", "low")


def counts_by_tab() -> dict[str, int]:
    """How many products each tab of the desk's list holds."""
    row = db.session.execute(
        sa.select(*(sa.func.coalesce(sa.func.sum(sa.case((_tab(t), 1), else_=0)), 0) for t in TABS))
    ).one()
    return {tab: int(count) for tab, count in zip(TABS, row, strict=True)}


def products_page(
    tab: str = "",
    *,
    text: str = "",
    category_ids: Sequence[int] | None = None,
    before: int | None = None,
    size: int = 20,
) -> Page[Product]:
    """Products for the desk, newest first; `text` is a part of the title or a whole code."""
    query = desk_products(tab, text=text, category_ids=category_ids)
    return newest_first(query.options(WITH_SKUS), Product.id, before=before, size=size)


WITH_SKUS = selectinload(Product.skus)


def desk_products(
    tab: str = "", *, text: str = "", category_ids: Sequence[int] | None = None
) -> Rows:
    """What the desk's list of products is narrowed to.

    The code may be the product's or one of its SKUs'.
    """
    query = sa.select(Product).where(_tab(tab))
    if text:
        by_code = sa.exists().where(Sku.product_id == Product.id, Sku.code == text)
        query = query.where(
            sa.or_(Product.title.icontains(text, autoescape=True), Product.code == text, by_code)
        )
    if category_ids is not None:
        query = query.where(Product.category_id.in_(category_ids))
    return query


def low_stock_count(now: datetime) -> int:
    """How many products on sale have a SKU at or under its warning (库存预警)."""
    return (
        db.session.scalar(
            sa.select(sa.func.count()).select_from(Product).where(Product.selling(now), _IS_LOW)
        )
        or 0
    )


def desk_moves(*, product_id: int | None = None, code: str = "") -> Rows:
    """The moves of stock, of one product or of a SKU by its code, as the panel's list reads them."""
    query: Rows = sa.select(StockMove)
    if product_id is not None:
        query = query.where(
            StockMove.sku_id.in_(sa.select(Sku.id).where(Sku.product_id == product_id))
        )
    if code:
        query = query.where(StockMove.sku_id.in_(sa.select(Sku.id).where(Sku.code == code)))
    return query


def moves_of_product(product_id: int, *, before: int | None = None) -> Page[StockMove]:
    """The moves of a product's stock, newest first."""
    return newest_first(desk_moves(product_id=product_id), StockMove.id, before=before)


def skus_of(product_ids: Iterable[int]) -> Sequence[Sku]:
    """The offered SKUs of these products, product by product."""
    return db.session.scalars(
        sa.select(Sku)
        .where(Sku.product_id.in_(set(product_ids)), Sku.is_active)
        .options(joinedload(Sku.product))
        .order_by(Sku.product_id.desc(), Sku.position, Sku.id)
    ).all()
