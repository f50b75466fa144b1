from app.core.errors import DomainError


class PriceChanged(DomainError):
    """What the person saw is not what it costs now."""

    code = "price_changed"
    message = "商品价格有变动，请确认后重新提交"


class NotPayable(DomainError):
    code = "not_payable"
    message = "订单已不能支付，请返回订单列表查看最新状态"


class BalanceClosed(DomainError):
    """Nobody may pay with the balance: it is switched off, or income tax is withheld."""

    code = "balance_closed"
    message = "商家没有开通余额支付，请用微信支付"


class InDebt(DomainError):
    """What a member owes comes first."""

    code = "in_debt"
    message = "你有待追回的佣金，抵清之前不能用余额支付，请用微信支付"


class BalanceShort(DomainError):
    """The balance is less than the order costs."""

    code = "balance_short"
    message = "余额不足，请用微信支付"


class LimitReached(DomainError):
    """More pieces of a product than one member may have."""

    code = "limit_reached"
    message = "超过了每人限购的数量"
