"""Words for orders, invoices and reviews (订单、发票与评价)."""

from collections.abc import Sequence
from datetime import datetime

from app.audit import StateMove
from app.mall.words.base import Step
from app.orders import InvoiceStatus, Order, OrderStatus
from app.reviews import ReviewStatus

S = OrderStatus


ORDER_STATE = {
    S.UNPAID: "待付款",
    S.CLOSING: "关闭中",
    S.CLOSED: "已关闭",
    S.PAID: "待发货",
    S.SHIPPED: "待收货",
    S.RECEIVED: "已收货",
    S.FINISHED: "已完成",
    S.REFUNDED: "已退款",
}

ORDER_SENTENCE = {
    S.UNPAID: ("等待付款", "超时未付款，订单会自动取消"),
    S.CLOSING: ("订单正在关闭", "正在与微信支付确认，请稍后再看"),
    S.CLOSED: ("订单已关闭", "没有付款，商品已放回货架"),
    S.PAID: ("已付款，等待发货", "商家正在备货，发出后这里会显示快递单号"),
    S.SHIPPED: ("商品已发出", "收到并检查无误后，请确认收货"),
    S.RECEIVED: ("已确认收货", "如有问题，可在下方申请售后"),
    S.FINISHED: ("交易完成", "感谢你的购买"),
    S.REFUNDED: ("订单已退款", "货款已全部退回"),
}

# What is fetched at a shop waits there instead of travelling.
PICKUP_STATE = {S.PAID: "备货中", S.SHIPPED: "待自提", S.RECEIVED: "已提货"}

PICKUP_SENTENCE = {
    S.PAID: ("已付款，商家正在备货", "备好后这里会提示，也可以先联系门店"),
    S.SHIPPED: ("商品已备好，等你来取", "到店出示提货码，店员核销后即可取货"),
    S.RECEIVED: ("已提货", "如有问题，可在下方申请售后"),
}

# Virtual goods are handed over at once, and nothing travels.
VIRTUAL_STATE = {S.PAID: "待交付", S.SHIPPED: "已交付", S.RECEIVED: "已确认"}

VIRTUAL_SENTENCE = {
    S.PAID: ("已付款，等待交付", "虚拟商品不用快递，商家交付后这里会显示内容"),
    S.SHIPPED: ("商品已交付", "请查看下面的交付内容，没有问题请确认收货"),
    S.RECEIVED: ("已确认收货", "如有问题，可在下方申请售后"),
}

INVOICE_STATE = {
    InvoiceStatus.REQUESTED: ("等待商家开具", "开好后会发到你的邮箱"),
    InvoiceStatus.ISSUED: ("发票已开具", "电子发票已发到你的邮箱"),
    InvoiceStatus.REFUSED: ("暂未能开具", "请按下面的原因修改后重新申请"),
}

# The tabs of the list of orders: key, title, the states in it.
ORDER_TABS: list[tuple[str, str, tuple[OrderStatus, ...]]] = [
    ("", "全部", ()),
    ("unpaid", "待付款", (S.UNPAID,)),
    ("paid", "待发货", (S.PAID,)),
    ("shipped", "待收货", (S.SHIPPED,)),
    ("done", "已完成", (S.RECEIVED, S.FINISHED, S.REFUNDED)),
]

REVIEW_STATE = {
    ReviewStatus.WAITING: "审核中",
    ReviewStatus.SHOWN: "已展示",
    ReviewStatus.HIDDEN: "未展示",
}

STARS = {1: "很差", 2: "较差", 3: "一般", 4: "满意", 5: "非常满意"}


def order_state(order: Order) -> str:
    """The state of an order in a word."""
    special = PICKUP_STATE if order.pickup else VIRTUAL_STATE if order.is_virtual else {}
    return special.get(order.status) or ORDER_STATE[order.status]


def order_sentence(order: Order, *, is_in_time: bool, is_under_way: bool) -> tuple[str, str]:
    """The state of an order as a sentence, and what comes next.

    `is_in_time` says whether the time for after-sales runs, `is_under_way` that
    all of it is in one already.
    """
    special = PICKUP_SENTENCE if order.pickup else VIRTUAL_SENTENCE if order.is_virtual else {}
    title, next_step = special.get(order.status) or ORDER_SENTENCE[order.status]
    if order.status is S.RECEIVED and not is_in_time:
        next_step = "售后申请期已过，有疑问请联系客服"
    elif is_under_way and order.status in (S.PAID, S.SHIPPED, S.RECEIVED):
        next_step = "售后正在处理，可在下方查看进度"
    return title, next_step


def order_steps(order: Order) -> list[Step]:
    """The walk of an order with its times; a closed one ends where it closed."""
    steps = [Step("提交订单", order.created_at)]
    if order.status in (S.CLOSED, S.CLOSING):
        return [*steps, Step(ORDER_STATE[order.status], None)]
    if order.status is S.REFUNDED:
        return [*steps, Step("付款", order.paid_at), Step(ORDER_STATE[order.status], None)]
    ready, taken = ("备好货", "提货") if order.pickup else ("发货", "收货")
    if order.is_virtual:
        ready = "交付"
    later = [
        ("付款", order.paid_at),
        (ready, order.shipped_at),
        (taken, order.received_at),
        ("完成", order.finished_at),
    ]
    return steps + [Step(title, at, is_done=at is not None) for title, at in later]


def closed_at(moves: Sequence[StateMove]) -> datetime | None:
    """When an order was closed, from its state moves."""
    return next((move.at for move in moves if move.to_state == S.CLOSED.value), None)
