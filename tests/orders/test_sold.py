from app import outbox
from app.catalog import Product
from app.core.db import db
from tests.factories import NOON, make_member, make_sku, paid_order


def test_a_paid_order_raises_the_sold_count_once(session):
    sku = make_sku()

    paid_order(make_member(), sku, 3)
    outbox.drain(NOON)
    outbox.drain(NOON)

    assert db.session.get_one(Product, sku.product_id, populate_existing=True).sold_count == 3
