"""Products and stock, for other systems of the shop."""

from collections.abc import Sequence

from flask import Response
from pydantic import Field

from app import catalog
from app.api.blueprint import V1, bp
from app.api.operation import actor, once, operation, turn
from app.api.shapes import Answer, Body, Fen, Moment, Paged, next_of
from app.core import clock
from app.integrations import Scope

TAG = "商品与库存"


class SkuOut(Answer):
    id: int
    code: str | None = Field(description="货号")
    name: str
    price_fen: Fen
    member_price_fen: Fen | None
    list_price_fen: Fen | None
    stock: int = Field(description="还可以卖的件数，未付款订单占用的不算在内")


class ProductOut(Answer):
    id: int
    title: str
    subtitle: str
    category_id: int | None
    status: catalog.ProductStatus
    kind: catalog.ProductKind
    unit: str
    sold_count: int
    created_at: Moment
    skus: Sequence[SkuOut]


class ProductList(Answer):
    items: Sequence[ProductOut]
    next_cursor: str | None


class CountIn(Body):
    count: int = Field(ge=0, le=1_000_000, description="盘点后的件数")
    reason: str = Field(min_length=1, max_length=40, description="原因，写入库存流水")


class CountOut(Answer):
    sku_id: int
    stock: int
    change: int


@bp.get(f"{V1}/products")
@operation(ProductList, tag=TAG, scope=Scope.PRODUCTS_READ)
def list_products(query: Paged) -> ProductList:
    """商品列表，包括已下架和草稿，最新的在前"""
    page = catalog.products_page(before=query.before, size=query.limit)
    return ProductList(
        items=[ProductOut.model_validate(row) for row in page.items], next_cursor=next_of(page)
    )


@bp.get(f"{V1}/products/<int:product_id>")
@operation(ProductOut, tag=TAG, scope=Scope.PRODUCTS_READ)
def get_product(product_id: int) -> ProductOut:
    """一个商品和它的规格"""
    return ProductOut.model_validate(catalog.product(product_id))


@bp.put(f"{V1}/skus/<int:sku_id>/stock")
@operation(CountOut, tag=TAG, scope=Scope.STOCK_WRITE, writes=True)
def count_stock(sku_id: int, json: CountIn) -> Response:
    """盘点库存：把一个规格的库存改为清点后的件数"""

    def work() -> CountOut:
        change = catalog.count_stock(
            sku_id,
            json.count,
            key=f"api:{turn()}",
            reason=json.reason,
            actor=actor(),
            now=clock.now(),
        )
        return CountOut(sku_id=sku_id, stock=json.count, change=change)

    return once(work)
