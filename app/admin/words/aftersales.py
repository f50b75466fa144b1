"""The panel's words for after-sales (售后措辞)."""

from collections.abc import Mapping

from flask import url_for

from app.admin.words.base import Word
from app.aftersales import (
    AfterSale,
    AfterSaleKind,
    AfterSaleStatus,
    Habit,
    RefundStatus,
    Trouble,
)
from app.core.money import format_yuan

K, S, R = AfterSaleKind, AfterSaleStatus, RefundStatus

KIND: Mapping[str, str] = {K.REFUND: "仅退款", K.RETURN: "退货退款", K.EXCHANGE: "换货"}
STATE: Mapping[str, Word] = {
    S.APPLIED: ("待审核", "wait"),
    S.APPROVED: ("待买家寄回", "go"),
    S.RETURNING: ("待收货", "wait"),
    S.RETURNED: ("待换货发出", "wait"),
    S.REFUNDING: ("退款中", "go"),
    S.ABNORMAL: ("退款异常", "bad"),
    S.SUCCESS: ("已退款", "good"),
    S.MANUAL: ("已线下退款", "good"),
    S.EXCHANGED: ("已换货", "good"),
    S.REJECTED: ("已拒绝", "off"),
    S.WITHDRAWN: ("已撤销", "off"),
    S.CLOSED: ("退款已关闭", "off"),
}
# What a step of the history is called, by the state that it led to.
STEP: Mapping[str, Word] = {
    **STATE,
    S.APPLIED: ("提交申请", "off"),
    S.APPROVED: ("同意", "go"),
    S.RETURNING: ("买家寄回商品", "go"),
    S.RETURNED: ("收到退货", "go"),
    S.REFUNDING: ("发起退款", "go"),
    S.SUCCESS: ("退款到账", "good"),
    S.MANUAL: ("确认已线下退款", "good"),
    S.EXCHANGED: ("换货发出", "good"),
    S.REJECTED: ("拒绝", "bad"),
    S.WITHDRAWN: ("撤销或关闭", "off"),
    S.CLOSED: ("微信关闭了退款", "bad"),
}
REFUND: Mapping[str, Word] = {
    R.CREATED: ("等待发往微信", "go"),
    R.PROCESSING: ("微信处理中", "go"),
    R.SUCCESS: ("已到账", "good"),
    R.ABNORMAL: ("退款异常", "bad"),
    R.CLOSED: ("已关闭", "off"),
    R.MANUAL: ("已线下退款", "good"),
}
# WeChat's reasons, and what to do about them; others are shown as they came.
_FAILURE: Mapping[str, str] = {
    "NOT_ENOUGH": "商户账户余额不足，充值后系统会自动继续",
    "商户账户余额不足": "商户账户余额不足，充值后系统会自动继续",
    "ABNORMAL": "买家的收款账户异常（如银行卡已注销），可重新发起，仍不成功则线下退款",
    "RULE_LIMIT": "微信拒绝了这笔退款，可能已在商户平台退过，请先到商户平台核对",
    "USER_ACCOUNT_ABNORMAL": "买家的微信账户异常，请联系买家后线下退款",
    "TRADE_OVERDUE": "订单超过微信可退款的一年期限，请线下退款",
    "INVALID_REQUEST": "微信认为这笔退款与原订单不符，请先到商户平台核对",
    "CLOSED": "微信关闭了这笔退款，请到商户平台核对后重新发起",
}
TABS: tuple[tuple[str, str, tuple[AfterSaleStatus, ...]], ...] = (
    ("applied", "待审核", (S.APPLIED,)),
    ("approved", "待买家寄回", (S.APPROVED,)),
    ("returning", "待收货", (S.RETURNING,)),
    ("returned", "待换货发出", (S.RETURNED,)),
    ("refunding", "退款中", (S.REFUNDING,)),
    ("abnormal", "退款异常", (S.ABNORMAL,)),
    ("done", "已完成", (S.SUCCESS, S.MANUAL, S.EXCHANGED)),
    ("over", "已拒绝/撤销", (S.REJECTED, S.WITHDRAWN, S.CLOSED)),
    ("all", "全部", ()),
)


def failure(reason: str) -> str:
    """Why a refund does not go on, with what to do where we know it."""
    return _FAILURE.get(reason, reason)


def habit(found: Habit) -> str:
    """A buyer's history of after-sales in a line."""
    if not found.asked:
        return "第一次申请"
    return (
        f"共 {found.asked} 次，涉及 {found.orders_asked}/{found.orders_paid} 笔已付款订单"
        f"（{found.percent}%），累计退款 ¥{format_yuan(found.refunded_fen)}"
    )


def way_back(to_balance: bool) -> str:
    return "退回买家的余额" if to_balance else "原路退回微信支付"


def under_way(to_balance: bool) -> str:
    """What was done, after agreeing to a refund."""
    return "退款已退回买家的余额" if to_balance else "退款由任务在一分钟内发往微信"


def approve_question(row: AfterSale, buyer: str, *, to_balance: bool = False) -> str:
    """What agreeing will do, asked before it is done."""
    if row.kind is K.REFUND:
        return (
            f"向 {buyer} 退款 ¥{format_yuan(row.amount_fen)}，{way_back(to_balance)}，不能撤回。"
            "对应的佣金会同时收回。"
        )
    what = (
        f"收到退货后退款 ¥{format_yuan(row.amount_fen)}"
        if row.kind is K.RETURN
        else "收到后寄出换货的商品"
    )
    return f"{buyer} 会收到退货地址，寄回商品并填写单号；{what}。"


def take_back_question(row: AfterSale, *, to_balance: bool = False) -> str:
    if row.kind is K.EXCHANGE:
        return "确认退回的商品已收到并检查无误，下一步寄出换货的商品。"
    return (
        f"确认退回的商品已收到并检查无误，将退款 ¥{format_yuan(row.amount_fen)}，"
        f"{way_back(to_balance)}，不能撤回。"
    )


def warnings(trouble: Trouble) -> list[dict[str, str]]:
    """Standing warnings about refunds that cannot go on by themselves."""
    found = []
    if trouble.abnormal:
        found.append(
            {
                "text": f"{trouble.abnormal} 笔退款异常，钱还没有退到买家手里",
                "tone": "bad",
                "url": url_for("admin.aftersales", state="abnormal"),
                "link": "去处理",
            }
        )
    if trouble.short:
        found.append(
            {
                "text": f"商户账户余额不足，{trouble.short} 笔退款在等待，请尽快充值",
                "tone": "bad",
                "url": url_for("admin.aftersales", state="refunding"),
                "link": "查看退款",
            }
        )
    return found
