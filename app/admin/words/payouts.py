"""Words for withdrawals and how they are paid (提现与打款)."""

from collections.abc import Mapping

from app.admin.words.base import Word
from app.withdrawals import BillState, Channel, GrantStatus, LineState, LockCause, WithdrawalStatus
from app.withdrawals.channels import NAME as WAYS

WITHDRAWAL: Mapping[str, Word] = {
    WithdrawalStatus.SUBMITTED: ("待审核", "wait"),
    WithdrawalStatus.CANCELLED: ("已撤回", "off"),
    WithdrawalStatus.REJECTED: ("已拒绝", "off"),
    WithdrawalStatus.APPROVED: ("待打款", "go"),
    WithdrawalStatus.SENDING: ("打款中", "go"),
    WithdrawalStatus.UNKNOWN: ("结果未明", "bad"),
    WithdrawalStatus.WAIT_CONFIRM: ("待收款人确认", "wait"),
    WithdrawalStatus.CANCELLING: ("撤销中", "go"),
    WithdrawalStatus.PAID: ("已到账", "good"),
    WithdrawalStatus.FAILED: ("打款失败", "bad"),
    WithdrawalStatus.RETURNED: ("已退票", "bad"),
}
CHANNEL: Mapping[Channel, str] = WAYS
PAYOUT_LINE: Mapping[str, Word] = {
    LineState.WAITING: ("待登记", "wait"),
    LineState.PAID: ("已打款", "good"),
    LineState.FAILED: ("打款失败", "bad"),
    LineState.RETURNED: ("已退票", "bad"),
    LineState.REMOVED: ("已移出", "off"),
}
BILL: Mapping[str, Word] = {
    BillState.CREATED: ("已建单，等待微信答复", "go"),
    BillState.ACCEPTED: ("微信已受理", "go"),
    BillState.PROCESSING: ("处理中", "go"),
    BillState.WAIT_USER_CONFIRM: ("待收款人确认", "wait"),
    BillState.TRANSFERING: ("转账中", "go"),
    BillState.SUCCESS: ("转账成功", "good"),
    BillState.FAIL: ("转账失败", "bad"),
    BillState.CANCELING: ("撤销中", "go"),
    BillState.CANCELLED: ("已撤销", "off"),
}
# WeChat's reasons for a transfer that failed (wechat.md, section 9), as the desk reads them;
# `withdrawals.reasons` tells the member.
_FAILED: Mapping[str, str] = {
    "AUTHORIZATION_CLOSED": "授权已失效，改发待确认的转账单",
    "OVERDUE_CLOSE": "超过 24 小时没有确认收款",
    "MCH_CANCEL": "商家撤销",
    "ACCOUNT_FROZEN": "收款人的微信支付账户被冻结",
    "ACCOUNT_NOT_EXIST": "收款人没有开通微信支付",
    "NAME_NOT_CORRECT": "收款人姓名与微信实名不符",
    "REAL_NAME_CHECK_FAIL": "收款人的微信支付没有实名",
    "TRANSFER_QUOTA_EXCEED": "超过收款人的微信收款额度",
    "DAY_RECEIVED_QUOTA_EXCEED": "超过收款人当日的微信收款额度",
    "REALNAME_ACCOUNT_RECEIVED_QUOTA_EXCEED": "超过收款人账户的收款额度",
    "PAYEE_ACCOUNT_ABNORMAL": "收款人的微信账户异常",
    "TRANSFER_RISK": "微信判定有风险，没有放行",
}


def told(note: str) -> str:
    """A note on a withdrawal: what WeChat said in code is put into words, the code kept."""
    if note in BILL:
        return BILL[note][0]
    return f"{_FAILED[note]}（{note}）" if note in _FAILED else note


TRANSFER_GRANT: Mapping[str, Word] = {
    GrantStatus.CREATED: ("等待微信答复", "go"),
    GrantStatus.WAITING: ("等待本人确认", "wait"),
    GrantStatus.ACTIVE: ("已开通", "good"),
    GrantStatus.CLOSED: ("已关闭", "off"),
}
# WeChat's reasons (merchant document 4014399423); others are codes with which it refused.
GRANT_CLOSED: Mapping[str, str] = {
    "CLOSE_VIA_MCH_API": "本人在商城关闭",
    "USER_CLOSE": "本人在微信关闭",
    "USER_OVERDUE_UNCONFIRMED": "24 小时未确认",
    "TRANSFER_RISK": "微信判定有风险",
    "USER_ACCOUNT_ABNORMAL": "收款账户异常",
}
LOCK_CAUSE: Mapping[str, str] = {
    LockCause.BOOKS: "与微信账单不一致",
    LockCause.INVARIANTS: "账目校验没有通过",
    LockCause.RECOVERY: "恢复备份后等待核对",
}
# Outcomes of a payout step, as the person at the desk reads them.
PAY_OUTCOME: Mapping[str, str] = {
    "unclear": "微信没有明确答复，已标为“结果未明”，款项保持冻结，系统会自动查询",
    "taken": "打款任务已先一步处理，请查看最新状态",
    "locked": "打款已锁定，款项保持冻结；解锁后系统会自动继续",
}
