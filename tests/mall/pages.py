"""Reading pages as people do, and what the pages of orders are tried on."""

import re
from html import unescape
from typing import Any

from app import orders
from app.catalog import Sku
from app.core.db import db, run_unit
from app.members import Member
from app.orders import Order, OrderStatus
from tests.factories import ADMIN, NOON, paid_order

JSON = {"Accept": "application/json"}
INVOICE = {"title_kind": "personal", "title": "王芳", "tax_number": "", "email": "w@example.com"}


def text_of(response: Any) -> str:
    """What a person reads, without tags and line breaks."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", response.text)))


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's form, as a browser would send them."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def shipped_order(buyer: Member, sku: Sku) -> Order:
    order = paid_order(buyer, sku)
    run_unit(
        orders.ship,
        order.id,
        carrier="顺丰速运",
        tracking_number="SF1234567890",
        actor=ADMIN,
        now=NOON,
    )
    return order


def status_of(order: Order) -> OrderStatus:
    db.session.rollback()
    return orders.order_by_number(order.number).status
