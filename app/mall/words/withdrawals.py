"""Words for withdrawals and grants to receive (提现与免确认收款)."""

from collections.abc import Mapping, Sequence

from app.audit import StateMove
from app.commission.wording import percent
from app.core.money import format_yuan
from app.mall.words.base import Step
from app.settings import registry
from app.withdrawals import (
    Channel,
    GrantStatus,
    TransferGrant,
    Withdrawal,
    WithdrawalStatus,
    channels,
)
from app.withdrawals.channels import Terms
from app.withdrawals.rules import days_said

W = WithdrawalStatus


WITHDRAWAL_STATE = {
    W.SUBMITTED: "待审核",
    W.CANCELLED: "已撤回",
    W.REJECTED: "未通过",
    W.APPROVED: "待打款",
    W.SENDING: "打款中",
    W.UNKNOWN: "打款中",
    W.WAIT_CONFIRM: "待确认收款",
    W.CANCELLING: "撤销中",
    W.PAID: "已到账",
    W.FAILED: "已退回",
    W.RETURNED: "已退回",
}

WITHDRAWAL_SENTENCE = {
    W.SUBMITTED: ("等待商家审核", "审核期间这笔钱已冻结，你可以撤回"),
    W.CANCELLED: ("你已撤回这笔提现", "金额已退回可提现余额"),
    W.REJECTED: ("提现没有通过审核", "金额已退回可提现余额"),
    W.APPROVED: ("审核已通过，等待打款", "商家会通过微信支付转账给你"),
    W.SENDING: ("正在打款", "正在等待微信支付的结果"),
    W.UNKNOWN: ("正在打款", "正在与微信支付核对结果，钱不会丢失"),
    W.WAIT_CONFIRM: ("请在微信里确认收款", "确认后钱会进入你的微信零钱"),
    W.CANCELLING: ("商家正在撤销这笔转账", "撤销后金额会退回可提现余额"),
    W.PAID: ("已到账", "钱已转入你的微信零钱"),
    W.FAILED: ("打款没有成功", "金额已退回可提现余额，可以重新申请"),
    W.RETURNED: ("款项被退回", "金额已退回可提现余额，请核对收款账户后重新申请"),
}

CHANNEL = channels.NAME

# What is said of a withdrawal whose money comes without a confirmation (免确认).
_GRANTED = {
    W.SUBMITTED: ("等待商家审核", "审核期间这笔钱已冻结，你可以撤回；通过后自动到账，不用确认"),
    W.APPROVED: ("审核已通过，等待打款", "钱会自动转入你的微信零钱，不用确认"),
    W.SENDING: ("正在打款", "钱会自动转入你的微信零钱，不用确认"),
}

GRANT_STATE = {
    GrantStatus.CREATED: "等待确认",
    GrantStatus.WAITING: "等待确认",
    GrantStatus.ACTIVE: "已开通",
    GrantStatus.CLOSED: "已关闭",
}

# Why WeChat closed it (merchant document 4014399423); what is not here was refused.
_GRANT_CLOSED = {
    "CLOSE_VIA_MCH_API": "你已在商城关闭，之后的提现需要逐笔确认收款。",
    "USER_CLOSE": "你已在微信里关闭，之后的提现需要逐笔确认收款。",
    "USER_OVERDUE_UNCONFIRMED": "超过 24 小时没有在微信里确认，可以重新开通。",
    "TRANSFER_RISK": "微信支付出于安全考虑关闭了授权，之后的提现需要逐笔确认收款。",
    "USER_ACCOUNT_ABNORMAL": "你的微信支付账户异常，授权已关闭，请先在微信里查看。",
}


def grant_state(grant: TransferGrant | None) -> str:
    """Where 以后提现自动到账 stands, in a word."""
    if grant is None:
        return "未开通"
    if grant.end_asked_at is not None and grant.status is not GrantStatus.CLOSED:
        return "正在关闭"
    return GRANT_STATE[grant.status]


def grant_closed(grant: TransferGrant) -> str:
    """Why a grant was closed, for its member."""
    return _GRANT_CLOSED.get(
        grant.close_reason, "微信支付没有接受这次开通，请稍后再试，或联系客服。"
    )


def withdrawal_sentence(row: Withdrawal, *, is_granted: bool = False) -> tuple[str, str]:
    """Where a withdrawal stands, and what that means for its owner."""
    if is_granted and row.status in _GRANTED:
        return _GRANTED[row.status]
    if row.channel is not Channel.WECHAT:
        to = channels.NAME[row.channel]
        by_hand = {
            W.APPROVED: ("审核已通过，等待打款", f"商家会转账到你的{to}"),
            W.SENDING: ("正在打款", "商家正在办理转账，到账后会通知你，通常需要 1 到 3 个工作日"),
            W.PAID: (
                "已到账",
                f"钱已转入你的{to}，实际入账时间以{'银行' if to == '银行卡' else to}为准",
            ),
        }
        if row.status in by_hand:
            return by_hand[row.status]
    return WITHDRAWAL_SENTENCE[row.status]


# What a step of the history is called, by the state it led to.
_STEP = {
    W.SUBMITTED.value: "提交申请",
    W.CANCELLED.value: "本人撤回",
    W.REJECTED.value: "审核未通过",
    W.APPROVED.value: "审核通过",
    W.SENDING.value: "发起微信转账",
    W.UNKNOWN.value: "与微信支付核对结果",
    W.WAIT_CONFIRM.value: "等待你确认收款",
    W.CANCELLING.value: "商家撤销转账",
    W.PAID.value: "转账成功，已到账",
    W.FAILED.value: "转账没有成功，金额退回",
    W.RETURNED.value: "款项被退回，金额退回余额",
}


def withdrawal_steps(moves: Sequence[StateMove], channel: Channel) -> list[Step]:
    """What happened to a withdrawal, oldest first, from its state moves."""
    said = _STEP if channel is Channel.WECHAT else _STEP | {W.SENDING.value: "商家办理转账"}
    return [Step(said.get(move.to_state, "处理中"), move.at) for move in moves]


def channel_terms(terms: Terms) -> str:
    """What holds for one way of being paid."""
    said = f"单笔 ¥{format_yuan(terms.least_fen)} 到 ¥{format_yuan(terms.most_fen)}，{_fee(terms)}"
    return f"{said}，每天最多 ¥{format_yuan(terms.day_fen)}" if terms.day_fen else said


def withdraw_terms(rules: Mapping[str, int | str | bool]) -> list[str]:
    """What holds for every withdrawal, sentence by sentence, from the shop's settings."""
    said = []
    often = [
        f"每天最多 {times} 次" if (times := rules[registry.WITHDRAW_DAY_COUNT.key]) else "",
        _at_most("每天合计", int(rules[registry.WITHDRAW_DAY_FEN.key])),
        _at_most("每月合计", int(rules[registry.WITHDRAW_MONTH_FEN.key])),
    ]
    if any(often):
        said.append("，".join(filter(None, often)) + "。")
    if days := str(rules[registry.WITHDRAW_OPEN_DAYS.key]):
        said.append(f"{days_said(days)}。")
    return said


def _fee(terms: Terms) -> str:
    bps, fixed = terms.fee_bps, terms.fee_fen
    parts = [percent(bps) if bps else "", f"每笔 ¥{format_yuan(fixed)}" if fixed else ""]
    said = " 加".join(filter(None, parts))
    return f"手续费{' ' if bps else ''}{said}" if said else "不收手续费"


def _at_most(span: str, fen: int) -> str:
    return f"{span}最多 ¥{format_yuan(fen)}" if fen else ""
