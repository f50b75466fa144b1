"""Goods of an after-sale, on their way to and from the shelf (库存)."""

from datetime import datetime

from app import catalog, orders
from app.aftersales.models import AfterSale, AfterSaleItem
from app.orders import Order


def release_unsent(order: Order, row: AfterSale, now: datetime) -> None:
    """What was never sent is on the shelf again once it is refunded (释放库存)."""
    if order.shipped_at is None and order.received_at is None:
        put_back(row, "退款释放", now)


def put_back(row: AfterSale, reason: str, now: datetime) -> None:
    """Put the pieces of an after-sale on the shelf, once."""
    for item, sku_id in _by_sku(row):
        catalog.add_stock(
            sku_id,
            item.quantity,
            key=f"aftersale:{row.id}:back:{item.line_id}",
            reason=reason,
            now=now,
        )


def take_again(row: AfterSale, now: datetime) -> None:
    """Take the pieces that an exchange sends, once. Raises OutOfStock."""
    for item, sku_id in _by_sku(row):
        catalog.reserve(
            sku_id, item.quantity, key=f"aftersale:{row.id}:again:{item.line_id}", now=now
        )


def _by_sku(row: AfterSale) -> list[tuple[AfterSaleItem, int]]:
    """Its items that are about pieces, in the order in which SKUs are locked."""
    skus = orders.skus_of_lines(item.line_id for item in row.items)
    pairs = [(item, skus[item.line_id]) for item in row.items if item.quantity]
    return sorted(pairs, key=lambda pair: pair[1])
