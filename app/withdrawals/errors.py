from app.core.errors import DomainError, InvalidInput


class BelowMinimum(InvalidInput):
    code = "below_minimum"


class AboveMaximum(InvalidInput):
    code = "above_maximum"


class AboveBalance(InvalidInput):
    code = "above_balance"


class TermsChanged(InvalidInput):
    """What the member confirmed is not what it would come to now."""

    code = "terms_changed"


class OwnWithdrawal(DomainError):
    code = "own_withdrawal"
    status = 403
    message = "不能审核自己的提现"


class SamePerson(DomainError):
    """Two different people approve what is above the limit."""

    code = "same_person"
    message = "你已经通过了初审，需要另一位管理员复审"
