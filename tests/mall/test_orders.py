"""A member's orders over HTTP: the list, the page, nobody else's."""

import pytest

from app.core import clock
from app.orders import OrderStatus
from tests.factories import (
    NOON,
    days,
    make_member,
    make_sku,
    paid_order,
    place_order,
    received_order,
)
from tests.mall.pages import INVOICE, shipped_order, status_of, text_of


def test_empty_list_leads_to_the_shop(client, me):
    page = client.get("/orders").text

    assert "这里还没有订单" in page
    assert "去逛逛" in page


def test_tabs_count_and_filter(client, me):
    sku = make_sku(title="高山绿茶")
    unpaid = place_order(me, sku)
    paid = paid_order(me, sku)

    everything = client.get("/orders").text
    only_paid = client.get("/orders?tab=paid").text

    assert unpaid.number in everything
    assert paid.number in everything
    assert unpaid.number not in only_paid
    assert paid.number in only_paid
    assert '待付款<sup class="num">1</sup>' in everything
    assert '待发货<sup class="num">1</sup>' in everything


def test_long_list_goes_on_where_it_stopped(client, me):
    sku = make_sku()
    numbers = [place_order(me, sku).number for _ in range(12)]

    first = client.get("/orders").text
    before = first.split("before=")[1].split('"')[0]
    second = client.get(f"/orders?before={before}").text

    assert [n for n in numbers if n in first] == numbers[2:]
    assert [n for n in numbers if n in second] == numbers[:2]


def test_unpaid_order_says_how_long_it_waits(client, me):
    order = place_order(me, make_sku(price_fen=128_00))

    page = client.get(f"/orders/{order.number}")

    assert "等待付款，剩余" in text_of(page)
    assert 'data-countdown="1800"' in page.text
    assert "去付款 ¥128.00" in page.text


def test_order_page_shows_parcel_address_and_times(client, me):
    order = shipped_order(me, make_sku(price_fen=39_90))

    page = client.get(f"/orders/{order.number}")

    assert "商品已发出" in page.text
    assert "顺丰速运" in page.text
    assert 'data-copy="SF1234567890"' in page.text
    assert "138****5678" in page.text
    assert "13812345678" not in page.text
    assert "2026-11-21 12:00:00" in page.text
    assert "确认收货" in page.text


@pytest.mark.parametrize("path", ["", "/pay", "/result", "/state"])
def test_another_members_order_is_not_found(client, me, path):
    order = place_order(make_member(), make_sku())

    assert client.get(f"/orders/{order.number}{path}").status_code == 404


@pytest.mark.parametrize("act", ["sheet", "cancel", "receive"])
def test_another_members_order_cannot_be_changed(client, me, act):
    order = place_order(make_member(), make_sku())

    answer = client.post(f"/orders/{order.number}/{act}")

    assert answer.status_code == 404
    assert status_of(order) is OrderStatus.UNPAID


def test_after_the_time_for_after_sales_the_page_names_the_service(client, me):
    order = received_order(me, make_sku())

    with clock.fixed(NOON + days(8)):
        page = client.get(f"/orders/{order.number}").text

    assert "售后申请期已过，有疑问请联系客服" in page
    assert "申请售后" not in page


def test_orders_are_searched_by_title_and_number(client, me):
    tea = place_order(me, make_sku(title="高山绿茶"))
    cup = place_order(me, make_sku(title="马克杯 100%"))

    by_title = client.get("/orders?q=绿茶").text
    by_number = client.get(f"/orders?q={cup.number[3:12].lower()}").text
    nothing = client.get("/orders?q=%25").text

    assert (tea.number in by_title, cup.number in by_title) == (True, False)
    assert (tea.number in by_number, cup.number in by_number) == (False, True)
    assert (tea.number in nothing, cup.number in nothing) == (False, True)
    assert "没有找到相关订单" in client.get("/orders?q=没有的").text


def test_nobody_finds_an_order_of_somebody_else(client, me):
    other = place_order(make_member(), make_sku(title="高山绿茶"))

    for path in (f"/orders?q={other.number}", "/orders?q=绿茶"):
        assert f'href="/orders/{other.number}"' not in client.get(path).text


def test_an_unpaid_order_counts_down_in_the_list(client, me):
    place_order(me, make_sku())

    assert 'data-countdown="1800"' in client.get("/orders").text


def test_others_see_nothing_of_an_order(client, me, log_in):
    order = paid_order(make_member(), make_sku())

    for path in ("", "/traces", "/invoice", "/pickup.png", "/pay", "/result", "/state"):
        assert client.get(f"/orders/{order.number}{path}").status_code == 404, path
    for path in ("/hide", "/again", "/invoice", "/receive", "/cancel", "/sheet"):
        assert client.post(f"/orders/{order.number}{path}", data=INVOICE).status_code == 404, path
    assert status_of(order) is OrderStatus.PAID
