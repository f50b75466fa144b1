"""How goods reach the buyer, and the invoice: parcels, virtual goods, picking up."""

import io

import zxingcpp
from PIL import Image

from app import orders
from app.catalog import ProductKind
from app.core.db import db, run_unit, transaction
from app.orders import OrderStatus
from tests.admin.desk import pickup_shop
from tests.factories import (
    ADMIN,
    NOON,
    make_sku,
    notice_for,
    paid_order,
    take,
)
from tests.mall.pages import INVOICE, hidden_fields, shipped_order, status_of


def test_virtual_goods_are_bought_without_an_address_and_read_in_the_order(client, me):
    sku = make_sku(title="线上品茶课")
    with transaction():
        sku.product.kind = ProductKind.VIRTUAL
    page = client.get(f"/checkout?sku={sku.id}").text
    answer = client.post("/checkout", data=hidden_fields(page))
    db.session.rollback()
    [order] = orders.orders_of(me.id).items
    take(notice_for(order))
    waiting = client.get(f"/orders/{order.number}").text
    run_unit(orders.deliver, order.id, note="兑换码 ABCD-1234", actor=ADMIN, now=NOON)

    given = client.get(f"/orders/{order.number}").text

    assert "虚拟商品，无需快递" in page
    assert "收货地址" not in page
    assert answer.status_code == 303
    assert "已付款，等待交付" in waiting
    assert "商品已交付" in given
    assert "兑换码 ABCD-1234" in given
    assert "确认收货" in given


def test_the_parcels_way_is_shown(client, me):
    order = shipped_order(me, make_sku())
    run_unit(orders.traces.add_trace, order.id, at=NOON, text="已到达杭州", actor=ADMIN, now=NOON)

    assert "已到达杭州" in client.get(f"/orders/{order.number}").text
    page = client.get(f"/orders/{order.number}/traces").text
    assert "已到达杭州" in page
    assert "SF1234567890" in page


def test_before_it_is_shipped_there_is_no_way_to_show(client, me):
    order = paid_order(me, make_sku())

    assert client.get(f"/orders/{order.number}/traces").location == f"/orders/{order.number}"


def test_an_invoice_is_asked_for_and_shown(client, me):
    order = paid_order(me, make_sku())

    answer = client.post(f"/orders/{order.number}/invoice", data=INVOICE)

    assert answer.location == f"/orders/{order.number}/invoice"
    page = client.get(answer.location).text
    assert "等待商家开具" in page
    assert 'id="invoice"' not in page
    assert "等待开具" in client.get(f"/orders/{order.number}").text


def test_a_wrong_tax_number_keeps_what_was_typed(client, me):
    order = paid_order(me, make_sku())
    typed = {**INVOICE, "title_kind": "company", "title": "云集公司", "tax_number": "123"}

    answer = client.post(f"/orders/{order.number}/invoice", data=typed)

    assert answer.status_code == 422
    assert "税号不正确" in answer.text
    assert 'value="云集公司"' in answer.text
    assert orders.invoices.of_order(order.id) is None


def pickup_order(client, me) -> orders.Order:
    """Placed over HTTP by a member with no address."""
    shop = pickup_shop()
    sku = make_sku(price_fen=100_00)
    page = client.get(f"/checkout?sku={sku.id}&quantity=1&delivery=pickup").text
    form = {**hidden_fields(page), "shop": shop.id, "name": "王芳", "phone": "13800138000"}
    client.post("/checkout", data=form)
    db.session.rollback()
    [order] = orders.orders_of(me.id).items
    return order


def test_a_pick_up_shows_its_code_and_picture_only_while_it_works(client, me):
    order = pickup_order(client, me)
    code = order.pickup.spaced_code
    unpaid = client.get(f"/orders/{order.number}").text
    hidden = client.get(f"/orders/{order.number}/pickup.png").status_code
    take(notice_for(order))

    page = client.get(f"/orders/{order.number}").text
    picture = client.get(f"/orders/{order.number}/pickup.png")

    assert (code in unpaid, hidden) == (False, 404)
    assert code in page
    assert "商家正在备货" in page
    read = zxingcpp.read_barcode(Image.open(io.BytesIO(picture.data)))
    assert read is not None
    assert read.text == code.replace(" ", "")
    assert picture.headers["Cache-Control"] == "no-store"


def test_a_pick_up_has_no_button_to_receive_it(client, me):
    order = pickup_order(client, me)
    take(notice_for(order))
    run_unit(orders.pickups.ready, order.id, actor=ADMIN, now=NOON)

    page = client.get(f"/orders/{order.number}").text
    answer = client.post(f"/orders/{order.number}/receive")

    assert "商品已备好，等你来取" in page
    assert "确认收货" not in page
    assert answer.status_code == 409
    assert status_of(order) is OrderStatus.SHIPPED


def test_checkout_offers_picking_up_only_where_there_is_a_shop(client, me):
    sku = make_sku()
    before = client.get(f"/checkout?sku={sku.id}").text

    pickup_shop()

    assert "到店自提" not in before
    assert "到店自提" in client.get(f"/checkout?sku={sku.id}").text
