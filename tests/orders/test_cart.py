"""What a member means to buy: adding, changing, taking over a visitor's cart, ordering."""

import pytest

from app import catalog
from app.catalog import OutOfStock, Product, Sku, SoldOff
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput, NotFound
from app.orders import Item, cart, place
from app.orders.cart import LINES_MAX, CartFull, CartLine, Wish
from app.orders.errors import PriceChanged
from tests.factories import NOON, make_address, make_member, make_sku


def put(member, sku, quantity=1):
    return run_unit(cart.add, member.id, sku.id, quantity, now=NOON)


def lines(member) -> list[tuple[int, int, bool]]:
    """`(sku, quantity, ticked)` of each line, the newest first."""
    db.session.rollback()
    return [(w.sku_id, w.quantity, w.is_ticked) for w in cart.wishes_of(member.id)]


def set_price(sku, fen):
    with transaction():
        db.session.get_one(Sku, sku.id).price_fen = fen


def set_stock(sku, left):
    with transaction():
        db.session.get_one(Sku, sku.id).stock = left


def take_off(sku):
    with transaction():
        db.session.get_one(Product, sku.product_id).is_on_shelf = False


@pytest.fixture
def buyer(session):
    return make_member("王芳")


def test_adding_twice_adds_up_in_one_line(buyer):
    sku = make_sku()

    put(buyer, sku, 2)
    put(buyer, sku, 3)

    assert lines(buyer) == [(sku.id, 5, True)]


@pytest.mark.parametrize(("held", "more"), [(0, 0), (0, -1), (0, 1000), (999, 1)])
def test_more_than_one_may_buy_is_refused(buyer, held, more):
    sku = make_sku(stock=5000)
    if held:
        put(buyer, sku, held)
    before = lines(buyer)

    with pytest.raises(InvalidInput, match="1 到 999 件"):
        put(buyer, sku, more)

    assert lines(buyer) == before


def test_more_than_there_is_is_refused(buyer):
    sku = make_sku(stock=3)
    put(buyer, sku, 2)

    with pytest.raises(OutOfStock, match="库存仅剩 3 件"):
        put(buyer, sku, 2)

    assert lines(buyer) == [(sku.id, 2, True)]


def test_what_is_off_the_shelf_is_refused(buyer):
    with pytest.raises(SoldOff):
        put(buyer, make_sku(is_on_shelf=False))

    assert lines(buyer) == []


def test_a_full_cart_takes_no_more_kinds_but_more_of_one(buyer):
    first, extra = make_sku(), make_sku()
    with transaction():
        db.session.add_all(
            CartLine(member_id=buyer.id, sku_id=sku_id, quantity=1, was_fen=1, added_at=NOON)
            for sku_id in [first.id, *(_bare_sku().id for _ in range(LINES_MAX - 1))]
        )

    with pytest.raises(CartFull):
        put(buyer, extra)
    put(buyer, first)

    assert len(lines(buyer)) == LINES_MAX
    assert (first.id, 2, True) in lines(buyer)


def _bare_sku() -> Sku:
    product = Product(title="x", pictures=[], is_on_shelf=True, created_at=NOON)
    product.skus = [Sku(name="x", price_fen=1, cost_fen=0)]
    db.session.add(product)
    db.session.flush()
    return product.skus[0]


def test_changing_the_quantity_of_what_is_not_there_is_not_found(buyer):
    other = make_member()
    sku = make_sku()
    put(other, sku)

    with pytest.raises(NotFound):
        run_unit(cart.set_quantity, buyer.id, sku.id, 2)

    assert lines(other) == [(sku.id, 1, True)]


def test_a_change_of_price_is_told_with_its_direction(buyer):
    dearer, cheaper, same = make_sku(price_fen=100_00), make_sku(price_fen=50_00), make_sku()
    for sku in (dearer, cheaper, same):
        put(buyer, sku)
    set_price(dearer, 120_00)
    set_price(cheaper, 45_50)

    rows = {row.sku.id: row for row in cart.contents(buyer.id).live}

    assert rows[dearer.id].change_fen == 20_00
    assert rows[cheaper.id].change_fen == -4_50
    assert rows[same.id].change_fen == 0


def test_adding_again_takes_note_of_the_new_price(buyer):
    sku = make_sku(price_fen=100_00)
    put(buyer, sku)
    set_price(sku, 120_00)

    put(buyer, sku)

    [row] = cart.contents(buyer.id).live
    assert (row.change_fen, row.quantity) == (0, 2)


def test_what_cannot_be_bought_stands_apart_and_is_not_counted(buyer):
    live, sold_out, off = make_sku(price_fen=10_00), make_sku(), make_sku()
    for sku in (live, sold_out, off):
        put(buyer, sku, 2)
    set_stock(sold_out, 0)
    take_off(off)

    found = cart.contents(buyer.id)

    assert [row.sku.id for row in found.live] == [live.id]
    assert {row.sku.id for row in found.gone} == {sold_out.id, off.id}
    assert (found.total_fen, found.pieces, found.is_all_ticked) == (20_00, 2, True)


def test_a_line_that_is_short_counts_what_is_left(buyer):
    sku = make_sku(price_fen=10_00, stock=5)
    put(buyer, sku, 5)
    set_stock(sku, 2)

    [row] = cart.contents(buyer.id).live

    assert (row.quantity, row.counted, row.total_fen, row.is_short) == (5, 2, 20_00, True)


def test_ticks_choose_what_is_ordered(buyer):
    one, two = make_sku(price_fen=10_00), make_sku(price_fen=20_00)
    put(buyer, one)
    put(buyer, two)

    run_unit(cart.tick, buyer.id, [one.id], is_ticked=False)

    assert [row.sku.id for row in cart.ticked(buyer.id)] == [two.id]
    run_unit(cart.tick, buyer.id, None, is_ticked=True)
    assert cart.contents(buyer.id).total_fen == 30_00


def test_ticking_changes_nobody_elses_cart(buyer):
    other, sku = make_member(), make_sku()
    put(other, sku)

    run_unit(cart.tick, buyer.id, None, is_ticked=False)
    run_unit(cart.remove, buyer.id, [sku.id])

    assert lines(other) == [(sku.id, 1, True)]


# --- a visitor's cart ---------------------------------------------------------------


def test_a_visitors_pieces_add_up_and_are_capped(buyer):
    both, new = make_sku(stock=2000), make_sku()
    put(buyer, both, 600)

    taken = run_unit(
        cart.merge, buyer.id, [Wish(both.id, 500, 100_00), Wish(new.id, 2, 90_00, False)], now=NOON
    )

    assert taken == 2
    assert sorted(lines(buyer)) == [(both.id, 999, True), (new.id, 2, False)]


def test_two_wishes_for_the_same_are_one_line(buyer):
    sku, other = make_sku(), make_sku()
    put(buyer, other, 2)
    wishes = [Wish(sku.id, 1, 100_00), Wish(other.id, 3, 100_00), Wish(sku.id, 4, 100_00)]

    run_unit(cart.merge, buyer.id, wishes, now=NOON)

    assert sorted(lines(buyer)) == [(sku.id, 5, True), (other.id, 5, True)]


def test_what_does_not_exist_or_fit_is_left_out(buyer):
    sku = make_sku()

    taken = run_unit(cart.merge, buyer.id, [Wish(999_999, 1, 1), Wish(sku.id, 0, 1)], now=NOON)

    assert (taken, lines(buyer)) == (0, [])


# --- ordering -----------------------------------------------------------------------


def order(buyer, items, expected_fen, *, key="tap", from_cart=True):
    return run_unit(
        place,
        buyer.id,
        items=items,
        address_id=make_address(buyer).id,
        request_key=key,
        expected_fen=expected_fen,
        now=NOON,
        from_cart=from_cart,
    )


def test_what_is_ordered_leaves_the_cart_and_the_rest_stays(buyer):
    tea, cup, rice = (make_sku(price_fen=10_00) for _ in range(3))
    for sku in (tea, cup, rice):
        put(buyer, sku)

    order(buyer, [Item(tea.id, 1), Item(cup.id, 1)], 20_00)

    assert lines(buyer) == [(rice.id, 1, True)]


def test_buying_at_once_leaves_the_cart_alone(buyer):
    tea = make_sku(price_fen=10_00)
    put(buyer, tea)

    order(buyer, [Item(tea.id, 1)], 10_00, from_cart=False)

    assert lines(buyer) == [(tea.id, 1, True)]


def test_an_order_that_is_refused_leaves_the_cart_alone(buyer):
    tea = make_sku(price_fen=10_00)
    put(buyer, tea)

    with pytest.raises(PriceChanged):
        order(buyer, [Item(tea.id, 1)], 9_00)
    with pytest.raises(OutOfStock):
        order(buyer, [Item(tea.id, 101)], 1010_00)

    assert lines(buyer) == [(tea.id, 1, True)]
    assert catalog.skus_by_id([tea.id])[tea.id].stock == 100
