"""The cart over HTTP, of members and of visitors."""

import dataclasses
import json
import re

import pytest

from app import members, orders
from app.catalog import Product, Sku
from app.core.db import db, run_unit, transaction
from app.mall import carts
from app.orders import cart
from config import OFFICIAL
from tests.factories import NOON, make_address, make_member, make_sku
from tests.mall.pages import text_of


@pytest.fixture
def visitor(app, client, session, noon, weixin):
    """A browser outside WeChat: nobody can log it in."""
    config = app.extensions["mall_config"]
    app.extensions["mall_config"] = dataclasses.replace(
        config, wechat_open_base=OFFICIAL["WECHAT_OPEN_BASE"]
    )
    yield client
    app.extensions["mall_config"] = config


def held(member) -> list[tuple[int, int]]:
    db.session.rollback()
    return [(wish.sku_id, wish.quantity) for wish in cart.wishes_of(member.id)]


def add(client, sku, quantity=1):
    return client.post("/cart", data={"sku": sku.id, "quantity": quantity})


def test_an_empty_cart_says_where_to_go(client, me):
    page = client.get("/cart").text

    assert "购物车还是空的" in page
    assert 'id="cart-badge" hidden' in page


def test_adding_leads_to_the_cart_with_its_badge(client, me):
    sku = make_sku(price_fen=12_888_00, title="高山绿茶")

    answer = add(client, sku, 2)

    page = client.get("/cart")
    assert (answer.status_code, answer.location) == (303, "/cart")
    assert held(me) == [(sku.id, 2)]
    assert "已加入购物车" in page.text
    assert "¥25,776.00" in text_of(page)
    assert '<em class="num" id="cart-badge" >1</em>' in page.text


def test_a_script_is_told_the_count(client, me):
    answer = client.post(
        "/cart", data={"sku": make_sku().id}, headers={"Accept": "application/json"}
    )

    assert answer.json == {"count": 1, "message": "已加入购物车"}


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        ({"sku": "x"}, 422, "请选择商品规格"),
        ({"sku": "999999"}, 409, "商品已下架"),
        ({"quantity": "1.5"}, 422, "数量应为 1 到 999 的整数"),
        ({"quantity": "101"}, 409, "库存仅剩 100 件"),
    ],
)
def test_what_cannot_be_put_in_is_refused(client, me, data, status, says):
    sku = make_sku()

    answer = client.post(
        "/cart", data={"sku": sku.id, **data}, headers={"Accept": "application/json"}
    )

    assert (answer.status_code, answer.json["message"]) == (status, says)
    assert held(me) == []


def test_the_stepper_changes_the_quantity(client, me):
    sku = make_sku()
    add(client, sku)

    client.post("/cart/quantity", data={"sku": sku.id, "quantity": "7"})

    assert held(me) == [(sku.id, 7)]


def test_a_quantity_that_cannot_be_is_told_and_changes_nothing(client, me):
    sku = make_sku(stock=3)
    add(client, sku)

    client.post("/cart/quantity", data={"sku": sku.id, "quantity": "4"})

    assert "库存仅剩 3 件" in client.get("/cart").text
    assert held(me) == [(sku.id, 1)]


def test_nothing_ticked_cannot_be_checked_out(client, me):
    sku = make_sku()
    add(client, sku)

    client.post("/cart/tick", data={"all": "1", "on": "0"})

    assert "/checkout?cart=1" not in client.get("/cart").text
    assert client.get("/checkout?cart=1").location == "/cart"


def test_changed_prices_are_told(client, me):
    sku = make_sku(price_fen=100_00)
    add(client, sku)
    with transaction():
        db.session.get_one(Sku, sku.id).price_fen = 88_50

    assert "比加入时降价 ¥11.50" in client.get("/cart").text


def test_what_is_gone_is_tidied_away(client, me):
    kept, gone = make_sku(), make_sku()
    add(client, kept)
    add(client, gone)
    with transaction():
        db.session.get_one(Product, gone.product_id).is_on_shelf = False

    before = client.get("/cart").text
    client.post("/cart/tidy")

    assert "失效商品 1 件" in before
    assert held(me) == [(kept.id, 1)]
    assert "已清理 1 件失效商品" in client.get("/cart").text


def test_one_line_can_be_removed(client, me):
    sku = make_sku()
    add(client, sku)

    client.post("/cart/remove", data={"sku": sku.id})

    assert held(me) == []


# --- visitors -----------------------------------------------------------------------


def test_a_visitors_cart_lives_in_the_browser(visitor):
    sku, other = make_sku(price_fen=10_00), make_sku(price_fen=7_00)
    add(visitor, sku)
    add(visitor, sku)
    add(visitor, other)
    visitor.post("/cart/quantity", data={"sku": other.id, "quantity": "3"})
    visitor.post("/cart/tick", data={"sku": sku.id, "on": "0"})

    page = visitor.get("/cart")

    assert "¥21.00" in text_of(page)
    visitor.post("/cart/remove", data={"sku": other.id})
    assert "¥0.00" in text_of(visitor.get("/cart"))


def test_a_visitors_quantity_is_refused_like_a_members(visitor):
    sku = make_sku(stock=2)
    add(visitor, sku)

    visitor.post("/cart/quantity", data={"sku": sku.id, "quantity": "3"})

    page = visitor.get("/cart").text
    assert "库存仅剩 2 件" in page
    assert 'name="quantity" value="1"' in page


def test_logging_in_moves_the_cart_once(app, visitor):
    sku = make_sku()
    add(visitor, sku, 2)
    with visitor.session_transaction() as kept:
        wishes = json.loads(json.dumps(kept["cart"]))
    member = make_member()
    run_unit(cart.add, member.id, sku.id, 1, now=NOON)

    # WeChat's code may come twice with the cookie of before.
    for _ in range(2):
        carts.move_in(member.id, wishes)

    assert held(member) == [(sku.id, 3)]


# --- checking out -------------------------------------------------------------------


def fields(page: str) -> list[tuple[str, str]]:
    return re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)


def post_checkout(client, found):
    data: dict[str, list[str]] = {}
    for name, value in found:
        data.setdefault(name, []).append(value)
    return client.post("/checkout", data=data)


def test_two_things_are_ordered_together_and_leave_the_cart(client, me):
    make_address(me)
    tea, cup, rest = make_sku(price_fen=128_00), make_sku(price_fen=59_00), make_sku()
    add(client, tea, 2)
    add(client, cup)
    add(client, rest)
    client.post("/cart/tick", data={"sku": rest.id, "on": "0"})

    answer = post_checkout(client, fields(client.get("/checkout?cart=1").text))

    db.session.rollback()
    [order] = orders.orders_of(me.id).items
    assert answer.location == f"/orders/{order.number}/pay"
    assert sorted((line.sku_id, line.quantity, line.paid_fen) for line in order.lines) == [
        (tea.id, 2, 256_00),
        (cup.id, 1, 59_00),
    ]
    assert held(me) == [(rest.id, 1)]


def test_a_second_tap_from_the_cart_leads_to_the_first_order(client, me):
    make_address(me)
    add(client, make_sku())
    found = fields(client.get("/checkout?cart=1").text)

    first, second = post_checkout(client, found), post_checkout(client, found)

    db.session.rollback()
    assert first.location == second.location
    assert len(orders.orders_of(me.id).items) == 1


def test_what_changed_since_the_page_is_told_line_by_line(client, me):
    make_address(me)
    tea, cup = make_sku(price_fen=100_00), make_sku(price_fen=59_00, title="马克杯", name="雾蓝")
    add(client, tea)
    add(client, cup, 3)
    found = fields(client.get("/checkout?cart=1").text)
    with transaction():
        db.session.get_one(Sku, tea.id).price_fen = 120_00
        db.session.get_one(Sku, cup.id).stock = 2

    answer = post_checkout(client, found)

    assert answer.status_code == 409
    assert "“高山绿茶 一盒”由 ¥100.00 变为 ¥120.00" in answer.text
    assert "“马克杯 雾蓝”库存仅剩 2 件" in answer.text
    db.session.rollback()
    assert orders.orders_of(me.id).items == []
    assert sorted(held(me)) == [(tea.id, 1), (cup.id, 3)]


def test_what_was_taken_off_meanwhile_leads_back_to_the_cart(client, me):
    make_address(me)
    tea, cup = make_sku(), make_sku()
    add(client, tea)
    add(client, cup)
    found = fields(client.get("/checkout?cart=1").text)
    with transaction():
        db.session.get_one(Product, cup.product_id).is_on_shelf = False

    answer = post_checkout(client, found)

    db.session.rollback()
    assert answer.location == "/cart"
    assert "有商品刚刚下架，订单没有提交" in client.get("/cart").text
    assert orders.orders_of(me.id).items == []
    assert members.default_address(me.id) is not None
    assert len(held(me)) == 2


def test_a_line_named_twice_is_refused(client, me):
    make_address(me)
    sku = make_sku()

    answer = client.get(f"/checkout?sku={sku.id}&quantity=1&sku={sku.id}&quantity=2")

    assert answer.status_code == 422
    assert "同一种商品重复出现" in answer.text
