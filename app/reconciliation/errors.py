from app.core.errors import DomainError


class BillRefused(DomainError):
    """A bill file that is not whole; none of it was taken."""

    code = "bill_refused"
    status = 422
    message = "账单文件不完整，没有导入"


class BillNotReady(DomainError):
    """WeChat has not made the bill of that day yet, or not any more."""

    code = "bill_not_ready"
    message = "微信还没有出这一天的账单，请在次日上午 10 点后再试"


class BillUnclear(DomainError):
    """No bill, and no answer that says why."""

    code = "bill_unclear"
    status = 503
    message = "没有取到账单，微信没有明确答复，稍后会自动重试"


class BreaksOpen(DomainError):
    """Payouts stay locked while books and bills disagree."""

    code = "breaks_open"
    message = "还有没处理完的对账差异，处理完才能解锁打款"


class DaysMissing(DomainError):
    """After a restored backup every day since must be reconciled."""

    code = "days_missing"
    message = "恢复备份后的账单还没有全部核对，暂时不能解锁打款"
