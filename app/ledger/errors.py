from app.core.errors import DomainError


class InsufficientBalance(DomainError):
    """An account that may not be negative would have become so."""

    code = "insufficient_balance"
    message = "余额不足"
