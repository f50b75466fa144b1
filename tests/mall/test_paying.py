"""Paying for an order over HTTP: the sheet, WeChat's word, the balance."""

import pytest

from app import commission, orders, privacy
from app.catalog import Sku
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.orders import OrderStatus
from app.settings import change
from tests.counting import counted
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    broken_invariants,
    days,
    give_available,
    make_address,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    paid_order,
    place_order,
)
from tests.mall.pages import JSON, hidden_fields, status_of, text_of


def test_buying_asks_the_database_no_more_than_it_must(client, me):
    make_plan()
    bind(me, make_distributor())
    make_address(me)
    run_unit(privacy.agree, me.id, now=NOON)
    sku = make_sku(price_fen=50_00)

    def asks(send, path: str, **given):
        with counted() as asked:
            answer = send(path, **given)
        assert answer.status_code in (200, 303)
        spent.append(len(asked))
        return answer

    spent: list[int] = []
    asks(client.post, "/cart", data={"sku": sku.id, "quantity": 1})
    # Redirects and pages of the first visit read what every process keeps afterwards.
    client.get("/checkout?cart=1")
    page = asks(client.get, "/checkout?cart=1")
    asks(client.post, "/checkout", data=hidden_fields(page.text), headers=JSON)

    # Cart, checkout, order (with what an order copies, and the paying sheet).
    assert spent == [3, 4, 14]


@pytest.fixture
def to_order(client, me):
    """`to_order(sku)`: what the checkout of one piece would send."""
    make_address(me)

    def fields(sku):
        page = client.get(f"/checkout?sku={sku.id}&quantity=1")
        return hidden_fields(page.text)

    return fields


def test_the_checkout_answers_a_script_with_the_sheet_of_its_order(client, me, to_order, weixin):
    sku = make_sku(price_fen=128_00, title="高山绿茶")

    answer = client.post("/checkout", data=to_order(sku), headers=JSON)

    [order] = orders.orders_of(me.id).items
    [facts] = weixin.pay.prepaid.values()
    assert (answer.status_code, answer.json["sheet"]["signType"]) == (200, "RSA")
    assert (answer.json["pay"], answer.json["result"]) == (
        f"/orders/{order.number}/pay",
        f"/orders/{order.number}/result",
    )
    assert (facts["amount_fen"], facts["openid"]) == (128_00, me.openid)
    assert facts["description"] == "云集好物-高山绿茶"


def test_a_second_tap_gets_the_sheet_of_the_same_order(client, me, to_order, weixin):
    fields = to_order(make_sku(price_fen=128_00))

    answers = [client.post("/checkout", data=fields, headers=JSON).json for _ in range(2)]

    assert answers[0] == {**answers[1], "sheet": answers[0]["sheet"]}
    assert answers[0]["sheet"]["package"] == answers[1]["sheet"]["package"]
    assert len(orders.orders_of(me.id).items) == len(weixin.pay.prepaid) == 1


def test_an_order_without_a_sheet_leads_to_its_page_of_paying(client, me, to_order, weixin):
    fields = to_order(make_sku(stock=3))
    weixin.pay.is_down = True

    answer = client.post("/checkout", data=fields, headers=JSON)

    [order] = orders.orders_of(me.id).items
    assert answer.status_code == 200
    assert answer.json["sheet"] is None
    assert answer.json["pay"] == f"/orders/{order.number}/pay"
    assert status_of(order) is OrderStatus.UNPAID
    assert broken_invariants() == {}


def test_what_costs_more_by_now_is_not_ordered_and_the_script_gets_the_page(
    client, me, to_order, weixin
):
    sku = make_sku(price_fen=128_00)
    fields = to_order(sku)
    with transaction():
        db.session.get_one(Sku, sku.id).price_fen = 129_00

    answer = client.post("/checkout", data=fields, headers=JSON)

    assert (answer.status_code, answer.mimetype) == (409, "text/html")
    assert "由 ¥128.00 变为 ¥129.00" in text_of(answer)
    assert orders.orders_of(me.id).items == []
    assert weixin.pay.prepaid == {}


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


@pytest.fixture
def rich(me):
    """¥300.00 in the wallet, and an order of ¥100.00."""
    with transaction():
        change("order.balance_pay_on", True, actor=ADMIN, now=NOON)
    give_available(me, 300_00)
    return place_order(me, make_sku(price_fen=100_00))


def test_paying_with_the_balance_is_chosen_confirmed_and_seen_everywhere(client, rich, weixin):
    assert "可用 ¥300.00" in text_of(client.get(f"/orders/{rich.number}/pay"))
    chosen = client.get(f"/orders/{rich.number}/pay?way=balance").text
    assert "付款后余额剩" in chosen
    assert "¥200.00" in chosen

    answer = client.post(f"/orders/{rich.number}/balance")

    assert answer.location == f"/orders/{rich.number}/result"
    assert "支付方式余额支付" in text_of(client.get(f"/orders/{rich.number}"))
    wallet = client.get("/me/wallet").text
    assert "余额支付订单" in wallet
    assert f'href="/orders/{rich.number}"' in wallet
    month = client.get("/me/wallet/statements/2026-11")
    assert "余额支付-¥100.00" in text_of(month)
    assert "期末余额¥200.00" in text_of(month)
    assert f'href="/orders/{rich.number}"' in month.text


def test_what_the_balance_does_not_reach_is_said_and_refused(client, me, rich):
    dear = place_order(me, make_sku(price_fen=300_01))

    page = client.get(f"/orders/{dear.number}/pay?way=balance").text
    answer = client.post(f"/orders/{dear.number}/balance")

    assert "可用 ¥300.00，不够付这一单" in page
    assert "/balance" not in page
    assert answer.status_code == 409
    assert "余额不足，可用 ¥300.00，请用微信支付" in answer.text
    assert status_of(dear) is OrderStatus.UNPAID


def test_nobody_pays_for_an_order_of_somebody_else(client, rich):
    theirs = place_order(make_member("钱宁"), make_sku(price_fen=1_00))

    assert client.post(f"/orders/{theirs.number}/balance").status_code == 404
    assert status_of(theirs) is OrderStatus.UNPAID


def test_a_shop_without_it_shows_nothing_of_it(client, me):
    give_available(me, 300_00)
    order = place_order(me, make_sku())

    assert "余额支付" not in client.get(f"/orders/{order.number}/pay").text


def test_the_checkout_offers_it_and_leads_to_it(client, me, rich):
    sku = make_sku(price_fen=50_00)
    make_address(me)
    page = client.get(f"/checkout?sku={sku.id}&quantity=1").text
    assert "可用 ¥300.00" in page

    answer = client.post("/checkout", data={**hidden_fields(page), "pay": "balance"})

    assert answer.location.endswith("/pay?way=balance")
