"""Orders (订单): checkout, payment state, shipping, the end of the return window.

Prices, costs, the delivery address, and the chain of uplines are copied when the
order is placed: later edits of products, levels or referrals never change it.

Walk: `service.place` reserves stock and makes the payment (支付单) whose number
was saved before WeChat is asked; `payment` takes WeChat's word, from the notice
or from our query, and books it, `balance` pays with what the buyer earned; `fulfilment` ships, receives and finishes.
`shipping` does so with many at once, also from a file. `pickups` are orders fetched at a shop for a code, `traces` tell where a parcel
is, `invoices` are asked for by members and issued elsewhere, `sales` sums what
was sold by whom.
Money that comes for an order that cannot take it (late, twice) is booked to
`refund_due` and raised as an oddity (支付异常): never lost, never ignored.
"""

from app.orders import balance, cart, invoices, pickups, purchases, sales, shipping, traces
from app.orders.extras import (
    InvoiceRequest,
    InvoiceStatus,
    OrderAdjustment,
    OrderTrace,
    Pickup,
    PickupShop,
    TitleKind,
)
from app.orders.fulfilment import DELIVERY_NOTE_MAX, deliver, finish, receive, ship, subscribe
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
    PaymentKind,
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
from app.orders.pickups import PickupWish
from app.orders.ports import PaymentGateway, PaymentState, PrepayRefused, Trace, TraceProvider
from app.orders.prices import is_cheaper, is_special, prices_of, unit_prices
from app.orders.pricing import (
    LINES_MAX,
    Adjustment,
    Item,
    Quote,
    QuotedLine,
    allocate,
    is_virtual,
    quote,
)
from app.orders.processes import ask, close, pay_with_balance, paying_sheet
from app.orders.queries import (
    WITH_LINES,
    Bought,
    bought_by,
    buyer_of,
    by_ids,
    counts_by_status,
    counts_for_desk,
    desk_orders,
    due_to_expire,
    due_to_finish,
    due_to_receive,
    line_by_id,
    numbers_of,
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
from app.orders.refunding import (
    add_refund,
    aftersale_ended,
    aftersale_opened,
    end_refunded,
    payment_that_paid,
    skus_of_lines,
)
from app.orders.service import begin_close, finish_close, hide, place
from app.orders.states import must_be_of
from app.orders.traces import EnteredTraces

__all__ = [
    "Bought",
    "bought_by",
    "buyer_of",
    "is_cheaper",
    "is_special",
    "is_virtual",
    "prices_of",
    "unit_prices",
    "LINES_MAX",
    "QUANTITY_MAX",
    "TRANSITIONS",
    "Adjustment",
    "EnteredTraces",
    "InvoiceRequest",
    "InvoiceStatus",
    "DELIVERY_NOTE_MAX",
    "Item",
    "deliver",
    "Oddity",
    "OddityKind",
    "Order",
    "OrderAdjustment",
    "OrderLine",
    "OrderSeat",
    "OrderStatus",
    "OrderTrace",
    "PaidNotice",
    "Payment",
    "PaymentGateway",
    "PaymentKind",
    "PaymentState",
    "PaymentStatus",
    "Pickup",
    "PickupShop",
    "PickupWish",
    "PrepayRefused",
    "Quote",
    "QuotedLine",
    "Taken",
    "TitleKind",
    "Trace",
    "TraceProvider",
    "add_refund",
    "aftersale_ended",
    "aftersale_opened",
    "allocate",
    "ask",
    "balance",
    "attach_prepay",
    "begin_close",
    "by_ids",
    "cart",
    "close",
    "counts_by_status",
    "counts_for_desk",
    "due_to_expire",
    "due_to_finish",
    "due_to_receive",
    "end_refunded",
    "finish",
    "finish_close",
    "hide",
    "invoices",
    "must_be_of",
    "line_by_id",
    "numbers_of",
    "oddities",
    "open_oddities",
    "open_payment",
    "order_by_number",
    "order_of",
    "orders_of",
    "orders_page",
    "WITH_LINES",
    "desk_orders",
    "paid_counts",
    "pay_with_balance",
    "paying_sheet",
    "payment_by_number",
    "payment_that_paid",
    "payments_of",
    "payments_to_query",
    "pickups",
    "place",
    "purchases",
    "quote",
    "raise_oddity",
    "receive",
    "resolve_oddity",
    "sales",
    "seats_of",
    "ship",
    "shipping",
    "skus_of_lines",
    "subscribe",
    "take_payment",
    "traces",
]
