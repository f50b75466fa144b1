"""Messages on the phone: what happened, what is new, and what the chat shall carry."""

import pytest

from app import notices
from app.core.db import run_unit
from tests.factories import ADMIN, NOON, make_member, make_sku, paid_order
from tests.mall.pages import text_of
from tests.notices.conftest import map_kind


@pytest.fixture
def buyer(client, session, log_in):
    member = make_member("王芳")
    log_in(client, member)
    return member


def test_what_happened_is_listed_and_leads_to_its_page(client, buyer):
    order = paid_order(buyer, make_sku(price_fen=128_00))

    answer = client.get("/me/messages")

    page = text_of(answer)
    assert "付款成功" in page
    assert "实付金额¥128.00" in page
    assert f'href="/orders/{order.number}"' in answer.text


def test_new_messages_are_counted_until_they_were_seen(client, buyer):
    paid_order(buyer, make_sku())

    before = client.get("/me").text
    client.get("/me/messages")
    after = client.get("/me").text

    assert '<em class="count num">1</em>' in before
    assert '<em class="count num">' not in after


def test_nobody_sees_anothers_messages(client, buyer):
    other = make_member("赵磊")
    order = paid_order(other, make_sku())

    page = client.get("/me/messages").text

    assert order.number not in page
    assert "还没有消息" in page
    assert notices.unread_count(other.id) == 1


def test_older_messages_are_on_the_next_page(client, buyer):
    sku = make_sku()
    for _ in range(21):
        paid_order(buyer, sku)

    first = client.get("/me/messages")
    next_page = first.text.split('data-more href="')[1].split('"')[0]
    second = client.get(next_page)

    assert first.text.count('class="card message"') == 20
    assert second.text.count('class="card message"') == 1


def test_only_kinds_that_wechat_carries_can_be_muted(client, buyer):
    map_kind("order_paid", thing1="goods")
    map_kind("withdrawal_to_confirm", amount1="net")

    page = client.get("/me/messages/settings").text

    assert 'action="/me/messages/settings/order_paid"' in page
    assert "始终提醒" in page
    assert "商品已发货" not in page


def test_a_switch_is_kept(client, buyer):
    map_kind("order_paid", thing1="goods")

    client.post("/me/messages/settings/order_paid", data={})
    muted = notices.muted_kinds(buyer.id)
    client.post("/me/messages/settings/order_paid", data={"wanted": "1"})

    assert muted == {"order_paid"}
    assert notices.muted_kinds(buyer.id) == set()


def test_what_waits_for_the_member_stays_on(client, buyer):
    answer = client.post("/me/messages/settings/withdrawal_to_confirm", data={})

    assert answer.status_code == 422
    assert "这类消息关系到你的钱，不能关闭" in answer.text
    assert notices.muted_kinds(buyer.id) == set()


def test_an_unknown_kind_is_not_found(client, buyer):
    assert client.post("/me/messages/settings/nothing", data={}).status_code == 404


def test_a_subscription_is_asked_for_on_the_page(client, buyer):
    map_kind("order_paid", channel="subscription", thing1="goods")

    assert 'template="tmpl-order_paid"' in client.get("/me/messages/settings").text


def test_without_any_template_the_page_says_where_news_are(client, buyer):
    map_kind("order_paid", thing1="goods")
    run_unit(notices.switch_template, "order_paid", is_active=False, actor=ADMIN, now=NOON)

    assert "商家还没有开通微信提醒" in client.get("/me/messages/settings").text
