from app.core.errors import DomainError


class AlreadyDistributor(DomainError):
    code = "already_distributor"
    message = "你已经是分销员，或申请正在审核中"


class MoneyStillOpen(DomainError):
    """Leaving with money in the books would strand it."""

    code = "money_still_open"
    message = "还有未结清的佣金或提现，结清后才能关闭"
