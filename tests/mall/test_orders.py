"""A member's orders over HTTP: paying, watching, cancelling, receiving."""

import pytest

from app import commission, orders, outbox
from app.core import clock
from app.core.db import db, run_unit
from app.orders import OrderStatus
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    broken_invariants,
    days,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    paid_order,
    place_order,
    received_order,
)
from tests.mall.pages import text_of

JSON = {"Accept": "application/json"}


def shipped_order(buyer, sku):
    order = paid_order(buyer, sku)
    run_unit(
        orders.ship,
        order.id,
        carrier="顺丰速运",
        tracking_number="SF1234567890",
        actor=ADMIN,
        now=NOON,
    )
    return order


def status_of(order) -> OrderStatus:
    db.session.rollback()
    return orders.order_by_number(order.number).status


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


# --- paying ------------------------------------------------------------------------


def test_sheet_is_signed_for_the_orders_amount(client, me, weixin):
    order = place_order(me, make_sku(price_fen=128_00, title="高山绿茶"))

    answer = client.post(f"/orders/{order.number}/sheet", headers=JSON)

    [facts] = weixin.pay.prepaid.values()
    assert answer.status_code == 200
    assert answer.json["signType"] == "RSA"
    assert (facts["amount_fen"], facts["openid"]) == (128_00, me.openid)
    assert facts["description"] == "云集好物-高山绿茶"


def test_sheet_says_when_wechat_does_not_answer(client, me, weixin):
    order = place_order(me, make_sku())
    weixin.pay.is_down = True

    answer = client.post(f"/orders/{order.number}/sheet", headers=JSON)

    assert answer.status_code == 503
    assert answer.json["message"] == "微信支付暂时没有响应，请稍后再试"
    assert status_of(order) is OrderStatus.UNPAID


def test_sheet_is_refused_when_the_time_is_over(client, me, weixin):
    order = place_order(me, make_sku())

    with clock.fixed(NOON + days(1)):
        answer = client.post(f"/orders/{order.number}/sheet", headers=JSON)

    assert answer.status_code == 409
    assert answer.json["code"] == "not_payable"
    assert weixin.pay.prepaid == {}


def test_pay_page_of_a_paid_order_leads_to_the_order(client, me):
    order = paid_order(me, make_sku())

    answer = client.get(f"/orders/{order.number}/pay")

    assert answer.location == f"/orders/{order.number}"


def test_state_asks_wechat_and_books_what_it_says(client, me, weixin):
    make_plan()
    upline = make_distributor("林杰")
    bind(me, upline)
    order = place_order(me, make_sku(price_fen=100_00))
    client.post(f"/orders/{order.number}/sheet", headers=JSON)
    notice = notice_for(order)
    weixin.pay.paid[notice.out_trade_no] = notice

    answer = client.get(f"/orders/{order.number}/state", headers=JSON)

    assert answer.json == {"paid": True, "status": "paid"}
    [earned] = commission.commissions_of(upline.id).items
    assert earned.amount_fen == 10_00
    assert broken_invariants() == {}


def test_state_asks_wechat_once_in_three_seconds(client, me, weixin):
    order = place_order(me, make_sku())
    client.post(f"/orders/{order.number}/sheet", headers=JSON)

    answers = [client.get(f"/orders/{order.number}/state", headers=JSON).json for _ in range(3)]

    assert answers == [{"paid": False, "status": "unpaid"}] * 3
    assert weixin.pay.asked == 1


def test_result_of_a_paid_order(client, me):
    order = paid_order(me, make_sku(price_fen=128_00))

    page = client.get(f"/orders/{order.number}/result").text

    assert 'data-state="paid"' in page
    assert "支付成功" in page


# --- cancelling and receiving ------------------------------------------------------


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


def test_received_order_has_nothing_left_to_do(client, me):
    order = received_order(me, make_sku())
    outbox.drain(NOON)

    page = client.get(f"/orders/{order.number}").text

    assert "退货期内如有问题，请联系客服" in page
    assert 'class="actions"' not in page
