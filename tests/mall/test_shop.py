"""Home, product and checkout over HTTP."""

import re

import pytest
import sqlalchemy as sa
from PIL import Image

from app import catalog, members, orders
from app.catalog import Category, Product
from app.core import web
from app.core.db import db, transaction
from app.orders import Order
from tests.factories import (
    code_of,
    make_address,
    make_distributor_of,
    make_member,
    make_plan,
    make_sku,
)
from tests.mall.pages import hidden_fields, text_of


def checkout_form(client, sku, quantity=1) -> dict[str, str]:
    """The hidden fields of the checkout page, as a browser would send them."""
    return hidden_fields(client.get(f"/checkout?sku={sku.id}&quantity={quantity}").text)


def placed(member) -> list[Order]:
    db.session.rollback()
    return list(orders.orders_of(member.id).items)


# --- home --------------------------------------------------------------------------


def test_home_shows_the_cheapest_price_that_can_be_bought(client, me):
    sku = make_sku(price_fen=128_00, title="高山绿茶")
    with transaction():
        gone = catalog.Sku(product_id=sku.product_id, name="样品", price_fen=1_00, cost_fen=0)
        db.session.add(gone)
    db.session.expire_all()

    page = client.get("/")

    assert page.status_code == 200
    assert "高山绿茶" in page.text
    assert "¥128.00" in text_of(page)
    assert "¥1.00" not in text_of(page)


def test_home_without_products_says_so(client, me):
    assert "商品正在上架，请稍后再来" in client.get("/").text


def test_an_empty_category_leads_back_to_all_products(client, me):
    make_sku(title="茶")
    with transaction():
        empty = Category(name="家居")
        db.session.add(empty)

    page = client.get(f"/category?id={empty.id}").text

    assert "这个分类下还没有商品" in page
    assert "看看全部商品" in page


def test_home_sends_a_stranger_to_log_in_silently(client, session, weixin):
    answer = client.get("/")

    assert answer.status_code == 302
    assert answer.location.startswith("http://open.test/authorize?scope=snsapi_base")


# --- product -----------------------------------------------------------------------


def test_product_page_shows_both_prices(client, me):
    sku = make_sku(price_fen=12_888_00)
    with transaction():
        db.session.merge(sku).list_price_fen = 15_888_00

    page = client.get(f"/p/{sku.product_id}")

    assert "¥12,888.00" in text_of(page)
    assert '<s class="faint">¥15,888.00</s>' in page.text
    assert "分享赚" not in page.text


def test_a_member_price_is_named_with_the_price_it_replaces(client, me):
    make_distributor_of(me)
    sku = make_sku(price_fen=100_00)
    with transaction():
        sku.member_price_fen = 90_00
    make_address(me)

    page = text_of(client.get(f"/p/{sku.product_id}"))
    checkout = client.get(f"/checkout?sku={sku.id}")
    client.post("/checkout", data={**hidden_fields(checkout.text), "price": "1"})

    assert "¥90.00 会员价¥100.00" in page
    assert "¥90.00 ¥100.00 会员价" in text_of(checkout)
    assert [order.payable_fen for order in placed(me)] == [90_00]


def test_a_member_price_for_others_says_who_gets_it(client, me):
    sku = make_sku(price_fen=100_00)
    with transaction():
        sku.member_price_fen = 90_00

    page = text_of(client.get(f"/p/{sku.product_id}"))

    assert "会员价 ¥90.00，分销员购买时享受" in page
    assert "应付¥100.00" in text_of(client.get(f"/checkout?sku={sku.id}"))


def test_sold_out_product_cannot_be_bought(client, me):
    sku = make_sku(stock=0)

    page = client.get(f"/p/{sku.product_id}").text

    assert "已售罄" in page
    assert 'action="/checkout"' not in page


def test_product_off_the_shelf_is_not_found(client, me):
    sku = make_sku(is_on_shelf=False)

    answer = client.get(f"/p/{sku.product_id}")

    assert answer.status_code == 404
    assert "商品不存在或已下架" in answer.text


def test_distributor_sees_what_sharing_earns(client, me):
    make_plan()
    make_distributor_of(me)
    sku = make_sku(price_fen=128_50)

    page = client.get(f"/p/{sku.product_id}").text

    assert "分享赚 ¥12.85" in page


def test_share_card_of_a_distributor_carries_their_code(client, me):
    make_distributor_of(me)
    sku = make_sku()

    page = client.get(f"/p/{sku.product_id}").text

    assert f'data-share-link="http://mall.test/r/{code_of(me)}?to=/p/{sku.product_id}"' in page


def test_share_card_of_anyone_else_is_the_plain_page(client, me):
    sku = make_sku()

    page = client.get(f"/p/{sku.product_id}").text

    assert f'data-share-link="http://mall.test/p/{sku.product_id}"' in page


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("80℃ 水\n3 克 <b>茶</b>", "<p>80℃ 水</p><p>3 克 &lt;b&gt;茶&lt;/b&gt;</p>"),
        (
            "<p>好<b>茶</b></p><script>alert(1)</script>",
            '<div class="rich"><p>好<b>茶</b></p></div>',
        ),
        ("<p><br></p>", "暂无更多说明"),
    ],
)
def test_description_is_cleaned_again_when_it_is_shown(client, me, stored, shown):
    sku = make_sku()
    with transaction():
        db.session.get_one(Product, sku.product_id).description = stored

    page = client.get(f"/p/{sku.product_id}").text

    assert shown in page
    assert "alert(1)" not in page


# --- checkout ----------------------------------------------------------------------


def test_checkout_shows_every_part_of_the_price(client, me):
    make_address(me)
    sku = make_sku(price_fen=128_00)

    page = client.get(f"/checkout?sku={sku.id}&quantity=2")

    words = text_of(page)
    assert "商品金额¥256.00" in words.replace(" ", "")
    assert "运费包邮" in words.replace(" ", "")
    assert "138****5678" in words
    assert "13812345678" not in page.text


def test_checkout_places_an_order_and_keeps_the_first_address(client, me):
    sku = make_sku(price_fen=128_00)
    form = checkout_form(client, sku, 2)
    address = {
        "name": "王芳",
        "phone": "13800138000",
        "region": "浙江省 杭州市 西湖区",
        "detail": "文三路 1 号",
    }

    answer = client.post("/checkout", data={**form, **address, "remark": "放门口"})

    [order] = placed(me)
    assert answer.status_code == 303
    assert answer.location == f"/orders/{order.number}/pay"
    assert (order.payable_fen, order.remark, order.receiver_phone) == (
        256_00,
        "放门口",
        "13800138000",
    )
    kept = members.default_address(me.id)
    assert kept is not None
    assert kept.detail == "文三路 1 号"


def test_second_tap_leads_to_the_first_order(client, me):
    make_address(me)
    form = checkout_form(client, make_sku())

    answers = [client.post("/checkout", data=form) for _ in range(2)]

    assert answers[0].location == answers[1].location
    assert len(placed(me)) == 1


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("name", "", "请填写收货人"),
        ("phone", "12345", "请填写 11 位手机号码"),
        ("region", " ", "请填写所在地区"),
        ("region", "浙江省", "请选择到区县"),
        ("detail", "长" * 81, "详细地址最多 80 个字"),
    ],
)
def test_wrong_address_keeps_what_was_typed_and_changes_nothing(client, me, field, typed, says):
    form = checkout_form(client, make_sku())
    address = {
        "name": "王芳",
        "phone": "13800138000",
        "region": "浙江省 杭州市 西湖区",
        "detail": "文三路 1 号",
    }

    answer = client.post("/checkout", data={**form, **address, field: typed})

    assert answer.status_code == 422
    assert says in answer.text
    kept = {name: value for name, value in address.items() if name != field}
    assert all(value in answer.text for value in kept.values())
    assert f'id="e-{field}"' in answer.text
    assert placed(me) == []
    assert members.default_address(me.id) is None


def test_long_remark_is_refused_at_its_field(client, me):
    make_address(me)
    form = checkout_form(client, make_sku())

    answer = client.post("/checkout", data={**form, "remark": "长" * 201})

    assert answer.status_code == 422
    assert "备注最多 200 个字" in answer.text
    assert placed(me) == []


def test_changed_price_is_shown_again_before_anything_is_placed(client, me):
    make_address(me)
    sku = make_sku(price_fen=100_00)
    form = checkout_form(client, sku)
    with transaction():
        db.session.merge(sku).price_fen = 120_00

    answer = client.post("/checkout", data=form)

    assert answer.status_code == 409
    assert "商品价格有变动，请确认后重新提交" in answer.text
    assert 'name="expected_fen" value="12000"' in answer.text
    assert placed(me) == []


def test_too_many_pieces_are_refused_and_the_stock_stays(client, me):
    make_address(me)
    sku = make_sku(stock=2)
    form = checkout_form(client, sku, 3)

    answer = client.post("/checkout", data=form)

    assert answer.status_code == 409
    assert "库存不足" in answer.text
    assert placed(me) == []
    assert db.session.scalar(sa.select(catalog.Sku.stock).filter_by(id=sku.id)) == 2


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("quantity=0", 422, "购买数量应在 1 到 999 之间"),
        ("quantity=1000", 422, "购买数量应在 1 到 999 之间"),
        ("quantity=1e3", 422, "购买数量格式不正确"),
        ("quantity=-1", 422, "购买数量格式不正确"),
    ],
)
def test_nonsense_quantity_is_refused(client, me, query, status, says):
    sku = make_sku()

    answer = client.get(f"/checkout?sku={sku.id}&{query}")

    assert answer.status_code == status
    assert says in answer.text


@pytest.mark.parametrize("sku", ["", "x", "999999999", "9" * 40])
def test_unknown_sku_is_refused(client, me, sku):
    assert client.get(f"/checkout?sku={sku}").status_code in (404, 409)


def test_forged_request_key_is_refused(client, me):
    make_address(me)
    form = checkout_form(client, make_sku())

    answer = client.post("/checkout", data={**form, "request_key": "x" * 65})

    assert answer.status_code == 422
    assert placed(me) == []


def test_order_from_another_site_is_refused(client, me):
    make_address(me)
    form = checkout_form(client, make_sku())

    answer = client.post("/checkout", data=form, headers={"Origin": "http://evil.test"})

    assert answer.status_code == 403
    assert placed(me) == []


# --- files -------------------------------------------------------------------------


def test_theme_is_the_shops_colour_and_may_be_kept(client, session):
    answer = client.get("/theme.css?v=E6432D")

    assert answer.mimetype == "text/css"
    assert "--brand:#E6432D;--brand-rgb:230,67,45;" in answer.text
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    again = client.get("/theme.css", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_pages_have_neither_inline_script_nor_inline_style(client, me):
    make_sku()
    for path in ("/", "/me", "/me/distribution", "/help", "/orders"):
        page = client.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
        assert not re.search(r"\sstyle=|<style|\son\w+=", page), path


def test_media_serves_pictures_and_nothing_else(app, client, session):
    folder = web.settings().data_dir / "media"
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (2, 2)).save(folder / "tea.jpg")
    (folder / "secret.txt").write_text("no")

    with client.get("/media/tea.jpg") as picture:
        assert picture.mimetype == "image/jpeg"
    for path in ("/media/secret.txt", "/media/none.jpg", "/media/../test.db", "/media/..%2Fx.png"):
        assert client.get(path).status_code == 404


def test_js_config_signs_our_pages_only(client, me, weixin):
    ours = client.get("/js-config?url=http://mall.test/p/1")
    foreign = client.get("/js-config?url=http://evil.test/")
    weixin.account.is_down = True
    down = client.get("/js-config?url=http://mall.test/")

    assert ours.json == {"appId": "wxtest", "signature": "s"}
    assert (foreign.status_code, down.status_code) == (422, 503)


def test_referral_link_binds_and_leads_to_the_product(client, me):
    owner = make_member("林杰")
    make_distributor_of(owner)
    sku = make_sku()

    answer = client.get(f"/r/{code_of(owner)}?to=/p/{sku.product_id}")

    db.session.rollback()
    assert answer.location == f"/p/{sku.product_id}"
    assert members.get(me.id).upline1_id == owner.id
