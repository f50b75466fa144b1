from app.core.errors import DomainError


class PriceChanged(DomainError):
    """What the person saw is not what it costs now."""

    code = "price_changed"
    message = "商品价格有变动，请确认后重新提交"


class NotPayable(DomainError):
    code = "not_payable"
    message = "订单已不能支付，请返回订单列表查看最新状态"


class LimitReached(DomainError):
    """More pieces of a product than one member may have."""

    code = "limit_reached"
    message = "超过了每人限购的数量"
