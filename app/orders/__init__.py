"""Orders (订单): checkout, payment state, shipping, the end of the return window.

Prices, costs, the delivery address, and the chain of uplines are copied when the
order is placed: later edits of products, levels or referrals never change it.

Walk: `service.place` reserves stock and makes the payment (支付单) whose number
was saved before WeChat is asked; `payment` takes WeChat's word, from the notice
or from our query, and books it; `fulfilment` ships, receives and finishes.
Money that comes for an order that cannot take it (late, twice) is booked to
`refund_due` and raised as an oddity (支付异常): never lost, never ignored.
"""

from app.orders.fulfilment import finish, receive, ship, subscribe
from app.orders.models import (
    QUANTITY_MAX,
    TRANSITIONS,
    Oddity,
    OddityKind,
    Order,
    OrderLine,
    OrderSeat,
    OrderStatus,
    Payment,
    PaymentStatus,
)
from app.orders.payment import (
    PaidNotice,
    Taken,
    attach_prepay,
    raise_oddity,
    resolve_oddity,
    take_payment,
)
from app.orders.ports import PaymentGateway, PaymentState, PrepayRefused
from app.orders.pricing import LINES_MAX, Adjustment, Item, Quote, QuotedLine, allocate, quote
from app.orders.processes import ask, close, paying_sheet
from app.orders.queries import (
    by_ids,
    counts_by_status,
    due_to_expire,
    due_to_finish,
    due_to_receive,
    oddities,
    open_oddities,
    open_payment,
    order_by_number,
    order_of,
    orders_of,
    orders_page,
    paid_counts,
    payment_by_number,
    payments_of,
    payments_to_query,
    seats_of,
)
from app.orders.service import begin_close, finish_close, place

__all__ = [
    "LINES_MAX",
    "QUANTITY_MAX",
    "TRANSITIONS",
    "Adjustment",
    "Item",
    "Oddity",
    "OddityKind",
    "Order",
    "OrderLine",
    "OrderSeat",
    "OrderStatus",
    "PaidNotice",
    "Payment",
    "PaymentGateway",
    "PaymentState",
    "PaymentStatus",
    "PrepayRefused",
    "Quote",
    "QuotedLine",
    "Taken",
    "allocate",
    "ask",
    "attach_prepay",
    "begin_close",
    "by_ids",
    "close",
    "counts_by_status",
    "due_to_expire",
    "due_to_finish",
    "due_to_receive",
    "finish",
    "finish_close",
    "oddities",
    "open_oddities",
    "open_payment",
    "order_by_number",
    "order_of",
    "orders_of",
    "orders_page",
    "paid_counts",
    "paying_sheet",
    "payment_by_number",
    "payments_of",
    "payments_to_query",
    "place",
    "quote",
    "raise_oddity",
    "receive",
    "resolve_oddity",
    "seats_of",
    "ship",
    "subscribe",
    "take_payment",
]
