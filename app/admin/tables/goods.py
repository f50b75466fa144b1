"""The list of products."""

from collections.abc import Sequence

from app import catalog
from app.admin import words
from app.admin.models import Permission
from app.admin.tables.kinds import Column, Facts, Given, Kind, Listing
from app.catalog import Product
from app.core import web
from app.core.db import Rows

# With one of these the list is walked along the indexes of the shelf.
_SHELF = frozenset({"on", "gone", "low"})


def _products(given: Given) -> Rows:
    category = web.whole_number(given.get("category", ""))
    return catalog.desk_products(
        given.get("state", ""),
        text=given.get("q", ""),
        category_ids=catalog.search.below(category) if category else None,
    )


def _facts(_rows: Sequence[Product]) -> Facts:
    return {"categories": {row.id: row.name for row in catalog.categories()}}


def _price(row: Product, _facts: Facts) -> int | None:
    return min((sku.price_fen for sku in row.skus), default=None)


PRODUCTS = Listing(
    name="products",
    title="商品",
    endpoint="admin.products",
    permission=Permission.PRODUCT_VIEW,
    key=Product.id,
    filters=("state", "q", "category"),
    query=_products,
    facts=_facts,
    load=(catalog.WITH_SKUS,),
    columns=(
        Column("product", "商品", lambda row, _: row.title, by=Product.title),
        Column(
            "category",
            "分类",
            lambda row, facts: facts["categories"].get(row.category_id, ""),
            is_shown=False,
        ),
        Column("skus", "规格数", lambda row, _: len(row.skus), Kind.NUMBER, is_shown=False),
        Column(
            "codes",
            "货号",
            lambda row, _: "、".join(sku.code for sku in row.skus if sku.code),
            is_shown=False,
        ),
        Column("price", "售价", _price, Kind.MONEY, by=Product.from_fen, sorts_in=_SHELF),
        Column("stock", "库存", lambda row, _: sum(sku.stock for sku in row.skus), Kind.NUMBER),
        Column(
            "sold",
            "销量",
            lambda row, _: row.sold_count,
            Kind.NUMBER,
            by=Product.sold_count,
            sorts_in=_SHELF,
        ),
        Column(
            "sort", "排序", lambda row, _: row.sort, Kind.NUMBER, by=Product.sort, sorts_in=_SHELF
        ),
        Column(
            "created",
            "新建时间",
            lambda row, _: row.created_at,
            Kind.TIME,
            by=Product.id,
            is_shown=False,
        ),
        Column("status", "状态", lambda row, _: words.word(words.shop.PRODUCT, row.status)[0]),
    ),
)
