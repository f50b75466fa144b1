"""What a member does with an order: cancelling, receiving, deleting, buying again."""

import pytest

from app import commission, members, orders, outbox
from app.catalog import Product
from app.core.db import db, transaction
from app.members import AddressInput
from app.orders import OrderStatus
from tests.factories import (
    NOON,
    bind,
    broken_invariants,
    days,
    make_distributor,
    make_plan,
    make_sku,
    paid_order,
    place_order,
    received_order,
)
from tests.mall.pages import JSON, shipped_order, status_of


def test_cancelling_frees_the_stock(client, me, weixin):
    sku = make_sku(stock=5)
    order = place_order(me, sku, 2)

    answer = client.post(f"/orders/{order.number}/cancel")

    assert answer.status_code == 303
    assert status_of(order) is OrderStatus.CLOSED
    assert "订单已取消" in client.get(answer.location).text
    assert broken_invariants() == {}


def test_cancelling_a_paid_order_changes_nothing(client, me):
    order = paid_order(me, make_sku())

    answer = client.post(f"/orders/{order.number}/cancel")

    assert status_of(order) is OrderStatus.PAID
    assert "订单状态已变化" in client.get(answer.location).text


def test_cancelling_waits_for_wechats_word(client, me, weixin):
    order = place_order(me, make_sku())
    client.post(f"/orders/{order.number}/sheet", headers=JSON)
    weixin.pay.is_down = True

    answer = client.post(f"/orders/{order.number}/cancel")

    assert status_of(order) is OrderStatus.CLOSING
    assert "正在与微信支付确认" in client.get(answer.location).text


def test_receiving_dates_the_commissions_at_once(client, me):
    make_plan()
    upline = make_distributor("林杰")
    bind(me, upline)
    order = shipped_order(me, make_sku())

    answer = client.post(f"/orders/{order.number}/receive")

    assert status_of(order) is OrderStatus.RECEIVED
    assert "已确认收货" in client.get(answer.location).text
    [earned] = commission.commissions_of(upline.id).items
    assert earned.expected_at == NOON + days(15)


def test_receiving_what_was_not_shipped_is_refused(client, me):
    order = paid_order(me, make_sku())

    answer = client.post(f"/orders/{order.number}/receive")

    assert answer.status_code == 409
    assert "当前状态不能进行此操作，请刷新后查看" in answer.text
    assert status_of(order) is OrderStatus.PAID


def test_received_order_can_be_bought_again_but_not_deleted(client, me):
    order = received_order(me, make_sku())
    outbox.drain(NOON)

    page = client.get(f"/orders/{order.number}").text

    assert "如有问题，可在下方申请售后" in page
    assert "再次购买" in page
    assert "删除订单" not in page


def test_a_closed_order_is_deleted_from_view_only(client, me):
    order = place_order(me, make_sku())
    client.post(f"/orders/{order.number}/cancel")

    answer = client.post(f"/orders/{order.number}/hide")

    assert answer.location == "/orders"
    assert order.number not in client.get("/orders").text
    assert client.get(f"/orders/{order.number}").status_code == 404
    assert status_of(order) is OrderStatus.CLOSED


@pytest.mark.parametrize("make", [place_order, paid_order, received_order])
def test_an_order_that_is_not_over_is_not_deleted(client, me, make):
    order = make(me, make_sku())

    answer = client.post(f"/orders/{order.number}/hide")

    assert answer.status_code == 409
    assert "订单还没有结束" in answer.text
    assert order.number in client.get("/orders").text


def test_what_is_still_for_sale_goes_into_the_cart_and_the_rest_is_told(client, me):
    tea, cup = make_sku(title="高山绿茶"), make_sku(title="马克杯")
    with transaction():
        order = orders.place(
            me.id,
            items=[orders.Item(tea.id, 2), orders.Item(cup.id, 1)],
            address_id=make_address_id(me),
            request_key="k",
            expected_fen=300_00,
            now=NOON,
        )
    with transaction():
        db.session.get_one(Product, cup.product_id).is_on_shelf = False

    answer = client.post(f"/orders/{order.number}/again")

    page = client.get("/cart").text
    assert answer.location == "/cart"
    assert "“马克杯”商品已下架，没有加入" in page
    assert "已加入购物车" in page
    assert [(w.sku_id, w.quantity) for w in orders.cart.wishes_of(me.id)] == [(tea.id, 2)]


def make_address_id(member) -> int:
    return members.add_address(
        member.id, AddressInput("王芳", "13812345678", "浙江省 杭州市 西湖区", "文三路"), now=NOON
    ).id
