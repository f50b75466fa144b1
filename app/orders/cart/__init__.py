"""The cart (购物车): what a member means to buy, kept until it is ordered or put back.

A line remembers the price at which its SKU was put in, and nothing else of it:
what it costs, whether it is for sale and how many are left is read afresh each
time, so that the page can say what changed. Lines that are ordered leave in the
order's own unit of work. A visitor who is not logged in keeps wishes in the
browser; they move here once, at the login.
"""

from app.orders.cart.models import LINES_MAX, CartFull, CartLine
from app.orders.cart.queries import Contents, Row, contents, count, priced, ticked, wishes_of
from app.orders.cart.service import (
    Wish,
    add,
    check,
    merge,
    remove,
    set_quantity,
    take_out,
    tick,
)

__all__ = [
    "LINES_MAX",
    "CartFull",
    "CartLine",
    "Contents",
    "Row",
    "Wish",
    "add",
    "check",
    "contents",
    "count",
    "merge",
    "priced",
    "remove",
    "set_quantity",
    "take_out",
    "tick",
    "ticked",
    "wishes_of",
]
