"""The shop as anybody sees it; a member who is logged in sees their own prices."""

from collections.abc import Sequence
from typing import Any

from flask import g, url_for
from pydantic import Field

from app import catalog, orders, settings
from app.api.blueprint import V1, bp
from app.api.operation import operation
from app.api.shapes import Answer, Fen, Paged, seal, unseal
from app.catalog import Sku, Sort, Wanted
from app.core import clock, web

TAG = "商城"


class OfferOut(Answer):
    id: int
    name: str
    values: Sequence[str] = Field(description="各规格项的值，次序与 choices 相同")
    price_fen: Fen = Field(description="当前访问者的价格（分）")
    list_price_fen: Fen | None = Field(description="划线价（分）")
    stock: int


class ChoiceOut(Answer):
    name: str
    values: Sequence[str]


class ShownOut(Answer):
    id: int
    title: str
    subtitle: str
    from_fen: Fen = Field(description="最低售价（分），筛选和排序按此价格")
    price_fen: Fen = Field(description="当前访问者在列表中看到的价格（分），优先有货的规格")
    picture: str | None
    sold_count: int


class ShownList(Answer):
    items: Sequence[ShownOut]
    next_cursor: str | None
    is_near: bool = Field(description="没有完全符合的，给出的是相近的商品")


class DetailOut(ShownOut):
    description: str = Field(description="已清理的 HTML")
    pictures: Sequence[str]
    kind: catalog.ProductKind
    unit: str
    limit_per_member: int = Field(description="每人限购件数，0 为不限")
    choices: Sequence[ChoiceOut]
    skus: Sequence[OfferOut]


class CategoryOut(Answer):
    id: int
    name: str
    children: Sequence["CategoryOut"]


class CategoryList(Answer):
    items: Sequence[CategoryOut]


class SearchQuery(Paged):
    q: str = Field("", max_length=40, description="搜索词")
    category: int | None = Field(None, ge=1, le=10**15, description="分类及其下级")
    price_from_fen: int | None = Field(None, ge=0, le=10**11)
    price_to_fen: int | None = Field(None, ge=0, le=10**11)
    in_stock: bool = False
    sort: Sort = Sort.BEST


@bp.get(f"{V1}/mall/products")
@operation(ShownList, tag=TAG)
def browse_products(query: SearchQuery) -> ShownList:
    """浏览和搜索商品"""
    wanted = Wanted(
        query=query.q.replace("\x00", ""),
        category_id=query.category,
        price_from_fen=query.price_from_fen,
        price_to_fen=query.price_to_fen,
        in_stock=query.in_stock,
        sort=query.sort,
    )
    after = unseal(query.cursor) if query.cursor else ""
    found = catalog.browse.shelf(wanted, now=clock.now(), after=after, size=query.limit)
    is_special = _is_special()
    return ShownList(
        items=[ShownOut(**_shown(row, is_special=is_special)) for row in found.products],
        next_cursor=seal(found.after),
        is_near=found.is_near,
    )


@bp.get(f"{V1}/mall/products/<int:product_id>")
@operation(DetailOut, tag=TAG)
def show_product(product_id: int) -> DetailOut:
    """商品详情，下架的商品答复 404"""
    found = catalog.product_for_sale(product_id, now=clock.now())
    is_special = _is_special()
    units = orders.prices_of(found.skus, is_special=is_special)
    return DetailOut(
        **_shown(found, is_special=is_special),
        description=""
        if catalog.richtext.is_empty(found.description)
        else catalog.richtext.clean(found.description),
        pictures=[_picture(path) or "" for path in found.pictures],
        kind=found.kind,
        unit=found.unit,
        limit_per_member=found.limit_per_member,
        choices=[ChoiceOut(**choice) for choice in found.choices],
        skus=[offer_out(sku, units[sku.id]) for sku in found.skus],
    )


@bp.get(f"{V1}/mall/categories")
@operation(CategoryList, tag=TAG)
def list_categories() -> CategoryList:
    """两级分类"""
    return CategoryList(
        items=[
            CategoryOut(
                id=rail.category.id,
                name=rail.category.name,
                children=[CategoryOut(id=c.id, name=c.name, children=[]) for c in rail.children],
            )
            for rail in catalog.browse.rails()
        ]
    )


def offer_out(sku: Sku, unit_fen: int) -> OfferOut:
    return OfferOut(
        id=sku.id,
        name=sku.name,
        values=list(sku.chosen),
        price_fen=unit_fen,
        list_price_fen=sku.list_price_fen,
        stock=sku.stock,
    )


def _shown(row: catalog.Product, *, is_special: bool) -> dict[str, Any]:
    same = ("id", "title", "subtitle", "from_fen", "sold_count")
    offer = orders.best_offer(row.skus, is_special=is_special)
    return {
        **{name: getattr(row, name) for name in same},
        "price_fen": offer.unit_fen if offer else row.from_fen,
        "picture": _picture(row.cover),
    }


def _picture(path: str) -> str | None:
    return f"{web.settings().public_base_url}{url_for('mall.media', path=path)}" if path else None


def _is_special() -> bool:
    return orders.is_special(
        settings.value(settings.registry.MEMBER_PRICE_FOR),
        is_distributor=g.member is not None and bool(g.member.level),
        is_follower=g.member is not None and g.member.is_subscribed,
    )
