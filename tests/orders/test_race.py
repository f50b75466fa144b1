"""Orders that meet each other, on an engine with row locks."""

import pytest
import sqlalchemy as sa

from app import catalog, ledger, orders
from app.catalog import OutOfStock, Product, Sku
from app.core.db import db, run_unit, transaction
from app.core.errors import DomainError, IllegalMove
from app.ledger import AccountKind
from app.orders import Item, Order, OrderStatus, Taken, cart, pickups
from app.orders.errors import LimitReached
from tests.factories import (
    APPID,
    MCHID,
    NOON,
    SYSTEM,
    broken_invariants,
    make_address,
    make_member,
    make_sku,
    notice_for,
    place_order,
)
from tests.threads import behind, together

pytestmark = pytest.mark.mariadb_only


def shop(stock: int = 100) -> tuple[int, int, int]:
    buyer, sku = make_member(), make_sku(price_fen=100_00, stock=stock)
    ids = buyer.id, sku.id, make_address(buyer).id
    db.session.rollback()
    return ids


def place(buyer_id: int, sku_id: int, address_id: int, key: str) -> int:
    return orders.place(
        buyer_id,
        items=[Item(sku_id, 1)],
        address_id=address_id,
        request_key=key,
        expected_fen=100_00,
        now=NOON,
    ).id


def stock_of(sku_id: int) -> int:
    return db.session.scalar(sa.select(Sku.stock).filter_by(id=sku_id))


def take(notice: orders.PaidNotice) -> Taken:
    return orders.take_payment(notice, mchid=MCHID, appid=APPID, now=NOON)


def unpaid() -> tuple[int, orders.PaidNotice]:
    order = place_order(make_member(), make_sku(price_fen=100_00))
    found = order.id, notice_for(order)
    db.session.rollback()
    return found


def test_a_second_tap_waits_and_returns_the_first_order(live):
    facts = shop()

    second = behind(live, lambda: place(*facts, "tap"), lambda: run_unit(place, *facts, "tap"))

    assert db.session.scalars(sa.select(Order.id)).all() == [second]
    assert stock_of(facts[1]) == 99
    assert broken_invariants() == {}


def test_twenty_taps_at_once_order_once(live):
    facts = shop()

    found = together(live, [lambda: run_unit(place, *facts, "tap")] * 20)

    assert len(set(found)) == 1, found
    assert db.session.scalars(sa.select(Order.id)).all() == [found[0]]
    assert stock_of(facts[1]) == 99
    assert broken_invariants() == {}


def test_forty_buyers_of_one_sku_at_once_are_all_served(live):
    """Each would hold a share of the SKU's row by its order line and wait for the rest:
    a crowd of deadlocks, unless the row is taken whole first."""
    sku = make_sku(price_fen=100_00, stock=40)
    sku_id, buyers = sku.id, [make_member() for _ in range(40)]
    people = [(buyer.id, make_address(buyer).id) for buyer in buyers]
    db.session.rollback()
    turns = []

    def buy(buyer_id: int, address_id: int) -> int:
        turns.append(buyer_id)
        return place(buyer_id, sku_id, address_id, "tap")

    found = together(live, [lambda p=p: run_unit(buy, *p) for p in people])

    assert all(isinstance(order, int) for order in found), found
    assert len(turns) == 40
    assert stock_of(sku_id) == 0
    assert broken_invariants() == {}


def test_the_last_piece_is_sold_once(live):
    facts = shop(stock=1)

    found = together(live, [lambda n=n: run_unit(place, *facts, f"tap-{n}") for n in range(10)])

    assert sum(isinstance(order, int) for order in found) == 1, found
    assert sum(isinstance(order, OutOfStock) for order in found) == 9
    assert stock_of(facts[1]) == 0
    assert broken_invariants() == {}


def test_ten_notices_at_once_book_one_payment(live):
    order_id, notice = unpaid()

    found = together(live, [lambda: run_unit(take, notice)] * 10)

    assert sorted(found) == [*[Taken.KNOWN] * 9, Taken.PAID]
    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == 100_00
    assert db.session.get_one(Order, order_id).status is OrderStatus.PAID
    assert broken_invariants() == {}


def test_a_close_that_waits_for_a_payment_is_refused(live):
    order_id, notice = unpaid()

    second = behind(
        live,
        lambda: take(notice),
        lambda: run_unit(orders.begin_close, order_id, actor=SYSTEM, now=NOON),
    )

    assert isinstance(second, IllegalMove)
    assert db.session.get_one(Order, order_id).status is OrderStatus.PAID
    assert broken_invariants() == {}


def test_a_payment_that_waits_for_a_close_is_owed_back(live):
    order_id, notice = unpaid()

    second = behind(
        live,
        lambda: orders.begin_close(order_id, actor=SYSTEM, now=NOON),
        lambda: run_unit(take, notice),
    )

    assert second is Taken.REFUND_DUE
    assert db.session.get_one(Order, order_id).status is OrderStatus.CLOSING
    assert ledger.system_balance_fen(AccountKind.REFUND_DUE) == 100_00
    assert broken_invariants() == {}


def test_two_that_finish_closing_at_once_free_the_stock_once(live):
    order_id, _ = unpaid()
    run_unit(orders.begin_close, order_id, actor=SYSTEM, now=NOON)
    db.session.rollback()

    behind(
        live,
        lambda: orders.finish_close(order_id, now=NOON),
        lambda: run_unit(orders.finish_close, order_id, now=NOON),
    )

    assert db.session.scalar(sa.select(Sku.stock)) == 100
    assert broken_invariants() == {}


def test_twenty_taps_from_the_cart_with_five_lines_order_once(live):
    """Cart lines first, then the SKUs in id order: nobody waits for somebody who waits."""
    buyer, skus = make_member(), [make_sku(price_fen=10_00) for _ in range(5)]
    buyer_id, address_id, ids = buyer.id, make_address(buyer).id, [sku.id for sku in skus]
    for sku_id in ids:
        run_unit(cart.add, buyer_id, sku_id, 1, now=NOON)
    db.session.rollback()

    found = together(
        live, [lambda n=n: run_unit(five, buyer_id, address_id, rotated(ids, n)) for n in range(20)]
    )

    assert len(set(found)) == 1, found
    assert [stock_of(sku_id) for sku_id in ids] == [99] * 5
    assert cart.count(buyer_id) == 0
    assert broken_invariants() == {}


def test_thirty_orders_of_five_lines_in_any_order_all_succeed_at_first_try(live):
    ids = [make_sku(price_fen=10_00, stock=30).id for _ in range(5)]
    buyers = [make_member() for _ in range(30)]
    people = [(buyer.id, make_address(buyer).id) for buyer in buyers]
    for buyer_id, _ in people:
        for sku_id in ids:
            run_unit(cart.add, buyer_id, sku_id, 1, now=NOON)
    db.session.rollback()
    turns = []

    def buy(buyer_id: int, address_id: int, n: int) -> int:
        turns.append(buyer_id)
        return five(buyer_id, address_id, rotated(ids, n))

    found = together(live, [lambda p=p, n=n: run_unit(buy, *p, n) for n, p in enumerate(people)])

    assert all(isinstance(order, int) for order in found), found
    assert len(turns) == 30
    assert [stock_of(sku_id) for sku_id in ids] == [0] * 5
    assert broken_invariants() == {}


def test_two_taps_that_put_one_thing_in_at_once_make_one_line(live):
    buyer_id, sku_id, _ = shop()

    together(live, [lambda: run_unit(cart.add, buyer_id, sku_id, 2, now=NOON)] * 8)

    assert [(w.sku_id, w.quantity) for w in cart.wishes_of(buyer_id)] == [(sku_id, 16)]


def five(buyer_id: int, address_id: int, ids: list[int]) -> int:
    return orders.place(
        buyer_id,
        items=[Item(sku_id, 1) for sku_id in ids],
        address_id=address_id,
        request_key="tap",
        expected_fen=50_00,
        now=NOON,
        from_cart=True,
    ).id


def rotated(ids: list[int], by: int) -> list[int]:
    at = by % len(ids)
    return ids[at:] + ids[:at]


def test_a_pick_up_code_that_two_counters_redeem_at_once_hands_over_once(live):
    given = pickups.ShopInput("西湖店", "浙江省", "文三路", "9:00–21:00", "0571-8765432", True)
    shop_id = run_unit(pickups.save_shop, None, given, actor=SYSTEM, now=NOON).id
    buyer, sku = make_member(), make_sku(price_fen=100_00)
    order = run_unit(
        orders.place,
        buyer.id,
        items=[Item(sku.id, 1)],
        pickup=orders.PickupWish(shop_id, "王芳", "13800138000"),
        request_key="tap",
        expected_fen=100_00,
        now=NOON,
    )
    run_unit(take, notice_for(order))
    code, order_id = order.pickup.code, order.id
    db.session.rollback()

    found = together(live, [lambda: run_unit(pickups.redeem, code, actor=SYSTEM, now=NOON)] * 6)

    assert sum(isinstance(answer, IllegalMove) for answer in found) == 5, found
    assert db.session.get_one(Order, order_id).status is OrderStatus.RECEIVED
    assert broken_invariants() == {}


def test_a_limit_per_member_holds_for_orders_at_once(live):
    facts = shop()
    with transaction():
        db.session.get_one(
            Product, db.session.get_one(Sku, facts[1]).product_id
        ).limit_per_member = 2
    db.session.rollback()

    found = together(live, [lambda n=n: run_unit(place, *facts, f"tap-{n}") for n in range(8)])

    assert sum(isinstance(answer, LimitReached) for answer in found) == 6, found
    assert stock_of(facts[1]) == 98
    assert broken_invariants() == {}


def test_a_limit_holds_for_orders_of_different_skus_at_once(live):
    buyer_id, first, address_id = shop()
    with transaction():
        product = db.session.get_one(Product, db.session.get_one(Sku, first).product_id)
        product.limit_per_member = 2
        sisters = [Sku(name=f"{n} 盒", price_fen=100_00, position=n) for n in range(1, 4)]
        product.skus.extend(sisters)
        db.session.flush()
        for sku in sisters:
            catalog.add_stock(sku.id, 10, key=f"test:{sku.id}", reason="入库", now=NOON)
    skus = [first, *(sku.id for sku in sisters)]
    db.session.rollback()

    found = together(
        live,
        [
            lambda n=n: run_unit(place, buyer_id, skus[n % 4], address_id, f"tap-{n}")
            for n in range(8)
        ],
    )

    assert sum(isinstance(answer, LimitReached) for answer in found) == 6, found
    assert sum(stock_of(sku) for sku in skus) == 100 + 30 - 2
    assert broken_invariants() == {}


def test_two_taps_that_would_be_too_many_leave_the_cart_as_the_first_made_it(live):
    buyer_id, sku_id, _ = shop(stock=2000)
    run_unit(cart.add, buyer_id, sku_id, 400, now=NOON)

    second = behind(
        live,
        lambda: cart.add(buyer_id, sku_id, 500, now=NOON),
        lambda: run_unit(cart.add, buyer_id, sku_id, 500, now=NOON),
    )

    assert isinstance(second, DomainError)
    assert second.message == "购物车刚刚变过，请再试一次"
    db.session.rollback()
    assert [wish.quantity for wish in cart.wishes_of(buyer_id)] == [900]
