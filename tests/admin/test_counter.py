"""Pick-ups, shops, traces and invoices at the desk."""

import pytest

from app import orders
from app.core import clock
from app.core.db import db, run_unit
from app.orders import InvoiceStatus, Item, OrderStatus, PickupWish
from tests.admin.desk import acts, fill, fresh, invoice_of, pickup_shop
from tests.factories import make_member, make_sku, notice_for, paid_order, take


def pickup_order(*, is_paid: bool = True) -> orders.Order:
    now, sku = clock.now(), make_sku(price_fen=100_00)
    order = run_unit(
        orders.place,
        make_member("王芳").id,
        items=[Item(sku.id, 2)],
        pickup=PickupWish(pickup_shop().id, "王芳", "13800138000"),
        request_key="tap",
        expected_fen=200_00,
        now=now,
    )
    if is_paid:
        take(notice_for(order, now=now), now=now)
    return order


def test_a_code_shows_what_it_fetches_before_it_is_handed_over(session, admin_client):
    order = pickup_order()

    page = admin_client("operations").post(
        "/admin/pickups", data={"code": order.pickup.spaced_code}
    )

    assert page.status_code == 200
    assert "确认已交给顾客" in page.text
    assert fresh(order).status is OrderStatus.PAID


def test_redeeming_receives_the_order_and_is_kept(session, admin_client):
    order = pickup_order()
    client = admin_client("operations")

    answer = client.post("/admin/pickups/redeem", data={"code": order.pickup.code})

    assert answer.headers["Location"] == "/admin/pickups"
    assert fresh(order).status is OrderStatus.RECEIVED
    [entry] = acts("order.redeem")
    assert entry.actor.startswith("admin:")
    assert "共 2 件" in client.get("/admin/pickups").text


@pytest.mark.parametrize("path", ["/admin/pickups", "/admin/pickups/redeem"])
def test_a_wrong_code_is_told_and_changes_nothing(session, admin_client, path):
    order = pickup_order()

    answer = admin_client("owner").post(path, data={"code": "1234"})

    assert answer.status_code == 422
    assert "没有找到这个提货码" in answer.text
    assert fresh(order).status is OrderStatus.PAID


def test_an_unpaid_code_is_not_redeemed(session, admin_client):
    order = pickup_order(is_paid=False)
    client = admin_client("owner")

    page = client.post("/admin/pickups", data={"code": order.pickup.code}).text
    answer = client.post("/admin/pickups/redeem", data={"code": order.pickup.code})

    assert "确认已交给顾客" not in page
    assert answer.status_code == 409
    assert fresh(order).status is OrderStatus.UNPAID
    assert acts("order.redeem") == []


def test_ready_is_told_to_the_buyer(session, admin_client):
    order = pickup_order()

    admin_client("operations").post(f"/admin/orders/{order.number}/ready")

    assert fresh(order).status is OrderStatus.SHIPPED
    assert len(acts("order.ready")) == 1


def test_the_order_page_says_where_it_is_fetched(session, admin_client):
    order = pickup_order()

    page = admin_client("owner").get(f"/admin/orders/{order.number}").text

    assert "到店自提" in page
    assert "西湖店，还没有备好" in page
    assert 'id="ship"' not in page
    assert order.pickup.code not in page


SHOP = {
    "name": "滨江店",
    "region": "浙江省 杭州市 滨江区",
    "detail": "江南大道 1 号",
    "hours": "每天 10:00–22:00",
    "phone": "0571-1234567",
    "is_open": "1",
}


def test_a_shop_is_opened_changed_and_closed(session, admin_client):
    client = admin_client("operations")
    client.post("/admin/pickup-shops/new", data=SHOP)
    [shop] = orders.pickups.shops()

    client.post(f"/admin/pickup-shops/{shop.id}", data={**SHOP, "name": "滨江二店", "is_open": ""})

    assert (fresh(shop).name, shop.is_open) == ("滨江二店", False)
    assert [entry.after["name"] for entry in acts("pickup_shop.save")] == ["滨江店", "滨江二店"]


def test_a_wrong_shop_is_refused_at_its_field(session, admin_client):
    answer = admin_client("owner").post("/admin/pickup-shops/new", data={**SHOP, "phone": "?"})

    assert answer.status_code == 422
    assert "请填写联系电话" in answer.text
    assert "滨江店" in answer.text
    assert list(orders.pickups.shops()) == []
    assert acts("pickup_shop.save") == []


# --- traces -------------------------------------------------------------------------


def shipped(client) -> orders.Order:
    order = paid_order(make_member(), make_sku(), now=clock.now())
    client.post(
        f"/admin/orders/{order.number}/ship",
        data={"carrier": "顺丰速运", "tracking_number": "SF1234567890"},
    )
    return order


def test_a_trace_is_entered_and_taken_back(session, admin_client):
    client = admin_client("operations")
    order = shipped(client)

    client.post(f"/admin/orders/{order.number}/traces", data={"text": "已到达杭州"})
    [row] = orders.traces.entered(order.id)
    page = client.get(f"/admin/orders/{order.number}").text
    client.post(f"/admin/orders/{order.number}/traces/{row.id}/delete")

    assert "已到达杭州" in page
    assert list(orders.traces.entered(order.id)) == []
    assert (len(acts("order.trace")), len(acts("order.trace_delete"))) == (1, 1)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"text": ""}, "请填写物流信息"),
        ({"text": "已揽收", "at": "soon"}, "时间格式不正确"),
        ({"text": "已揽收", "at": "2099-01-01T00:00"}, "时间不能晚于现在"),
    ],
)
def test_a_wrong_trace_is_refused(session, admin_client, data, says):
    client = admin_client("owner")
    order = shipped(client)

    answer = client.post(f"/admin/orders/{order.number}/traces", data=data)

    assert answer.status_code == 422
    assert says in answer.text
    assert list(orders.traces.entered(order.id)) == []


# --- invoices -----------------------------------------------------------------------


def test_an_invoice_is_issued_with_its_number(session, admin_client):
    desk = fill()
    row = orders.invoices.invoice(desk.invoice_id)

    admin_client("finance").post(
        f"/admin/invoices/{row.id}/issue", data={"number": "25332000000012345678"}
    )

    assert (fresh(row).status, row.invoice_number) == (
        InvoiceStatus.ISSUED,
        "25332000000012345678",
    )
    assert len(acts("invoice.issue")) == 1


def test_a_wrong_number_is_refused_at_its_field(session, admin_client):
    order = paid_order(make_member(), make_sku(), now=clock.now())
    row = invoice_of(order)

    answer = admin_client("finance").post(f"/admin/invoices/{row.id}/issue", data={"number": "1"})

    assert answer.status_code == 422
    assert "8 位或 20 位数字" in answer.text
    assert fresh(row).status is InvoiceStatus.REQUESTED
    assert acts("invoice.issue") == []


def test_a_refusal_tells_its_reason(session, admin_client):
    row = invoice_of(paid_order(make_member(), make_sku(), now=clock.now()))

    admin_client("operations").post(f"/admin/invoices/{row.id}/refuse", data={"note": "抬头不完整"})

    db.session.rollback()
    assert (fresh(row).status, row.note) == (InvoiceStatus.REFUSED, "抬头不完整")
    assert len(acts("invoice.refuse")) == 1


def test_who_may_not_issue_sees_no_email(session, admin_client):
    row = invoice_of(paid_order(make_member(), make_sku(), now=clock.now()))

    page = admin_client("auditor").get(f"/admin/invoices/{row.id}").text

    assert "wang@example.com" not in page
    assert "登记已开票" not in page
