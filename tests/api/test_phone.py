"""The API with the session of a phone: the same functions as the pages, one's own only."""

import pytest

from app import aftersales, ledger, members, settings
from app.api.operation import CSRF_HEADER
from app.core.db import db, run_unit, transaction
from app.orders import Order, OrderStatus
from app.orders.cart import wishes_of
from tests.admin.desk import ask_for
from tests.factories import (
    ADMIN,
    bind,
    broken_invariants,
    give_available,
    make_address,
    make_distributor,
    make_distributor_of,
    make_member,
    make_plan,
    make_sku,
    paid_order,
    place_order,
)
from tests.mall.conftest import me, weixin  # noqa: F401

pytestmark = pytest.mark.engine_free


@pytest.fixture
def phone(client, me):  # noqa: F811
    """Call the API as the page of a logged-in member would."""
    token = client.get("/api/v1/me").json["csrf_token"]

    def call(method, path, *, once="", token=token, **more):
        headers = more.pop("headers", {})
        if once:
            headers |= {"Idempotency-Key": once, CSRF_HEADER: token}
        return client.open(f"/api/v1{path}", method=method, headers=headers, **more)

    return call


def test_from_the_shelf_to_the_paying_sheet(phone, me, weixin):  # noqa: F811
    sku = make_sku(price_fen=88_00, stock=5)
    address = {"name": "王小芳", "phone": "13812345678", "region": "浙江省 杭州市 西湖区"}
    shown = phone("GET", f"/mall/products/{sku.product_id}").json["skus"][0]
    kept = phone(
        "POST",
        "/me/addresses",
        json=address | {"detail": "文三路 1 号", "agreed": True},
        once="addr-0001",
    )
    phone("POST", "/me/cart", json={"sku_id": sku.id, "quantity": 2}, once="cart-0001")

    quote = phone("POST", "/me/quotes", json={}, once="quote-001").json
    body = {"expected_fen": quote["payable_fen"], "agreed": True, "address_id": kept.json["id"]}
    placed = [phone("POST", "/me/orders", json=body, once="order-001") for _ in range(2)]
    number = placed[0].json["number"]
    paying = phone("POST", f"/me/orders/{number}/payment", once="paying-01")

    assert (shown["price_fen"], kept.status_code) == (88_00, 201)
    assert [answer.status_code for answer in placed] == [201, 201]
    assert placed[0].data == placed[1].data
    assert (quote["payable_fen"], placed[0].json["payable_fen"]) == (176_00, 176_00)
    assert paying.json["parameters"]["package"].startswith("prepay_id=wx")
    assert wishes_of(me.id) == []
    assert [row["number"] for row in phone("GET", "/me/orders").json["items"]] == [number]


def test_a_list_has_the_shops_price_and_what_the_caller_pays(phone, me):  # noqa: F811
    sku = make_sku(price_fen=88_00)
    with transaction():
        sku.member_price_fen = 80_00

    def listed():
        [row] = phone("GET", "/mall/products").json["items"]
        return row["from_fen"], row["price_fen"]

    before = listed()
    make_distributor_of(me)

    assert (before, listed()) == ((88_00, 88_00), (88_00, 80_00))


def test_another_price_than_was_shown_orders_nothing(phone, me):  # noqa: F811
    sku = make_sku(price_fen=88_00)
    make_address(me)
    body = {"items": [{"sku_id": sku.id, "quantity": 1}], "expected_fen": 1, "agreed": True}

    answer = phone("POST", "/me/orders", json=body, once="order-001")

    assert (answer.status_code, answer.json["code"]) == (409, "price_changed")
    assert db.session.query(Order).count() == 0


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"token": ""}, "csrf"),
        ({"token": "x"}, "csrf"),
        ({"headers": {"Origin": "http://evil.test"}}, "error"),
    ],
)
def test_a_foreign_page_changes_nothing(phone, me, given, code):  # noqa: F811
    sku = make_sku()

    answer = phone("POST", "/me/cart", json={"sku_id": sku.id}, once="cart-0001", **given)

    assert (answer.status_code, answer.json["code"]) == (403, code)
    assert answer.content_type == "application/problem+json"
    assert wishes_of(me.id) == []


def test_nobody_is_logged_in(client, session):
    assert client.get("/api/v1/mall/products").status_code == 200
    answer = client.get("/api/v1/me/orders")

    assert (answer.status_code, answer.json["code"]) == (401, "login")


def test_an_order_is_paid_with_the_balance_once(phone, me, weixin, noon):  # noqa: F811
    give_available(me, 150_00, now=noon)
    number = place_order(me, make_sku(price_fen=100_00), now=noon).number
    path = f"/me/orders/{number}/balance-payment"
    refused = phone("POST", path, once="balance-closed")
    assert (refused.status_code, refused.json["code"]) == (409, "balance_closed")
    run_unit(settings.change, "order.balance_pay_on", True, actor=ADMIN, now=noon)

    answers = [
        phone("POST", path, once=key) for key in ("balance-one", "balance-one", "balance-two")
    ]

    assert [(a.status_code, a.json["status"]) for a in answers] == [(200, "paid")] * 3
    assert ledger.wallet_of(me.id).available_fen == 50_00
    assert broken_invariants() == {}


def test_what_belongs_to_somebody_else_is_not_there(phone, noon):
    other, sku = make_distributor("陈梅", now=noon), make_sku()
    make_plan(now=noon)
    buyer = make_member("钱宁")
    bind(buyer, other, now=noon)
    number = paid_order(buyer, sku, now=noon).number
    open_number = place_order(buyer, sku, now=noon).number
    address_id = make_address(other).id
    give_available(other, 300_00, now=noon)
    withdrawal = ask_for(other, 50_00).number
    from app.commission import commissions_of_order
    from app.orders import order_by_number

    row = order_by_number(number)
    commission_id = commissions_of_order(row.id)[0].id
    line = {"line_id": row.lines[0].id, "quantity": 1}
    asked = run_unit(
        aftersales.apply,
        buyer.id,
        row.id,
        kind=aftersales.AfterSaleKind.REFUND,
        wanted=[aftersales.Wanted(line["line_id"], 1)],
        reason="不想要了",
        now=noon,
    ).number
    ask = {"order": number, "kind": "refund", "reason": "不想要了", "lines": [line]}
    body = {
        "name": "某某",
        "phone": "13812345678",
        "region": "浙江省 杭州市 西湖区",
        "detail": "1 号",
    }
    calls = [
        ("GET", f"/me/orders/{number}", None),
        ("POST", f"/me/orders/{open_number}/payment", None),
        ("POST", f"/me/orders/{open_number}/balance-payment", None),
        ("POST", f"/me/orders/{open_number}/cancellation", None),
        ("POST", f"/me/orders/{number}/receipt", None),
        ("POST", "/me/aftersales", ask),
        ("GET", f"/me/aftersales/{asked}", None),
        ("POST", f"/me/aftersales/{asked}/withdrawal", None),
        ("PUT", f"/me/addresses/{address_id}", body | {"agreed": True}),
        ("DELETE", f"/me/addresses/{address_id}", None),
        ("GET", f"/me/commissions/{commission_id}", None),
        ("GET", f"/me/withdrawals/{withdrawal}", None),
    ]

    answers = [
        phone(method, path, json=sent, once=f"foreign-{n}").status_code
        if method != "GET"
        else phone(method, path).status_code
        for n, (method, path, sent) in enumerate(calls)
    ]

    assert answers == [404] * len(calls)
    assert order_by_number(open_number).status is OrderStatus.UNPAID
    assert members.address_of(other.id, address_id).detail != "1 号"


def test_a_distributor_sees_what_was_earned_and_why(phone, me, noon):  # noqa: F811
    from tests.factories import make_distributor_of

    make_distributor_of(me, now=noon)
    make_plan(now=noon)
    buyer = make_member("王大锤")
    bind(buyer, me, now=noon)
    paid_order(buyer, make_sku(price_fen=100_00), now=noon)

    summary = phone("GET", "/me/distribution").json
    [earned] = phone("GET", "/me/commissions").json["items"]
    [row] = phone("GET", "/me/team").json["items"]

    assert (summary["today_fen"], summary["wallet"]["pending_fen"]) == (10_00, 10_00)
    assert earned["reason"] == "计佣基数 ¥100.00，默认佣金 10%，得 ¥10.00"
    assert (earned["buyer"], row["id"]) == ("王*锤", buyer.public_id)


def test_a_withdrawal_is_asked_for_once(phone, me, noon):  # noqa: F811
    give_available(me, 300_00, now=noon)
    net = phone("GET", "/me/withdrawals/preview?amount_fen=5000").json["net_fen"]
    body = {"amount_fen": 50_00, "expected_net_fen": net}

    asked = [phone("POST", "/me/withdrawals", json=body, once="cash-0001") for _ in range(2)]
    refused = phone("POST", "/me/withdrawals", json=body | {"amount_fen": 999_00}, once="cash-0002")

    assert [answer.status_code for answer in asked] == [201, 201]
    assert asked[0].json["number"] == asked[1].json["number"]
    assert (refused.status_code, refused.json["field"]) == (422, "amount")
    assert len(phone("GET", "/me/withdrawals").json["items"]) == 1
    assert broken_invariants() == {}
