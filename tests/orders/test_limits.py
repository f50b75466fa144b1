"""How many of a product one member may have: in the cart, and when ordering."""

import pytest

from app.catalog import Product, Sku
from app.core.db import db, run_unit, transaction
from app.orders import Item, cart, orders_of, place
from app.orders.errors import LimitReached
from tests.factories import NOON, make_address, make_member, make_sku, place_order

pytestmark = pytest.mark.usefixtures("session")


def limited(pieces: int) -> tuple[Sku, Sku]:
    """Two SKUs of a product of which one member may have so many."""
    first = make_sku(title="限量茶")
    with transaction():
        product = db.session.get_one(Product, first.product_id)
        product.limit_per_member = pieces
        second = Sku(name="两盒", price_fen=100_00, stock=100, position=1)
        product.skus.append(second)
    return first, second


def put(member, sku, quantity):
    return run_unit(cart.add, member.id, sku.id, quantity, now=NOON)


def held(member) -> list[tuple[int, int]]:
    db.session.rollback()
    return [(wish.sku_id, wish.quantity) for wish in cart.wishes_of(member.id)]


def refused(act, *arguments, **given) -> str:
    with pytest.raises(LimitReached) as why:
        run_unit(act, *arguments, **given)
    return str(why.value.message)


def test_the_cart_takes_no_more_than_the_limit():
    buyer, (sku, _) = make_member(), limited(3)
    put(buyer, sku, 2)

    says = refused(cart.add, buyer.id, sku.id, 2, now=NOON)

    assert says == "“限量茶”每人限购 3 件"
    assert held(buyer) == [(sku.id, 2)]


def test_the_cart_counts_the_other_skus_of_the_product():
    buyer, (first, second) = make_member(), limited(3)
    put(buyer, first, 2)

    says = refused(cart.add, buyer.id, second.id, 2, now=NOON)

    assert says == "“限量茶”每人限购 3 件"
    assert held(buyer) == [(first.id, 2)]


def test_a_change_in_the_cart_counts_what_was_bought():
    buyer, (sku, _) = make_member(), limited(3)
    put(buyer, sku, 1)
    place_order(buyer, sku, 2)

    says = refused(cart.set_quantity, buyer.id, sku.id, 2)

    assert says == "“限量茶”每人限购 3 件，你已买过 2 件"
    assert held(buyer) == [(sku.id, 1)]


def test_as_many_as_allowed_may_be_had():
    buyer, (first, second) = make_member(), limited(3)

    put(buyer, first, 2)
    put(buyer, second, 1)

    assert sorted(held(buyer)) == [(first.id, 2), (second.id, 1)]


def test_an_order_counts_all_skus_of_the_product():
    buyer, (first, second) = make_member(), limited(3)
    address = make_address(buyer)

    says = refused(
        place,
        buyer.id,
        items=[Item(first.id, 2), Item(second.id, 2)],
        address_id=address.id,
        request_key="tap",
        expected_fen=400_00,
        now=NOON,
    )

    assert says == "“限量茶”每人限购 3 件"
    assert list(orders_of(buyer.id).items) == []
    assert {db.session.get_one(Sku, sku.id).stock for sku in (first, second)} == {100}
