from app.core.errors import DomainError, InvalidInput


class NotAskable(DomainError):
    """The order, or this line of it, is past what may be asked for."""

    code = "not_askable"
    message = "这笔订单现在不能申请售后"


class AlreadyOpen(DomainError):
    """One after-sale at a time for a line."""

    code = "aftersale_open"
    message = "这件商品已有售后在处理，请等处理完再申请"


class AmountTooHigh(InvalidInput):
    """More than what is left of the line."""

    code = "amount_too_high"


class SamePerson(DomainError):
    """Two different people say that money was paid back by hand."""

    code = "same_person"
    message = "需要另一位管理员确认"


class OwnAfterSale(DomainError):
    """An admin who is the buyer as well has no say in it."""

    code = "own_aftersale"
    status = 403
    message = "这是你自己的订单，请由其他管理员处理"
