"""The member price: who pays it, and that each step says the same."""

import pytest

from app import outbox, settings
from app.catalog import Sku
from app.commission import commissions_of_order
from app.core.db import db, run_unit, transaction
from app.members import Member
from app.orders import Item, best_offer, cart, place, quote
from app.orders.errors import PriceChanged
from app.settings import registry
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    broken_invariants,
    make_address,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    take,
)

pytestmark = pytest.mark.usefixtures("session")


def special(price_fen=100_00, member_fen=90_00, **given) -> Sku:
    sku = make_sku(price_fen=price_fen, **given)
    with transaction():
        sku.member_price_fen = member_fen
    return sku


def give_to(whom: str) -> None:
    run_unit(settings.change, registry.MEMBER_PRICE_FOR.key, whom, actor=ADMIN, now=NOON)


def cost(sku, buyer) -> int:
    return quote([Item(sku.id, 2)], buyer_id=buyer.id if buyer else None).payable_fen


def follower() -> Member:
    member = make_member("李雷")
    with transaction():
        member.is_subscribed = True
    return member


def test_distributors_pay_it_unless_the_shop_says_otherwise():
    sku = special()

    assert cost(sku, make_distributor("陈梅")) == 180_00
    assert cost(sku, make_member("王芳")) == 200_00
    assert cost(sku, None) == 200_00


@pytest.mark.parametrize(
    ("whom", "distributor_pays", "follower_pays"),
    [
        ("nobody", 200_00, 200_00),
        ("distributors", 180_00, 200_00),
        ("followers", 200_00, 180_00),
    ],
)
def test_the_setting_says_who_pays_it(whom, distributor_pays, follower_pays):
    sku = special()
    give_to(whom)

    assert cost(sku, make_distributor("陈梅")) == distributor_pays
    assert cost(sku, follower()) == follower_pays


@pytest.mark.parametrize("member_fen", [None, 100_00])
def test_what_is_no_better_changes_nothing(member_fen):
    sku = special(member_fen=member_fen)

    assert cost(sku, make_distributor("陈梅")) == 200_00


def test_the_cart_and_the_order_say_the_same():
    buyer, sku = make_distributor("陈梅"), special()
    run_unit(cart.add, buyer.id, sku.id, 2, now=NOON)

    [row] = cart.contents(buyer.id).live
    order = run_unit(
        place,
        buyer.id,
        items=[Item(sku.id, 2)],
        address_id=make_address(buyer).id,
        request_key="tap",
        expected_fen=180_00,
        now=NOON,
    )

    assert (row.was_fen, row.unit_fen, row.change_fen, row.total_fen) == (90_00, 90_00, 0, 180_00)
    assert (order.goods_fen, order.payable_fen) == (180_00, 180_00)
    assert [(line.unit_price_fen, line.paid_fen) for line in order.lines] == [(90_00, 180_00)]


def test_who_no_longer_gets_it_is_told_the_new_price_first():
    buyer, sku = make_distributor("陈梅"), special()
    address = make_address(buyer)
    give_to("nobody")

    with pytest.raises(PriceChanged) as refused:
        run_unit(
            place,
            buyer.id,
            items=[Item(sku.id, 1)],
            address_id=address.id,
            request_key="tap",
            expected_fen=90_00,
            now=NOON,
        )

    assert refused.value.facts == {"was": 90_00, "now": 100_00}
    assert db.session.get_one(Sku, sku.id, populate_existing=True).stock == 100


def test_commissions_are_of_what_was_paid():
    make_plan()
    top = make_distributor("林杰")
    buyer = make_distributor("陈梅", under=top)

    order = run_unit(
        place,
        buyer.id,
        items=[Item(special().id, 1)],
        address_id=make_address(buyer).id,
        request_key="tap",
        expected_fen=90_00,
        now=NOON,
    )
    take(notice_for(order))
    outbox.drain(NOON)

    assert order.payable_fen == 90_00
    assert [
        row.amount_fen for row in commissions_of_order(order.id) if row.member_id == top.id
    ] == [9_00]
    assert broken_invariants() == {}


def test_a_binding_does_not_make_a_member_price():
    near = make_distributor("陈梅")
    buyer, sku = make_member("王芳"), special()
    bind(buyer, near)

    assert cost(sku, buyer) == 200_00


def of(number: int, price_fen: int, member_fen: int | None = None, stock: int = 1) -> Sku:
    return Sku(id=number, price_fen=price_fen, member_price_fen=member_fen, stock=stock)


@pytest.mark.parametrize(
    ("skus", "is_special", "shown"),
    [
        # (SKU, what it costs, 起, 会员价)
        ([of(1, 100, 90), of(2, 95)], False, (2, 95, True, False)),
        ([of(1, 100, 90), of(2, 95)], True, (1, 90, True, True)),
        ([of(1, 100, 90), of(2, 80)], True, (2, 80, True, False)),
        ([of(1, 100, 90), of(2, 90)], True, (1, 90, False, True)),
        ([of(1, 50, 40, stock=0), of(2, 100, 90)], True, (2, 90, False, True)),
        ([of(1, 50, stock=0), of(2, 40, stock=0)], False, (2, 40, True, False)),
    ],
)
def test_a_list_shows_the_cheapest_that_can_be_bought(skus, is_special, shown):
    offer = best_offer(skus, is_special=is_special)

    assert (offer.sku.id, offer.unit_fen, offer.is_from, offer.is_member_price) == shown


def test_a_product_without_skus_has_no_price():
    assert best_offer([], is_special=True) is None
