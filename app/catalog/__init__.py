"""The catalogue (商品): categories, products, SKUs and their stock.

Stock changes only by `stock_moves`, each with its reason and a unique key; the
SKU caches the sum (invariant K2). Reserving is one conditional UPDATE.
"""

from app.catalog.errors import OutOfStock, SoldOff
from app.catalog.models import Category, Product, Sku, StockMove
from app.catalog.queries import (
    categories,
    categories_of_products,
    for_sale_among,
    listed,
    product_for_sale,
    skus_by_id,
    skus_for_sale,
    titles_of,
)
from app.catalog.service import add_stock, count_sold, hold, release, reserve

__all__ = [
    "Category",
    "OutOfStock",
    "Product",
    "Sku",
    "SoldOff",
    "StockMove",
    "add_stock",
    "categories",
    "categories_of_products",
    "count_sold",
    "for_sale_among",
    "hold",
    "listed",
    "product_for_sale",
    "release",
    "reserve",
    "skus_by_id",
    "skus_for_sale",
    "titles_of",
]
