"""The API for other systems: keys, scopes, limits, one shape of errors, paging."""

import base64
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.audit import AuditEntry
from app.catalog import Sku, StockMove
from app.core import clock
from app.core.db import db, run_unit
from app.core.errors import InvalidInput
from app.integrations import ApiKey, Scope, keys
from app.orders import Order, OrderStatus
from app.settings import change
from tests.api.conftest import make_key
from tests.factories import (
    ADMIN,
    SYSTEM,
    give_available,
    make_address,
    make_member,
    make_sku,
    paid_order,
)

pytestmark = pytest.mark.engine_free

S = Scope


def problem_of(answer):
    assert answer.content_type == "application/problem+json"
    return answer.status_code, answer.json["code"], answer.json["field"]


# --- keys --------------------------------------------------------------------------


def test_a_key_is_kept_as_a_hash_and_audited(session, noon):
    key_id, token = make_key(S.ORDERS_READ, actor=ADMIN)

    row = keys.get(key_id)
    assert (len(token), token[:3], row.prefix) == (46, "mk_", token[:9])
    assert token not in str(vars(row))
    assert row.expires_at == noon + timedelta(days=365)
    entry = db.session.scalars(sa.select(AuditEntry).filter_by(action="api_key.create")).one()
    assert (entry.actor, entry.subject_id, token in str(entry.after)) == (ADMIN.ref, key_id, False)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "长" * 41}),
        ("scopes", {"scopes": []}),
        ("scopes", {"scopes": ["orders:delete"]}),
        ("days", {"days": 7}),
        ("networks", {"networks": "10.0.0.300"}),
        ("networks", {"networks": "\n".join(f"10.0.{n}.0/24" for n in range(21))}),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(session, noon, field, given):
    facts = {"name": "仓库", "scopes": [S.ORDERS_READ], "networks": "", "days": 30} | given

    with pytest.raises(InvalidInput) as refused:
        run_unit(keys.create, facts.pop("name"), **facts, actor=SYSTEM, now=noon)

    assert refused.value.field == field
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ApiKey)) == 0


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer ", "Bearer mk_nobody"])
def test_without_a_key_nobody_is_told_anything(session, client, header):
    answer = client.get("/api/v1/orders", headers={"Authorization": header} if header else {})

    assert problem_of(answer) == (401, "no_key", None)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_ended_or_expired_key_does_not_work(session, noon, client):
    ended, token = make_key(S.ORDERS_READ)
    head = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/orders", headers=head).status_code == 200
    run_unit(keys.end, ended, reason="换新", actor=SYSTEM, now=noon)
    _, short = make_key(S.ORDERS_READ, days=30)

    assert problem_of(client.get("/api/v1/orders", headers=head))[0] == 401
    with clock.fixed(noon + timedelta(days=30)):
        answer = client.get("/api/v1/orders", headers={"Authorization": f"Bearer {short}"})
    assert problem_of(answer) == (401, "no_key", None)


@pytest.mark.parametrize(
    ("networks", "status"), [("127.0.0.0/8", 200), ("127.0.0.1", 200), ("10.0.0.0/8\n::1", 403)]
)
def test_a_key_works_from_its_networks_only(system, networks, status):
    assert system(S.ORDERS_READ, networks=networks)("GET", "/orders").status_code == status


def test_its_use_is_noted(system, noon):
    system(S.ORDERS_READ)("GET", "/orders")

    row = keys.everything()[0]
    assert (row.used_at, row.used_from) == (noon, "127.0.0.1")


READS = {
    "/products": S.PRODUCTS_READ,
    "/products/1": S.PRODUCTS_READ,
    "/orders": S.ORDERS_READ,
    "/orders/M1": S.ORDERS_READ,
    "/members": S.MEMBERS_READ,
    "/members/1": S.MEMBERS_READ,
    "/commissions": S.COMMISSIONS_READ,
    "/commissions/1": S.COMMISSIONS_READ,
    "/withdrawals": S.WITHDRAWALS_READ,
    "/withdrawals/W1": S.WITHDRAWALS_READ,
    "/aftersales": S.AFTERSALES_READ,
    "/aftersales/A1": S.AFTERSALES_READ,
}


def test_each_scope_opens_its_own_and_nothing_else(system):
    for scope in (*dict.fromkeys(READS.values()), S.STOCK_WRITE, S.MEMBERS_PERSONAL):
        call = system(scope)
        for path, needed in READS.items():
            code = call("GET", path).status_code
            assert code in ((200, 404) if needed is scope else (403,)), (scope, path)


def test_too_many_calls_are_told_when_to_come_again(system, noon):
    run_unit(change, "api.per_minute", 10, actor=ADMIN, now=noon)
    first, second = system(S.ORDERS_READ), system(S.ORDERS_READ)
    for _ in range(10):
        assert first("GET", "/orders").status_code == 200

    answer = first("GET", "/orders")

    assert problem_of(answer) == (429, "too_many", None)
    assert answer.headers["Retry-After"] == "60"
    assert second("GET", "/orders").status_code == 200


# --- one shape ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/orders?limit=0", "limit"),
        ("/orders?limit=101", "limit"),
        ("/orders?limit=many", "limit"),
        ("/orders?status=gone", "status"),
        ("/orders?color=red", "color"),
        ("/orders?cursor=%25", "cursor"),
        ("/orders?cursor=YWJj", "cursor"),
    ],
)
def test_a_wrong_argument_is_named(system, path, field):
    answer = system(S.ORDERS_READ)("GET", path)

    assert problem_of(answer) == (422, "invalid_input", field)
    assert set(answer.json) == {
        *("type", "title", "status", "detail", "code", "field", "request_id")
    }


def test_what_is_no_route_has_the_same_shape(client, session):
    assert problem_of(client.get("/api/v1/nothing")) == (404, "not_found", None)
    assert problem_of(client.post("/api/v1/orders")) == (405, "method_not_allowed", None)


def test_a_list_is_walked_by_its_cursor(system, noon):
    buyer, sku = make_member("王芳"), make_sku(stock=50)
    numbers = [paid_order(buyer, sku, now=noon).number for _ in range(5)]
    call, seen, cursor = system(S.ORDERS_READ), [], ""

    while cursor is not None:
        page = call("GET", f"/orders?limit=2&cursor={cursor}").json
        seen += [row["number"] for row in page["items"]]
        cursor = page["next_cursor"]

    assert seen == numbers[::-1]


# --- what is told ------------------------------------------------------------------


def test_an_order_in_fen_and_with_zones(system, noon):
    buyer, sku = make_member("王芳"), make_sku(price_fen=88_00)
    order = paid_order(buyer, sku, 2, now=noon)

    row = system(S.ORDERS_READ)("GET", f"/orders/{order.number}").json

    assert (row["member"], row["status"], row["payable_fen"]) == (buyer.public_id, "paid", 176_00)
    assert row["created_at"] == "2026-11-21T12:00:00+08:00"
    assert row["lines"][0]["unit_price_fen"] == 88_00


def test_personal_data_is_masked_without_its_scope(system, noon):
    buyer = make_member("欧阳慕容")
    order = paid_order(buyer, make_sku(), now=noon)
    masked, full = (
        system(S.ORDERS_READ, S.MEMBERS_READ),
        system(S.ORDERS_READ, S.MEMBERS_READ, S.MEMBERS_PERSONAL),
    )
    path = f"/orders/{order.number}"

    shown, whole = (call("GET", path).json["receiver"] for call in (masked, full))

    assert (shown["name"], shown["detail"]) == (order.receiver_name[0] + "*", None)
    assert "****" in shown["phone"]
    assert (whole["name"], whole["phone"], whole["detail"]) == (
        order.receiver_name,
        order.receiver_phone,
        order.receiver_detail,
    )
    names = [call("GET", f"/members/{buyer.public_id}").json["nickname"] for call in (masked, full)]
    assert names == ["欧*容", "欧阳慕容"]
    told = db.session.scalars(sa.select(AuditEntry).filter_by(action="api_key.personal")).all()
    assert [entry.after["what"] for entry in told] == ["orders", "members"]


def test_withdrawals_and_products_are_told(system, noon):
    from tests.admin.desk import ask_for

    earner = make_member("陈梅")
    give_available(earner, 300_00, now=noon)
    asked = ask_for(earner, 50_00)
    sku = make_sku(stock=7)
    call = system(S.WITHDRAWALS_READ, S.PRODUCTS_READ)

    row = call("GET", "/withdrawals").json["items"][0]
    product = call("GET", f"/products/{sku.product_id}").json

    assert (row["number"], row["gross_fen"], row["member"]) == (
        asked.number,
        50_00,
        earner.public_id,
    )
    assert [(s["id"], s["stock"]) for s in product["skus"]] == [(sku.id, 7)]
    assert "cost_fen" not in product["skus"][0]


# --- what is changed ---------------------------------------------------------------


def test_stock_is_counted_with_its_reason(system):
    sku = make_sku(stock=10)

    answer = system(S.STOCK_WRITE)(
        "PUT", f"/skus/{sku.id}/stock", json={"count": 7, "reason": "月末盘点"}, once="count-0001"
    )

    assert (answer.status_code, answer.json) == (200, {"sku_id": sku.id, "stock": 7, "change": -3})
    move = db.session.scalars(sa.select(StockMove).order_by(StockMove.id.desc())).first()
    assert (move.delta, move.reason, move.actor[:4]) == (-3, "盘点为 7：月末盘点", "key:")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"count": -1, "reason": "盘点"}, "count"),
        ({"count": "7", "reason": "盘点"}, "count"),
        ({"count": True, "reason": "盘点"}, "count"),
        ({"count": 7}, "reason"),
        ({"count": 7, "reason": ""}, "reason"),
        ({"count": 7, "reason": "盘点", "price_fen": 1}, "price_fen"),
    ],
)
def test_a_count_that_makes_no_sense_changes_nothing(system, body, field):
    sku = make_sku(stock=10)

    answer = system(S.STOCK_WRITE)("PUT", f"/skus/{sku.id}/stock", json=body, once="count-0001")

    assert problem_of(answer) == (422, "invalid_input", field)
    assert db.session.get(Sku, sku.id).stock == 10


def test_a_body_nested_without_end_is_no_json(system):
    sku = make_sku(stock=10)
    sent = {"data": "[" * 100_000, "content_type": "application/json"}

    answer = system(S.STOCK_WRITE)("PUT", f"/skus/{sku.id}/stock", once="count-0001", **sent)

    assert problem_of(answer) == (422, "invalid_input", "count")
    assert db.session.get(Sku, sku.id).stock == 10


def test_an_order_is_shipped(system, noon):
    order = paid_order(make_member("王芳"), make_sku(), now=noon)
    sent = {"carrier": "顺丰速运", "tracking_number": "SF1234567890"}

    answer = system(S.ORDERS_SHIP)(
        "POST", f"/orders/{order.number}/shipment", json=sent, once="ship-0001"
    )

    assert (answer.status_code, answer.json["status"]) == (200, "shipped")
    row = db.session.get(Order, order.id)
    assert (row.status, row.tracking_number) == (OrderStatus.SHIPPED, "SF1234567890")
    entry = db.session.scalars(sa.select(AuditEntry).filter_by(action="order.ship")).one()
    assert entry.actor.startswith("key:")


def test_a_cursor_is_not_to_be_read(system, noon):
    make_address(make_member("王芳"))
    make_member("陈梅")

    cursor = system(S.MEMBERS_READ)("GET", "/members?limit=1").json["next_cursor"]

    assert base64.urlsafe_b64decode(cursor + "==").isdigit()
