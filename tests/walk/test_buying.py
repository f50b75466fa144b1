"""Buying in a real browser where it does not go straight: paying at the second try,
sending goods back, fetching at a shop."""

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Frame, expect

from app import aftersales, orders, settings
from app.aftersales import AfterSaleStatus
from app.catalog import Sku
from app.commission import CommissionStatus, commissions_of_order
from app.core import clock
from app.core.db import db, run_unit
from app.orders import OrderStatus, pickups
from tests.factories import (
    ADMIN,
    bind,
    broken_invariants,
    make_distributor_of,
    make_plan,
    make_sku,
)
from tests.stack import Stack, wait_for
from tests.walk.test_aftersale import bought
from tests.walk.test_notices import CHEN, WANG, enter
from tests.walk.test_walk import PASSWORD, Phone, Watched, confirm, flask

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def at_the_desk(stack: Stack, chromium: Browser) -> Watched:
    """A browser in which the shop's first admin just set a password."""
    desk = Watched(chromium, 1280, 800)
    desk.page.goto(flask(stack, "admin", "create", "boss").strip())
    desk.page.fill("[name=password]", PASSWORD)
    desk.page.fill("[name=again]", PASSWORD)
    desk.page.click("button:has-text('保存并登录')")
    desk.page.wait_for_url("**/admin/")
    return desk


def to_checkout(phone: Phone, product_id: int) -> Frame:
    frame = phone.open(f"/p/{product_id}")
    frame.click(".actions .btn-brand")
    frame.click(".sheet-body .btn-brand")
    frame.wait_for_url("**/checkout*")
    return frame


def earning(stack: Stack) -> None:
    """陈梅 earns from what 王芳 buys."""
    now = clock.now()
    make_plan(now=now - timedelta(minutes=1))
    near, buyer = enter(CHEN), enter(WANG)
    make_distributor_of(near, now=now)
    bind(buyer, near, now=now)


def order_now(number: str) -> orders.Order:
    db.session.rollback()
    return orders.order_by_number(number)


def books_are_sound(stack: Stack) -> bool:
    return broken_invariants() == {} and '"ok": true' in flask(stack, "ledger", "verify", "--json")


def test_who_shuts_the_paying_sheet_pays_later(stack: Stack, chromium: Browser):
    earning(stack)
    sku = make_sku(price_fen=128_00)
    phone = Phone(chromium, stack)
    phone.become("王芳")
    frame = to_checkout(phone, sku.product_id)
    frame.fill("[name=name]", "王芳")
    frame.fill("[name=phone]", "13812345678")
    frame.click("[name=region]")
    for name in ("浙江省", "杭州市", "西湖区"):
        frame.click(f".region-place:text-is('{name}')")
    frame.fill("[name=detail]", "文三路 1 号 2 单元 301")
    frame.click("button:has-text('提交订单')")

    # One tap has ordered and opened the sheet. She shuts it: nothing is paid, and the
    # order says how long it waits.
    phone.page.click(".sheet-pay [aria-label=取消]")
    frame.wait_for_url("**/pay")
    number = frame.url.split("/")[-2]
    expect(frame.locator("body")).to_contain_text("还没有付款，可以继续支付")
    assert order_now(number).status is OrderStatus.UNPAID
    frame.goto(f"{stack.url}/orders")
    phone.shot("buying-01-waits")
    frame.click("a:has-text('去付款')")

    # The second try is the same order and the same number at WeChat.
    frame.click("[data-pay]")
    phone.agree("确认支付")
    frame.wait_for_url("**/result")
    expect(frame.locator("[data-when=paid]")).to_be_visible()

    order = order_now(number)
    assert order.status is OrderStatus.PAID
    assert [row.status.value for row in orders.payments_of(order.id)] == ["success"]
    assert len(orders.orders_of(order.member_id).items) == 1
    stack.job("outbox")
    db.session.rollback()
    assert len(commissions_of_order(order.id)) == 1
    assert books_are_sound(stack)
    assert phone.problems == []


def test_goods_go_back_and_the_money_returns(stack: Stack, chromium: Browser):
    number = bought(stack)
    now = clock.now()
    order = orders.order_by_number(number)
    run_unit(
        orders.ship,
        order.id,
        carrier="顺丰速运",
        tracking_number="SF1234567890",
        actor=ADMIN,
        now=now,
    )
    run_unit(
        settings.change,
        settings.registry.RETURN_ADDRESS.key,
        "退货组 0571-87654321 杭州市西湖区文三路 199 号",
        actor=ADMIN,
        now=now,
    )
    desk = at_the_desk(stack, chromium)
    phone = Phone(chromium, stack)

    # 王芳 has it, and wants to send it back.
    phone.become("王芳")
    frame = phone.open(f"/orders/{number}")
    frame.click("button:has-text('确认收货')")
    confirm(frame, "确认收货")
    expect(frame.locator(".state")).to_contain_text("已确认收货")
    frame.click("a:has-text('申请售后')")
    frame.click("a:has-text('退货退款')")
    frame.click("text=质量问题")
    phone.shot("return-01-form")
    frame.click("button:has-text('提交申请')")
    expect(frame.locator(".state")).to_contain_text("等待商家处理")
    case = frame.url.split("/")[-1]

    # The admin agrees; she reads where to send it, and sends it.
    desk.page.goto(f"{stack.url}/admin/aftersales/{case}")
    desk.page.click("button:has-text('同意')")
    desk.page.locator(".modal.show button:has-text('同意')").last.click()
    expect(desk.page.locator("h1")).to_contain_text("待买家寄回")
    frame.goto(f"{stack.url}/me/aftersales/{case}")
    expect(frame.locator("main")).to_contain_text("文三路 199 号")
    phone.shot("return-02-address")
    frame.fill("[name=carrier]", "中通快递")
    frame.fill("[name=tracking]", "ZT9876543210")
    frame.click("button:has-text('我已寄出')")
    confirm(frame, "提交")
    expect(frame.locator("main")).to_contain_text("ZT9876543210")

    # The goods are here and whole: back on the shelf, and the refund is sent.
    desk.page.reload()
    desk.page.click("button:has-text('收到退货')")
    desk.page.check(".modal.show [name=is_restocked]")
    desk.page.locator(".modal.show button:has-text('收到并退款')").click()
    expect(desk.page.locator("h1")).to_contain_text("退款中")
    assert stack.job("send-refunds") == {"due": 1, "PROCESSING": 1}

    def is_back() -> bool:
        db.session.rollback()
        return aftersales.aftersale_by_number(case).status is AfterSaleStatus.SUCCESS

    wait_for(is_back)
    stack.job("outbox")
    frame.goto(f"{stack.url}/me/aftersales/{case}")
    expect(frame.locator(".state")).to_contain_text("退款成功 ¥128.00")
    phone.shot("return-03-refunded")
    frame.goto(f"{stack.url}/orders/{number}")
    expect(frame.locator(".state")).to_contain_text("订单已退款")
    [told] = stack.look("/refunds")["refunds"]
    assert (told["amount"]["refund"], told["status"]) == (128_00, "SUCCESS")
    done = order_now(number)
    assert done.status is OrderStatus.REFUNDED
    [row] = commissions_of_order(done.id)
    assert (row.status, row.standing_fen) == (CommissionStatus.VOID, 0)
    assert db.session.get_one(Sku, done.lines[0].sku_id).stock == 100
    assert books_are_sound(stack)
    assert phone.problems == []
    assert desk.problems == []


def test_goods_are_fetched_at_the_shop(stack: Stack, chromium: Browser):
    earning(stack)
    sku = make_sku(price_fen=128_00)
    shop = pickups.ShopInput(
        "西湖店", "浙江省 杭州市 西湖区", "文三路 1 号", "9:00–21:00", "0571-87654321", True
    )
    run_unit(pickups.save_shop, None, shop, actor=ADMIN, now=clock.now())
    desk = at_the_desk(stack, chromium)
    phone = Phone(chromium, stack)

    # 王芳 buys and pays, without an address.
    phone.become("王芳")
    frame = to_checkout(phone, sku.product_id)
    frame.click("text=到店自提")
    frame.wait_for_url("**delivery=pickup*")
    frame.fill("[name=name]", "王芳")
    frame.fill("[name=phone]", "13812345678")
    phone.shot("pickup-01-checkout")
    frame.click("button:has-text('提交订单')")
    phone.agree("确认支付")
    frame.wait_for_url("**/result")
    number = frame.url.split("/")[-2]
    expect(frame.locator("[data-when=paid]")).to_be_visible()
    frame.goto(f"{stack.url}/orders/{number}")
    expect(frame.locator("img.qr")).to_be_visible()
    code = frame.locator(".code-text").inner_text()
    phone.shot("pickup-02-code")

    # At the counter a wrong code finds nothing, hers is redeemed, and works once.
    desk.page.goto(f"{stack.url}/admin/pickups")
    desk.page.fill("[name=code]", "000000000000")
    desk.page.click("button:has-text('查询')")
    expect(desk.page.locator("[role=alert]").first).to_contain_text("提货码")
    assert order_now(number).status is OrderStatus.PAID
    desk.page.fill("[name=code]", code)
    desk.page.click("button:has-text('查询')")
    expect(desk.page.locator("body")).to_contain_text(number)
    desk.shot("pickup-03-counter")
    desk.page.click("button:has-text('确认已交给顾客')")
    desk.page.locator(".modal.show .btn-primary, .modal.show button[type=submit]").last.click()
    expect(desk.page.locator("body")).to_contain_text(f"订单 {number} 已核销，共 1 件")
    desk.page.fill("[name=code]", code)
    desk.page.click("button:has-text('查询')")
    expect(desk.page.locator("body")).to_contain_text("这个提货码已经核销过")

    frame.goto(f"{stack.url}/orders/{number}")
    expect(frame.locator(".state")).to_contain_text("已提货")
    expect(frame.locator(".code-text")).to_have_count(0)
    stack.job("outbox")
    order = order_now(number)
    assert order.status is OrderStatus.RECEIVED
    [row] = commissions_of_order(order.id)
    assert row.expected_at == order.guard_ends_at
    assert books_are_sound(stack)
    assert phone.problems == []
    assert desk.problems == []
