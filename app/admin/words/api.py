"""How the open API is said at the desk (开放接口)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from app.integrations import ApiKey, Scope
from app.integrations.hooks import DeliveryState, HookDelivery, HookEvent, HookState

SCOPE: Mapping[Scope, tuple[str, str]] = {
    Scope.PRODUCTS_READ: ("读取商品", "名称、规格、价格和库存，不含成本"),
    Scope.STOCK_WRITE: ("盘点库存", "把规格的库存改为清点后的件数，记入库存流水"),
    Scope.ORDERS_READ: ("读取订单", "收货人姓名和电话只给出部分字符"),
    Scope.ORDERS_SHIP: ("订单发货", "填写快递公司和单号"),
    Scope.MEMBERS_READ: ("读取会员", "昵称只给出部分字符"),
    Scope.MEMBERS_PERSONAL: (
        "完整个人信息",
        "与读取订单、会员合用时，姓名、电话、地址不打码；每次读取记入操作日志",
    ),
    Scope.COMMISSIONS_READ: ("读取佣金", "每一笔佣金的金额、状态和结算"),
    Scope.WITHDRAWALS_READ: ("读取提现", "提现单的金额、税费和状态"),
    Scope.AFTERSALES_READ: ("读取售后", "售后单的商品、金额和状态"),
}
# What a key read in full.
READ: Mapping[str, str] = {"members": "会员", "orders": "订单"}
DAYS: Mapping[int, str] = {30: "30 天", 90: "90 天", 365: "1 年", 0: "长期有效"}
# How long before its end a key is shown as ending.
SOON = timedelta(days=14)


def key_state(row: ApiKey, now: datetime) -> tuple[str, str]:
    """A key's state in a word, with the tone of its badge."""
    if row.ended_at is not None:
        return "已停用", "off"
    if row.expires_at is None:
        return "有效", "good"
    if row.expires_at <= now:
        return "已过期", "off"
    return ("即将过期", "wait") if row.expires_at <= now + SOON else ("有效", "good")


def scopes_said(row: ApiKey) -> str:
    return "、".join(SCOPE[Scope(scope)][0] for scope in row.scopes)


EVENT: Mapping[HookEvent, str] = {
    HookEvent.ORDER_PAID: "订单已付款",
    HookEvent.ORDER_SHIPPED: "订单已发货",
    HookEvent.ORDER_RECEIVED: "订单已收货",
    HookEvent.ORDER_CLOSED: "订单已关闭",
    HookEvent.AFTERSALE_REFUNDED: "售后已退款",
    HookEvent.MEMBER_BOUND: "会员绑定上级",
    HookEvent.DISTRIBUTOR_JOINED: "成为分销员",
    HookEvent.COMMISSION_SETTLED: "佣金已结算",
    HookEvent.WITHDRAWAL_PAID: "提现已到账",
}
HOOK_STATE: Mapping[HookState, tuple[str, str]] = {
    HookState.ACTIVE: ("使用中", "good"),
    HookState.STOPPED: ("已停用", "off"),
    HookState.DISABLED: ("持续失败，已自动停用", "bad"),
}
DELIVERY_STATE: Mapping[DeliveryState, tuple[str, str]] = {
    DeliveryState.WAITING: ("等待发送", "wait"),
    DeliveryState.DELIVERED: ("已送达", "good"),
    DeliveryState.FAILED: ("已放弃", "bad"),
}


def answer_said(row: HookDelivery) -> str:
    """What came of the newest attempt."""
    if row.answer_status is None:
        return "还没有发送"
    return f"HTTP {row.answer_status}" if row.answer_status else "没有答复"
