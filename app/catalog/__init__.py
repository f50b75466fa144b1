"""The catalogue (商品): categories, products, SKUs, their stock, freight, and finding them.

Stock changes only by `stock_moves`, each with its reason and a unique key; the
SKU caches the sum (invariant K2). Reserving is one conditional UPDATE. A SKU that
is no longer offered stays, because orders refer to it. A product is on the shelf
by a switch and, where given, between two times; both are asked at each query, so
no job has to run on the minute.

`products`, `categories`, `freight` and `stock_import` are what the desk changes,
`browse` is what people see, `rows` the home page's rows of it, `search` the words by which products are found,
`media` and `richtext` what is let in of pictures and text.
"""

from app.catalog import browse, media, products, richtext, rows, search, stock_import
from app.catalog import categories as category_tree
from app.catalog.browse import Shelf, Sort, Wanted
from app.catalog.errors import InvalidFields, NotDelivered, OutOfStock, SoldOff
from app.catalog.freight import (
    Rate,
    RegionRate,
    Terms,
    freight_fen,
    freight_templates,
    remove_freight,
    save_freight,
    templates_of,
    terms_of,
    uses_of_freight,
)
from app.catalog.models import (
    Category,
    FreightBy,
    FreightTemplate,
    Product,
    ProductKind,
    ProductStatus,
    ProductToken,
    Sku,
    StockMove,
)
from app.catalog.products import ProductInput, SkuInput
from app.catalog.queries import (
    TABS,
    categories,
    categories_above,
    categories_of_products,
    category_parents,
    counts_by_tab,
    for_sale_among,
    low_stock_count,
    moves_of_product,
    path_of,
    product,
    product_for_sale,
    products_by_id,
    products_page,
    skus_by_id,
    skus_for_sale,
    skus_of,
    titles_of,
)
from app.catalog.rows import RowAsk, RowRule
from app.catalog.service import (
    add_stock,
    count_sold,
    count_stock,
    hold,
    receive_stock,
    release,
    reserve,
    reserve_all,
)

__all__ = [
    "TABS",
    "Category",
    "FreightBy",
    "FreightTemplate",
    "InvalidFields",
    "NotDelivered",
    "OutOfStock",
    "Product",
    "ProductInput",
    "ProductKind",
    "ProductStatus",
    "ProductToken",
    "Rate",
    "RegionRate",
    "RowAsk",
    "RowRule",
    "Shelf",
    "Sku",
    "SkuInput",
    "SoldOff",
    "Sort",
    "StockMove",
    "Terms",
    "Wanted",
    "add_stock",
    "browse",
    "categories",
    "categories_above",
    "categories_of_products",
    "category_parents",
    "category_tree",
    "count_sold",
    "for_sale_among",
    "count_stock",
    "counts_by_tab",
    "freight_fen",
    "freight_templates",
    "hold",
    "low_stock_count",
    "media",
    "moves_of_product",
    "path_of",
    "product",
    "product_for_sale",
    "products",
    "products_by_id",
    "products_page",
    "receive_stock",
    "release",
    "remove_freight",
    "reserve",
    "reserve_all",
    "skus_by_id",
    "richtext",
    "rows",
    "save_freight",
    "search",
    "skus_for_sale",
    "skus_of",
    "stock_import",
    "templates_of",
    "terms_of",
    "titles_of",
    "uses_of_freight",
]
