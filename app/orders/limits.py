"""Products of which one member may only have so many (限购), whatever the SKU."""

from collections.abc import Iterable

from app.catalog import GoodsProduct
from app.orders import queries
from app.orders.errors import LimitReached


def check(buyer_id: int | None, wanted: Iterable[tuple[GoodsProduct, int]]) -> None:
    """Whether a buyer may have so many pieces more; None is a visitor.

    Raises LimitReached, naming the first product of which it would be too many.
    """
    pieces: dict[int, int] = {}
    products: dict[int, GoodsProduct] = {}
    for product, quantity in wanted:
        if product.limit_per_member:
            products[product.id] = product
            pieces[product.id] = pieces.get(product.id, 0) + quantity
    if not products:
        return
    had = queries.pieces_bought(buyer_id, products) if buyer_id is not None else {}
    for product_id in sorted(products):
        limit, before = products[product_id].limit_per_member, had.get(product_id, 0)
        if before + pieces[product_id] > limit:
            raise LimitReached(
                f"“{products[product_id].title}”每人限购 {limit} 件"
                + (f"，你已买过 {before} 件" if before else "")
            )
