"""Why a withdrawal was refused or failed, in words for its owner."""

from app.withdrawals.models import Channel, TransferBill, Withdrawal, WithdrawalStatus

S = WithdrawalStatus

# WeChat's reasons for a failed transfer (wechat.md, section 9).
_FAIL_REASON = {
    "OVERDUE_CLOSE": "超过 24 小时没有确认收款，转账已自动取消",
    "MCH_CANCEL": "商家撤销了这笔转账",
    "CANCELLED": "这笔转账已被撤销",
    "ACCOUNT_FROZEN": "你的微信支付账户被冻结，请先在微信里解除",
    "ACCOUNT_NOT_EXIST": "你的微信支付账户不存在或没有开通",
    "NAME_NOT_CORRECT": "收款人姓名与微信实名不符",
    "REAL_NAME_CHECK_FAIL": "微信支付尚未实名，请先在微信里完成实名认证",
    "TRANSFER_QUOTA_EXCEED": "超过了微信的收款额度，请改日再试",
    "DAY_RECEIVED_QUOTA_EXCEED": "超过了微信当日的收款额度，请改日再试",
    "REALNAME_ACCOUNT_RECEIVED_QUOTA_EXCEED": "超过了微信账户的收款额度",
    "PAYEE_ACCOUNT_ABNORMAL": "你的微信支付账户异常，请在微信里查看",
    "TRANSFER_RISK": "微信支付认为这笔转账有风险，没有放行",
}

# Every reason that says what it was (merchant document 4013774966): none is a closed grant,
# and an ordinary bill would fail of it as well.
EXPLAINED = frozenset(_FAIL_REASON) | frozenset(
    "BANK_CARD_ACCOUNT_ABNORMAL BANK_CARD_BANK_INFO_WRONG BANK_CARD_CARD_INFO_WRONG "
    "BANK_CARD_COLLECTIONS_ABOVE_QUOTA BANK_CARD_PARAM_ERROR BANK_CARD_STATUS_ABNORMAL "
    "BLOCK_B2C_USERLIMITAMOUNT_BSRULE_MONTH BLOCK_B2C_USERLIMITAMOUNT_MONTH "
    "DAY_RECEIVED_COUNT_EXCEED EXCEEDED_ESTIMATED_AMOUNT ID_CARD_NOT_CORRECT MERCHANT_REJECT "
    "MERCHANT_NOT_CONFIRM OPENID_INVALID PAYER_ACCOUNT_ABNORMAL PRODUCT_AUTH_CHECK_FAIL "
    "RECEIVE_ACCOUNT_NOT_CONFIGURE RESERVATION_INFO_NOT_MATCH RESERVATION_SCENE_NOT_MATCH "
    "RESERVATION_STATE_INVALID TRANSFER_REMARK_SET_FAIL TRANSFER_SCENE_UNAVAILABLE "
    "TRANSFER_SCENE_INVALID".split()
)


def reason_of(row: Withdrawal, bill: TransferBill | None) -> str:
    """The reason of a refused or failed withdrawal with its newest bill, else empty."""
    if row.status is WithdrawalStatus.REJECTED:
        return row.note
    if row.channel is not Channel.WECHAT:
        # A person wrote it for the member to read.
        return row.note if row.status in (S.FAILED, S.RETURNED) else ""
    if row.status is WithdrawalStatus.FAILED:
        code = (bill.fail_reason if bill else "") or row.note
        return _FAIL_REASON.get(code, "微信支付没有完成这笔转账，请稍后重新申请或联系客服")
    return ""
