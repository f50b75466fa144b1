from app.core.errors import DomainError


class OutOfStock(DomainError):
    code = "out_of_stock"
    message = "库存不足，请减少数量或选择其他规格"


class SoldOff(DomainError):
    """Taken off the shelf between looking and buying."""

    code = "off_shelf"
    message = "商品已下架"
