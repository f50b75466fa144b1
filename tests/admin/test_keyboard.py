"""The desk in a real browser: lists by keyboard, parcels by scanner, pictures by drag and keys."""

import io

import pytest
from PIL import Image

from app import catalog, members
from app.admin.auth import COOKIE
from app.core import clock
from app.core.db import db
from app.orders import OrderStatus, order_by_number
from tests.admin.desk import browser_of, make_admin
from tests.factories import make_member, make_product, make_sku, paid_order

pytestmark = pytest.mark.browser


@pytest.fixture
def page(stack, chromium):
    """The panel on a screen of 1280 pixels, an owner logged in."""
    cookie = browser_of(stack.app, make_admin("boss")).get_cookie(COOKIE, path="/admin")
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies(
        [{"name": cookie.key, "value": cookie.value, "domain": "127.0.0.1", "path": "/admin"}]
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


def picture(colour: str) -> dict[str, object]:
    out = io.BytesIO()
    Image.new("RGB", (300, 300), colour).save(out, "PNG")
    return {"name": f"{colour}.png", "mimeType": "image/png", "buffer": out.getvalue()}


def test_a_list_is_walked_and_a_row_opened_without_a_mouse(stack, page):
    for name in ("王芳", "林洁", "陈梅"):
        make_member(name, now=clock.now())
    page.goto(f"{stack.url}/admin/members")

    page.keyboard.press("/")
    page.keyboard.type("j")
    assert page.input_value("input[name=wanted]") == "j"
    page.fill("input[name=wanted]", "")
    page.keyboard.press("Escape")
    for key in "jjjk":
        page.keyboard.press(key)
    assert "林洁" in page.inner_text("tr.is-at")
    page.keyboard.press("?")
    assert "下一行" in page.inner_text("dialog.keys")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/members/*")

    assert page.inner_text("h1").startswith("林洁")


def test_parcels_are_scanned_one_after_the_other_and_sent_together(stack, page):
    sku, buyer = make_sku(), make_member("王芳", now=clock.now())
    numbers = [paid_order(buyer, sku, now=clock.now()).number for _ in range(2)]
    db.session.rollback()
    page.goto(f"{stack.url}/admin/orders/shipping")
    page.fill("input[name=carrier_all]", "顺丰速运")

    page.focus("input[name=code] >> nth=0")
    page.keyboard.type("SF0000002")
    page.keyboard.press("Enter")
    page.keyboard.type("SF0000001")
    page.click("form[data-enter-next] button[type=submit]")
    page.click(".modal.show .btn-primary")
    page.wait_for_selector("text=已发货 2 笔订单")

    db.session.rollback()
    sent = [order_by_number(number) for number in numbers]
    assert [(order.status, order.tracking_number) for order in sent] == [
        (OrderStatus.SHIPPED, "SF0000001"),
        (OrderStatus.SHIPPED, "SF0000002"),
    ]


def test_pictures_are_dropped_shown_coming_and_moved_by_keys(stack, page):
    product_id = make_product(is_on_shelf=False, pictures=()).id
    db.session.rollback()
    page.goto(f"{stack.url}/admin/products/{product_id}")
    page.evaluate(
        "() => new MutationObserver(() => { if (document.querySelector('.tile-waiting progress'))"
        " document.body.dataset.waited = '1'; }).observe(document.body,"
        " {childList: true, subtree: true})"
    )

    page.set_input_files("[data-add-pictures]", [picture("navy"), picture("teal")])
    page.wait_for_selector("[data-tile] >> nth=1")
    assert page.evaluate("document.body.dataset.waited") == "1"
    first, second = (page.input_value(f"[data-tile] >> nth={place} >> input") for place in (0, 1))
    page.focus("[data-tile] >> nth=1")
    page.keyboard.press("ArrowLeft")
    page.click("main form[data-product-form] button[type=submit]")
    page.wait_for_selector("text=商品已保存")

    db.session.rollback()
    assert page.url.endswith(str(product_id))
    assert catalog.product(product_id).pictures == [second, first]


def test_a_customer_is_tagged_on_their_page(stack, page):
    fang = make_member("王芳", now=clock.now()).id
    db.session.rollback()
    page.goto(f"{stack.url}/admin/members/{fang}")

    page.fill("input[name=tag]", "老顾客")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=标签已加上")

    db.session.rollback()
    assert [tag.name for tag in members.tags.of_member(fang)] == ["老顾客"]
