"""What nobody sends by accident: each is refused with a sentence, and nothing changed."""

import io

import pytest
import sqlalchemy as sa
from PIL import Image

from app import orders
from app.catalog import Product, Sku
from app.core.db import db, run_unit, transaction
from app.ledger import Entry
from app.orders import cart
from tests.factories import NOON, make_address, make_freight, make_member, make_sku, place_order
from tests.mall.pages import hidden_fields, text_of

JSON = {"Accept": "application/json"}
# The stock is 100; one member may have 3 of what is limited.
QUANTITIES = [
    ("0", "1 到 999"),
    ("-1", "1 到 999"),
    ("1.5", "1 到 999"),
    ("1e3", "1 到 999"),
    ("１", "1 到 999"),
    ("", "1 到 999"),
    ("1000", "1 到 999"),
    ("9" * 30, "1 到 999"),
]


def limited(sku: Sku) -> Sku:
    with transaction():
        db.session.get_one(Product, sku.product_id).limit_per_member = 3
    return sku


def left(sku: Sku) -> int | None:
    return db.session.scalar(sa.select(Sku.stock).filter_by(id=sku.id))


def books() -> int | None:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Entry))


def held(member) -> list[tuple[int, int]]:
    db.session.rollback()
    return [(wish.sku_id, wish.quantity) for wish in cart.wishes_of(member.id)]


def ordered(member) -> list[orders.Order]:
    db.session.rollback()
    return list(orders.orders_of(member.id).items)


# --- quantities --------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "says"), [*QUANTITIES, ("101", "库存仅剩 100 件")])
def test_the_cart_takes_no_such_quantity(client, me, quantity, says):
    sku = make_sku()

    answer = client.post("/cart", data={"sku": sku.id, "quantity": quantity}, headers=JSON)

    assert answer.status_code in (409, 422)
    assert says in answer.json["message"]
    assert (held(me), left(sku)) == ([], 100)


@pytest.mark.parametrize(("quantity", "says"), [*QUANTITIES, ("101", "库存仅剩 100 件")])
def test_a_line_of_the_cart_is_not_changed_to_it(client, me, quantity, says):
    sku = make_sku()
    client.post("/cart", data={"sku": sku.id, "quantity": "2"})

    client.post("/cart/quantity", data={"sku": sku.id, "quantity": quantity})

    assert says in text_of(client.get("/cart"))
    assert (held(me), left(sku)) == ([(sku.id, 2)], 100)


def test_the_cart_holds_no_more_than_one_member_may_have(client, me):
    sku = limited(make_sku(title="限量茶"))

    added = client.post("/cart", data={"sku": sku.id, "quantity": "4"}, headers=JSON)
    client.post("/cart", data={"sku": sku.id, "quantity": "3"})
    client.post("/cart/quantity", data={"sku": sku.id, "quantity": "4"})

    assert (added.status_code, added.json["message"]) == (409, "“限量茶”每人限购 3 件")
    assert "“限量茶”每人限购 3 件" in text_of(client.get("/cart"))
    assert (held(me), left(sku)) == ([(sku.id, 3)], 100)


@pytest.mark.parametrize(
    ("quantity", "says"),
    [
        ("0", "购买数量应在 1 到 999 之间"),
        ("-1", "购买数量格式不正确"),
        ("1.5", "购买数量格式不正确"),
        ("1e3", "购买数量格式不正确"),
        ("1000", "购买数量应在 1 到 999 之间"),
    ],
)
def test_neither_buying_at_once_nor_ordering_takes_it(client, me, quantity, says):
    make_address(me)
    sku = make_sku()
    form = hidden_fields(client.get(f"/checkout?sku={sku.id}").text)

    shown = client.get(f"/checkout?sku={sku.id}&quantity={quantity}")
    placed = client.post("/checkout", data={**form, "quantity": quantity})

    assert (shown.status_code, placed.status_code) == (422, 422)
    assert says in text_of(shown)
    assert says in text_of(placed)
    assert (ordered(me), left(sku), books()) == ([], 100, 0)


@pytest.mark.parametrize(("quantity", "says"), [("101", "库存不足"), ("4", "每人限购 3 件")])
def test_no_more_is_ordered_than_there_is_or_one_may_have(client, me, quantity, says):
    make_address(me)
    sku = limited(make_sku()) if quantity == "4" else make_sku()
    form = hidden_fields(client.get(f"/checkout?sku={sku.id}&quantity={quantity}").text)

    answer = client.post("/checkout", data=form)

    assert answer.status_code == 409
    assert says in text_of(answer)
    assert (ordered(me), left(sku), books()) == ([], 100, 0)


# --- prices ------------------------------------------------------------------------


def test_a_price_a_freight_or_a_discount_from_outside_counts_for_nothing(client, me):
    make_address(me)
    template = make_freight()
    sku = make_sku(price_fen=50_00)
    with transaction():
        db.session.get_one(Product, sku.product_id).freight_template_id = template.id
    form = hidden_fields(client.get(f"/checkout?sku={sku.id}").text)
    forged = {
        "price": "1",
        "price_fen": "1",
        "unit_fen": "1",
        "freight": "0",
        "freight_fen": "0",
        "discount": "4999",
        "discount_fen": "4999",
        "coupon": "1",
        "payable_fen": "1",
    }

    client.post("/checkout", data={**form, **forged})

    [order] = ordered(me)
    assert (order.goods_fen, order.freight_fen, order.discount_fen) == (50_00, 8_00, 0)
    assert order.payable_fen == 58_00


@pytest.mark.parametrize("expected", ["1", "0", "-5800", "58.00", "", "x"])
def test_another_sum_than_the_shops_orders_nothing(client, me, expected):
    make_address(me)
    sku = make_sku(price_fen=50_00)
    form = hidden_fields(client.get(f"/checkout?sku={sku.id}").text)

    answer = client.post("/checkout", data={**form, "expected_fen": expected})

    assert answer.status_code == 409
    assert "商品价格有变动，请确认后重新提交" in answer.text
    assert (ordered(me), left(sku), books()) == ([], 100, 0)


# --- what belongs to others --------------------------------------------------------


def test_nobody_reaches_into_anothers_cart(client, me):
    other, sku = make_member("赵磊"), make_sku()
    run_unit(cart.add, other.id, sku.id, 2, now=NOON)

    client.post("/cart/quantity", data={"sku": sku.id, "quantity": "9"})
    says = text_of(client.get("/cart"))
    for path in ("tick", "remove", "tidy"):
        client.post(f"/cart/{path}", data={"sku": sku.id, "on": "0"})

    assert "购物车里没有这件商品" in says
    assert held(other) == [(sku.id, 2)]
    assert [wish.is_ticked for wish in cart.wishes_of(other.id)] == [True]
    assert held(me) == []


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 10**30])
def test_a_number_that_no_column_holds_is_no_address(client, me, number):
    assert client.get(f"/p/{number}").status_code == 404
    assert client.post(f"/me/address/{number}/default").status_code == 404


@pytest.mark.parametrize("path", ["", "/aftersale", "/invoice", "/traces", "/pay", "/result"])
def test_anothers_order_is_not_there(client, me, path):
    order = place_order(make_member("赵磊"), make_sku())

    answer = client.get(f"/orders/{order.number}{path}")

    assert answer.status_code == 404
    assert "订单不存在" in text_of(answer)


# --- pictures ----------------------------------------------------------------------


def send(client, data: bytes, name: str = "1.jpg"):
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return client.post(
        "/me/pictures",
        data=head.encode() + data + b"\r\n--x--\r\n",
        content_type="multipart/form-data; boundary=x",
        headers=JSON,
    )


def kept(app) -> list[str]:
    folder = app.extensions["mall_config"].data_dir / "media"
    return [path.name for path in folder.rglob("*") if path.is_file()]


def hundred_megapixels() -> bytes:
    out = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        (b"", 422, "这不是可用的图片"),
        (b"<?php phpinfo();", 422, "这不是可用的图片"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422, "这不是可用的图片"),
        (b"GIF89a" + b"\0" * 50, 422, "这不是可用的图片"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 5_100_000, 422, "这不是可用的图片"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 50_000_000, 422, "图片不能超过 5 MB"),
    ],
    ids=["empty", "script", "svg", "gif", "5 MB of nothing", "50 MB"],
)
def test_what_is_no_picture_is_not_kept(app, client, me, data, status, says):
    before = kept(app)

    answer = send(client, data)

    assert answer.status_code == status
    assert says in answer.json["message"]
    assert kept(app) == before


def test_a_picture_of_a_hundred_megapixels_is_not_unpacked(app, client, me):
    before = kept(app)

    answer = send(client, hundred_megapixels(), "1.png")

    assert answer.status_code == 422
    assert answer.json["message"] == "图片尺寸过大，请缩小到 4000 万像素以内"
    assert kept(app) == before
