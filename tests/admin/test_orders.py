"""Orders at the desk: shipping, and looking at a phone number."""

import io

import pytest
import sqlalchemy as sa

from app.audit import StateMove
from app.catalog import ProductKind
from app.core import clock
from app.core.db import db, transaction
from app.orders import OrderStatus
from tests.admin.desk import acts, fill, fresh
from tests.factories import make_member, make_sku, paid_order

PHONE = "13812345678"


def ship(client, number, **changed):
    fields = {"carrier": "顺丰速运", "tracking_number": "SF1234567890", **changed}
    return client.post(f"/admin/orders/{number}/ship", data=fields)


def acts_on(order):
    """How it was shipped; others on the desk were as well."""
    return [entry for entry in acts("order.ship") if entry.subject_id == order.id]


def test_shipping_moves_the_order_and_is_kept(session, admin_client):
    desk = fill()

    answer = ship(admin_client("operations"), desk.order.number)

    assert answer.headers["Location"] == f"/admin/orders/{desk.order.number}"
    order = fresh(desk.order)
    assert (order.status, order.carrier, order.tracking_number) == (
        OrderStatus.SHIPPED,
        "顺丰速运",
        "SF1234567890",
    )
    [entry] = acts_on(desk.order)
    assert entry.actor.startswith("admin:")
    assert entry.after == {"carrier": "顺丰速运", "tracking_number": "SF1234567890"}


def test_another_carrier_is_taken_as_typed(session, admin_client):
    desk = fill()

    ship(admin_client("owner"), desk.order.number, carrier="other", other_carrier="本地跑腿")

    assert fresh(desk.order).carrier == "本地跑腿"


@pytest.mark.parametrize(
    ("changed", "says", "field"),
    [
        ({"carrier": ""}, "请填写快递公司", "carrier"),
        ({"carrier": "other"}, "请填写快递公司", "other_carrier"),
        ({"tracking_number": "12"}, "快递单号应为 6 到 40 位", "tracking_number"),
        ({"tracking_number": "SF 123 <b>"}, "快递单号应为 6 到 40 位", "tracking_number"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_changes(
    session, admin_client, changed, says, field
):
    desk = fill()

    answer = ship(admin_client("owner"), desk.order.number, **changed)

    assert answer.status_code == 422
    assert says in answer.text
    assert f'id="e-{field}"' in answer.text
    assert fresh(desk.order).status is OrderStatus.PAID
    assert acts_on(desk.order) == []


def test_an_order_is_shipped_once(session, admin_client):
    desk = fill()
    client = admin_client("owner")
    ship(client, desk.order.number)

    answer = ship(client, desk.order.number, tracking_number="SF9999999999")

    assert answer.status_code == 409
    assert fresh(desk.order).tracking_number == "SF1234567890"
    moves = db.session.scalars(
        sa.select(StateMove.to_state).filter_by(subject="order", subject_id=desk.order.id)
    ).all()
    assert moves == ["unpaid", "paid", "shipped"]


def test_the_phone_is_masked_until_somebody_asks_and_that_is_kept(session, admin_client):
    desk = fill()
    client = admin_client("operations")
    page = client.get(f"/admin/orders/{desk.order.number}").text
    assert PHONE not in page
    assert "138****5678" in page

    shown = client.post(f"/admin/orders/{desk.order.number}/phone").text

    assert PHONE in shown
    assert [entry.subject_id for entry in acts("order.reveal_phone")] == [desk.order.id]


def test_who_only_looks_sees_neither_phone_nor_door(session, admin_client):
    desk = fill()

    page = admin_client("auditor").get(f"/admin/orders/{desk.order.number}").text

    assert PHONE not in page
    assert "文三路" not in page


def test_the_list_finds_an_order_by_its_number(session, admin_client):
    desk = fill()

    page = admin_client("owner").get(f"/admin/orders?number={desk.order.number}").text

    assert page.count('class="code" href="/admin/orders/') == 1


def test_the_search_leads_straight_to_the_page(session, admin_client):
    desk = fill()
    client = admin_client("owner")

    assert client.get(f"/admin/search?q={desk.order.number}").headers["Location"] == (
        f"/admin/orders/{desk.order.number}"
    )
    assert client.get(f"/admin/search?q={desk.withdrawal.number}").headers["Location"] == (
        f"/admin/withdrawals/{desk.withdrawal.number}"
    )
    assert client.get(f"/admin/search?q={desk.aftersale.number.lower()}").headers["Location"] == (
        f"/admin/aftersales/{desk.aftersale.number}"
    )
    assert client.get("/admin/search?q=nonsense").status_code == 200


def test_virtual_goods_are_handed_over_with_words(session, admin_client):
    now = clock.now()
    sku = make_sku(price_fen=100_00)
    with transaction():
        sku.product.kind = ProductKind.VIRTUAL
    order = paid_order(make_member("王芳", now=now), sku, now=now)
    client = admin_client("operations")

    page = client.get(f"/admin/orders/{order.number}").text
    empty = client.post(f"/admin/orders/{order.number}/deliver", data={"note": " "})
    client.post(f"/admin/orders/{order.number}/deliver", data={"note": "兑换码 ABCD-1234"})

    assert "虚拟商品，无需快递" in page
    assert "快递单号" not in page
    assert empty.status_code == 422
    assert "请填写交付内容，最多 500 个字，买家会看到" in empty.text
    assert fresh(order).status is OrderStatus.SHIPPED
    assert "兑换码 ABCD-1234" in client.get(f"/admin/orders/{order.number}").text
    assert len(acts("order.deliver")) == 1


def test_rows_with_a_number_are_shipped_together(session, admin_client):
    desk, client = fill(), admin_client("operations")
    fields = {"number": [desk.order.number], "carrier": [""], "code": ["SF1234567"]}

    answer = client.post("/admin/orders/shipping", data={**fields, "carrier_all": "顺丰速运"})

    assert answer.headers["Location"] == "/admin/orders/shipping"
    assert (fresh(desk.order).carrier, fresh(desk.order).status) == (
        "顺丰速运",
        OrderStatus.SHIPPED,
    )


def test_a_bad_row_keeps_what_was_typed_and_ships_nothing(session, admin_client):
    desk, client = fill(), admin_client("operations")
    fields = {"number": [desk.order.number], "carrier": ["顺丰速运"], "code": ["SF-?"]}

    answer = client.post("/admin/orders/shipping", data=fields)

    assert answer.status_code == 422
    assert "快递单号应为 6 到 40 位" in answer.text
    assert 'value="SF-?"' in answer.text
    assert fresh(desk.order).status is OrderStatus.PAID
    assert client.post("/admin/orders/shipping", data={}).status_code == 422


def test_the_downloaded_list_is_filled_in_and_imported(session, admin_client):
    desk, client = fill(), admin_client("operations")
    listed = client.get("/admin/orders/shipping/list").data.decode("utf-8-sig")
    assert PHONE not in listed
    number = desk.order.number
    filled = listed.replace(f"{number},,", f"{number},中通快递,ZT1234567")

    answer = client.post(
        "/admin/orders/shipping/import", data={"file": (io.BytesIO(filled.encode()), "单号.csv")}
    )

    assert answer.status_code == 303
    assert fresh(desk.order).tracking_number == "ZT1234567"
    again = client.post(
        "/admin/orders/shipping/import", data={"file": (io.BytesIO(filled.encode()), "单号.csv")}
    )
    assert again.status_code == 422
    assert "已经发过货了" in again.text
