"""Placing an order: what it copies, what it refuses, what it takes from the shelf."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import audit, catalog, distribution, orders, settings
from app.catalog import Category, OutOfStock, Product, Sku, SoldOff
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput, NotFound
from app.members import Member
from app.orders import Item, Order, OrderStatus, PaymentStatus
from app.orders.errors import PriceChanged
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    broken_invariants,
    make_address,
    make_distributor,
    make_member,
    make_sku,
    place_order,
)
from tests.planting import plant


def place(buyer: Member, *items: Item, expected_fen: int, **changed: object) -> Order:
    words = {
        "items": list(items),
        "address_id": make_address(buyer).id,
        "request_key": "tap",
        "expected_fen": expected_fen,
        "now": NOON,
        **changed,
    }
    return run_unit(orders.place, buyer.id, **words)


def stock_of(sku: Sku) -> int:
    return db.session.scalar(sa.select(Sku.stock).filter_by(id=sku.id))


def nothing_was_placed(*skus: Sku) -> bool:
    count = db.session.scalar(sa.select(sa.func.count()).select_from(Order))
    return count == 0 and all(stock_of(sku) == 100 for sku in skus) and broken_invariants() == {}


def test_an_order_copies_prices_people_and_address(session):
    top = make_distributor("林杰")
    near = make_distributor("陈梅", under=top)
    buyer = make_member("王芳")
    bind(buyer, near)
    sku = make_sku(price_fen=128_00, cost_fen=51_00, title="高山绿茶", name="两盒")

    order = place(buyer, Item(sku.id, 3), expected_fen=384_00, remark=" 请放前台 ")

    assert (order.status, order.goods_fen, order.payable_fen) == (
        OrderStatus.UNPAID,
        384_00,
        384_00,
    )
    assert (order.receiver_name, order.receiver_phone) == ("王芳", "13812345678")
    assert (order.receiver_region, order.receiver_detail) == ("浙江省 杭州市 西湖区", "文三路 1 号")
    assert order.remark == "请放前台"
    assert order.expires_at == NOON + timedelta(minutes=30)
    (line,) = order.lines
    assert (line.title, line.sku_name, line.quantity) == ("高山绿茶", "两盒", 3)
    assert (line.unit_price_fen, line.unit_cost_fen, line.paid_fen) == (128_00, 51_00, 384_00)
    assert [(s.position, s.member_id, s.level, s.is_active) for s in orders.seats_of(order.id)] == [
        (0, buyer.id, "", False),
        (1, near.id, "normal", True),
        (2, top.id, "normal", True),
    ]
    payment = orders.open_payment(order.id)
    assert (payment.amount_fen, payment.status) == (384_00, PaymentStatus.CREATED)
    assert stock_of(sku) == 97
    assert [m.to_state for m in audit.moves_of("order", order.id)] == ["unpaid"]
    assert broken_invariants() == {}


def test_later_changes_of_the_product_do_not_change_the_order(session):
    buyer, sku = make_member(), make_sku(price_fen=100_00, cost_fen=40_00, title="旧名")
    order = place_order(buyer, sku)

    plant("UPDATE skus SET price_fen = 1, cost_fen = 1, name = '新'")
    plant("UPDATE products SET title = '新名'")

    (line,) = orders.order_of(buyer.id, order.number).lines
    assert (line.title, line.unit_price_fen, line.unit_cost_fen, line.paid_fen) == (
        "旧名",
        100_00,
        40_00,
        100_00,
    )


def test_a_later_binding_does_not_change_the_seats(session):
    near, buyer = make_distributor(), make_member()
    order = place_order(buyer, make_sku())

    assert bind(buyer, near) is distribution.AttemptResult.BOUND

    assert [s.member_id for s in orders.seats_of(order.id)] == [buyer.id]


def test_a_later_suspension_does_not_change_the_seats(session):
    near, buyer = make_distributor(), make_member()
    bind(buyer, near)
    order = place_order(buyer, make_sku())
    seat = distribution.distributor_of(near.id)

    run_unit(distribution.suspend, seat.id, reason="调查", actor=ADMIN, now=NOON)

    assert [(s.member_id, s.is_active) for s in orders.seats_of(order.id)] == [
        (buyer.id, False),
        (near.id, True),
    ]


def test_a_suspended_upline_is_copied_as_inactive(session):
    near, buyer = make_distributor(), make_member()
    bind(buyer, near)
    seat = distribution.distributor_of(near.id)
    run_unit(distribution.suspend, seat.id, reason="调查", actor=ADMIN, now=NOON)

    order = place_order(buyer, make_sku())

    assert [(s.member_id, s.is_active) for s in orders.seats_of(order.id)] == [
        (buyer.id, False),
        (near.id, False),
    ]


def test_an_order_copies_at_most_three_uplines(session):
    chain = [make_distributor()]
    for _ in range(4):
        chain.append(make_distributor(under=chain[-1]))
    buyer = make_member()
    bind(buyer, chain[-1])

    order = place_order(buyer, make_sku())

    assert [s.member_id for s in orders.seats_of(order.id)] == [
        buyer.id,
        chain[4].id,
        chain[3].id,
        chain[2].id,
    ]


def test_a_line_copies_its_categories_nearest_first(session):
    buyer, sku = make_member(), make_sku()
    with transaction():
        drinks = Category(name="饮品")
        db.session.add(drinks)
        db.session.flush()
        tea = Category(name="茶", parent_id=drinks.id)
        db.session.add(tea)
        db.session.flush()
        db.session.get_one(Product, sku.product_id).category_id = tea.id

    order = place_order(buyer, sku)

    assert order.lines[0].category_ids == [tea.id, drinks.id]


def test_a_second_tap_returns_the_first_order(session):
    buyer, sku = make_member(), make_sku()
    first = place(buyer, Item(sku.id, 2), expected_fen=200_00).id

    second = place(buyer, Item(sku.id, 2), expected_fen=200_00).id

    assert second == first
    assert stock_of(sku) == 98
    assert broken_invariants() == {}


def test_two_members_may_use_the_same_key(session):
    sku = make_sku()

    one = place(make_member(), Item(sku.id, 1), expected_fen=100_00)
    other = place(make_member(), Item(sku.id, 1), expected_fen=100_00)

    assert one.id != other.id
    assert one.number != other.number
    assert stock_of(sku) == 98


def test_a_changed_price_is_refused_with_both_prices(session):
    buyer, sku = make_member(), make_sku(price_fen=100_00)

    with pytest.raises(PriceChanged, match="商品价格有变动，请确认后重新提交") as refused:
        place(buyer, Item(sku.id, 1), expected_fen=99_99)

    assert refused.value.facts == {"was": 99_99, "now": 100_00}
    assert nothing_was_placed(sku)


def test_a_sold_out_sku_is_refused(session):
    buyer, sku = make_member(), make_sku()

    with pytest.raises(OutOfStock, match="库存不足，请减少数量或选择其他规格"):
        place(buyer, Item(sku.id, 101), expected_fen=10_100_00)

    assert nothing_was_placed(sku)


def test_one_sold_out_line_gives_the_others_back(session):
    buyer, plenty, none = make_member(), make_sku(), make_sku(stock=0)

    with pytest.raises(OutOfStock):
        place(buyer, Item(plenty.id, 1), Item(none.id, 1), expected_fen=200_00)

    assert nothing_was_placed(plenty)


def test_what_is_off_the_shelf_is_refused(session):
    buyer, sku = make_member(), make_sku(is_on_shelf=False)

    with pytest.raises(SoldOff, match="商品已下架"):
        place(buyer, Item(sku.id, 1), expected_fen=100_00)

    assert nothing_was_placed(sku)


def test_an_unknown_sku_is_refused(session):
    with pytest.raises(SoldOff):
        place(make_member(), Item(404, 1), expected_fen=100_00)

    assert nothing_was_placed()


def test_somebody_elses_address_is_refused(session):
    buyer, sku = make_member(), make_sku()
    foreign = make_address(make_member())

    with pytest.raises(NotFound, match="收货地址不存在"):
        place(buyer, Item(sku.id, 1), expected_fen=100_00, address_id=foreign.id)

    assert nothing_was_placed(sku)


@pytest.mark.parametrize("quantity", [0, -1, 1000])
def test_a_quantity_out_of_range_is_refused(session, quantity):
    buyer, sku = make_member(), make_sku(price_fen=1)

    with pytest.raises(InvalidInput, match="购买数量应在 1 到 999 之间") as refused:
        place(buyer, Item(sku.id, quantity), expected_fen=quantity)

    assert refused.value.field == "quantity"
    assert nothing_was_placed(sku)


def test_the_largest_quantity_is_allowed(session):
    sku = make_sku(price_fen=1, stock=999)

    order = place(make_member(), Item(sku.id, 999), expected_fen=9_99)

    assert order.payable_fen == 9_99
    assert stock_of(sku) == 0
    assert broken_invariants() == {}


def test_an_order_without_items_is_refused(session):
    with pytest.raises(InvalidInput, match="请选择要购买的商品") as refused:
        place(make_member(), expected_fen=0)

    assert refused.value.field == "items"
    assert nothing_was_placed()


@pytest.mark.parametrize("price_fen", [0, 500_000_01])
def test_a_total_that_wechat_cannot_take_is_refused(session, price_fen):
    buyer, sku = make_member(), make_sku(price_fen=price_fen)

    with pytest.raises(InvalidInput, match="订单金额超出可支付范围"):
        place(buyer, Item(sku.id, 1), expected_fen=price_fen)

    assert nothing_was_placed(sku)


def test_a_remark_that_is_too_long_is_refused(session):
    buyer, sku = make_member(), make_sku()

    with pytest.raises(InvalidInput, match="备注最多 200 个字") as refused:
        place(buyer, Item(sku.id, 1), expected_fen=100_00, remark="字" * 201)

    assert refused.value.field == "remark"
    assert nothing_was_placed(sku)


def test_a_remark_of_two_hundred_characters_is_allowed(session):
    order = place(make_member(), Item(make_sku().id, 1), expected_fen=100_00, remark="字" * 200)

    assert order.remark == "字" * 200


def test_the_time_to_pay_follows_the_setting(session):
    run_unit(settings.change, settings.registry.ORDER_EXPIRE_MINUTES.key, 5, actor=ADMIN, now=NOON)

    order = place_order(make_member(), make_sku())

    assert order.expires_at == NOON + timedelta(minutes=5)


def test_an_order_belongs_to_its_member_only(session):
    order = place_order(make_member(), make_sku())

    with pytest.raises(NotFound, match="订单不存在"):
        orders.order_of(make_member().id, order.number)


def test_the_receiver_is_not_readable_in_the_database(session):
    order = place_order(make_member(), make_sku())

    stored = db.session.execute(
        sa.text("SELECT receiver_name, receiver_phone, receiver_detail FROM orders WHERE id = :i"),
        {"i": order.id},
    ).one()

    assert all(text.startswith("t1:") for text in stored)
    assert not any(part in " ".join(stored) for part in ("王芳", "13812345678", "文三路"))


def test_stock_is_taken_by_the_orders_own_key(session):
    sku = make_sku()
    order = place_order(make_member(), sku)

    run_unit(catalog.reserve, sku.id, 1, key=f"order:{order.id}:{order.lines[0].id}", now=NOON)

    assert stock_of(sku) == 99
    assert broken_invariants() == {}
