"""What a list of products is ordered by."""

import sqlalchemy as sa

from app.catalog import Product, Sku
from app.core.db import db, transaction
from tests.factories import make_sku


def listed_at(product_id: int) -> int:
    db.session.expire_all()
    return db.session.scalar(sa.select(Product.from_fen).filter_by(id=product_id))


def test_a_product_is_listed_at_its_cheapest_sku(session):
    product = make_sku(price_fen=50_00).product
    with transaction():
        db.session.add(Sku(product_id=product.id, name="小", price_fen=20_00))

    assert listed_at(product.id) == 20_00


def test_a_new_price_and_a_sku_that_is_withdrawn_change_what_it_is_listed_at(session):
    sku = make_sku(price_fen=50_00)
    with transaction():
        db.session.get_one(Sku, sku.id).price_fen = 30_00
    assert listed_at(sku.product_id) == 30_00

    with transaction():
        db.session.get_one(Sku, sku.id).is_active = False
    assert listed_at(sku.product_id) == 0
