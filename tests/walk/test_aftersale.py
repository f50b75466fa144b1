"""A refund end to end in a real browser: asked for on the phone, agreed to at the desk."""

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from app import aftersales, commission, orders, outbox, wechat
from app.aftersales import AfterSaleStatus
from app.commission import CommissionStatus
from app.core import clock
from app.core.db import db
from tests.factories import (
    bind,
    broken_invariants,
    make_distributor_of,
    make_plan,
    make_sku,
    place_order,
)
from tests.stack import Stack, wait_for
from tests.walk.test_notices import CHEN, WANG, enter
from tests.walk.test_walk import PASSWORD, Phone, Watched, confirm, flask

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def bought(stack: Stack) -> str:
    """王芳 paid ¥128.00 through 陈梅; the number of her order."""
    now = clock.now()
    # WeChat says the second of a payment only: the plan must be in force before it.
    make_plan(now=now - timedelta(minutes=1))
    near, buyer = enter(CHEN), enter(WANG)
    make_distributor_of(near, now=now)
    bind(buyer, near, now=now)
    order = place_order(buyer, make_sku(price_fen=128_00), now=now)
    number = order.number
    sheet = orders.paying_sheet(order.id, description="测试", gateway=wechat.current().pay, now=now)
    stack.control(f"/persons/{WANG}/pay", prepay_id=sheet["package"].removeprefix("prepay_id="))
    wait_for(lambda: db.session.rollback() or orders.order_by_number(number).is_paid)
    outbox.drain(clock.now())
    return number


def test_a_refund_from_the_phone_to_the_books(stack: Stack, chromium: Browser):
    number = bought(stack)
    link = flask(stack, "admin", "create", "boss").strip()
    phone, desk = Phone(chromium, stack), Watched(chromium, 1280, 800)

    # 王芳 asks for her money back.
    phone.become("王芳")
    frame = phone.open(f"/orders/{number}")
    frame.click("text=申请售后")
    expect(frame.locator("[data-sum]")).to_have_text("¥128.00")
    phone.shot("aftersale-01-form")
    frame.click("text=拍错了，重新下单")
    frame.click("button:has-text('提交申请')")
    expect(frame.locator(".state")).to_contain_text("等待商家处理")
    phone.shot("aftersale-02-applied")
    case = frame.url.split("/")[-1]

    # The admin agrees.
    desk.page.goto(link)
    desk.page.fill("[name=password]", PASSWORD)
    desk.page.fill("[name=again]", PASSWORD)
    desk.page.click("button:has-text('保存并登录')")
    desk.page.click(".queue:has-text('待处理售后')")
    desk.page.click(f"a:has-text('{case}')")
    desk.shot("aftersale-03-review")
    desk.page.click("button:has-text('同意退款')")
    expect(desk.page.locator(".modal.show")).to_contain_text("退款 ¥128.00，原路退回微信支付")
    desk.page.locator(".modal.show button:has-text('同意退款')").click()
    expect(desk.page.locator("h1")).to_contain_text("退款中")
    assert stack.job("send-refunds") == {"due": 1, "PROCESSING": 1}

    # The money is back on her phone, and so is what 陈梅 would have earned.
    def is_back() -> bool:
        db.session.rollback()
        return aftersales.aftersale_by_number(case).status is AfterSaleStatus.SUCCESS

    wait_for(is_back)
    while outbox.drain(clock.now()):
        pass
    frame.goto(f"{stack.url}/me/aftersales/{case}")
    expect(frame.locator(".state")).to_contain_text("退款成功 ¥128.00")
    phone.shot("aftersale-04-refunded")
    [told] = stack.look("/refunds")["refunds"]
    assert (told["amount"]["refund"], told["status"]) == (128_00, "SUCCESS")
    [row] = commission.commissions_of_order(orders.order_by_number(number).id)
    assert (row.status, row.standing_fen) == (CommissionStatus.VOID, 0)
    assert broken_invariants() == {}
    assert '"ok": true' in flask(stack, "ledger", "verify", "--json")
    assert phone.problems == []
    assert desk.problems == []


def test_a_member_thinks_better_of_it(stack: Stack, chromium: Browser):
    number = bought(stack)
    phone = Phone(chromium, stack)
    phone.become("王芳")
    frame = phone.open(f"/orders/{number}/aftersale")
    frame.click("text=不想要了")
    frame.click("button:has-text('提交申请')")
    frame.click("button:has-text('撤销申请')")
    confirm(frame, "撤销申请")

    expect(frame.locator(".state")).to_contain_text("你已撤销申请")
    assert phone.problems == []
