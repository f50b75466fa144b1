from collections.abc import Mapping

from app.core.errors import DomainError, InvalidInput


class OutOfStock(DomainError):
    code = "out_of_stock"
    message = "库存不足，请减少数量或选择其他规格"


class SoldOff(DomainError):
    """Taken off the shelf between looking and buying."""

    code = "off_shelf"
    message = "商品已下架"


class NotDelivered(DomainError):
    """A freight template names the region as not served, or does not name it at all."""

    code = "not_delivered"
    message = "该地区暂不配送，请更换收货地址"


class InvalidFields(InvalidInput):
    """Several fields at once; `errors` says of each what is wrong."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        first = next(iter(errors))
        super().__init__(first, errors[first])
        self.errors = dict(errors)
