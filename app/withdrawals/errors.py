from app.core.errors import DomainError, InvalidInput


class BelowMinimum(InvalidInput):
    code = "below_minimum"


class AboveMaximum(InvalidInput):
    code = "above_maximum"


class AboveBalance(InvalidInput):
    code = "above_balance"


class AboveAllowance(InvalidInput):
    """More, or more often, than the shop pays out in a day or a month."""

    code = "above_allowance"


class NotOpenToday(InvalidInput):
    code = "not_open_today"


class NothingLeft(InvalidInput):
    """Fee and tax leave less than WeChat transfers."""

    code = "nothing_left"


class IdentityNeeded(DomainError):
    """Tax is withheld, so the shop must know of whom."""

    code = "identity_needed"
    message = "提现会代扣个人所得税，请先填写实名信息"


class NameNeeded(IdentityNeeded):
    """From 2,000 yuan up WeChat compares the receiver's name, so the shop must know it."""

    code = "name_needed"
    message = "到账 ¥2,000.00 起，微信支付要核对收款人姓名，请先填写并同意实名信息"


class ChannelClosed(InvalidInput):
    code = "channel_closed"


class TooManyPayees(DomainError):
    code = "too_many_payees"
    message = "收款账户最多保存 10 个，请先删除不用的"


class IdentityKept(DomainError):
    """Tax was withheld of this person: the law wants to know of whom, for years."""

    code = "identity_kept"
    message = "实名信息已用于代扣税款，依法需要保存，不能删除"


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


class PayoutsLocked(DomainError):
    """The books do not agree: no money leaves until two people unlocked it."""

    code = "payouts_locked"
    message = "打款已锁定：账目没有对平，请先到“微信对账”查明原因"


class PayoutsNotLocked(DomainError):
    code = "payouts_not_locked"
    message = "打款没有锁定，无需解锁"


class SameUnlocker(DomainError):
    """Two different people unlock payouts."""

    code = "same_unlocker"
    message = "你已经同意解锁，需要另一位管理员确认"


class NothingToPay(DomainError):
    """No approved withdrawal of the channel waits for a batch."""

    code = "nothing_to_pay"
    message = "没有等待打款的提现，可能已在别的批次里"


class ReturnedBySame(DomainError):
    """Who said that it was paid does not say that it came back."""

    code = "returned_by_same"
    status = 403
    message = "这笔打款是你登记的，退票须由另一位管理员登记"


class BatchRecorded(DomainError):
    """What became of a line is written down: the batch keeps what it has."""

    code = "batch_recorded"
    message = "这个批次已登记过结果，不能再移出明细"


class GrantsClosed(DomainError):
    """This shop does not offer to pay without a confirmation."""

    code = "grants_closed"
    message = "商家暂未开放提现自动到账"


class GrantEnding(DomainError):
    """The last grant is being closed; WeChat knows one at a time."""

    code = "grant_ending"
    message = "上一次开通正在关闭，请稍后再试"


class NoGrant(DomainError):
    code = "no_grant"
    message = "提现自动到账没有开通，无需关闭"
