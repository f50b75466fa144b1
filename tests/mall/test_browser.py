"""Buying and being paid out in a real browser, against the sandbox, under our own CSP."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from app import ledger, members, orders, settings, wechat, withdrawals
from app.catalog import Sku
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.ledger import Wallet
from tests.factories import (
    ADMIN,
    broken_invariants,
    code_of,
    give_available,
    make_address,
    make_distributor_of,
    make_plan,
    make_sku,
    place_order,
)
from tests.stack import Stack

pytestmark = pytest.mark.browser

WANG = "oSandbox_wangfang_0000000003"
LIN = "oSandbox_linjie_000000000001"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.50(0x18003237) Language/zh_CN"
)


@pytest.fixture
def phone(chromium: Any, stack: Stack) -> Iterator[Callable[[str], Any]]:
    """`phone(openid)`: the page of a phone in this person's hand."""
    contexts, problems = [], []

    def pick_up(openid: str) -> Any:
        context = chromium.new_context(
            viewport={"width": 375, "height": 812}, user_agent=PHONE, has_touch=True
        )
        context.add_cookies(
            [{"name": "sandbox_person", "value": openid, "domain": "127.0.0.1", "path": "/"}]
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(40_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda m: problems.append(m.text) if "Content Security Policy" in m.text else None,
        )
        return page

    yield pick_up
    for context in contexts:
        context.close()
    assert problems == []


def sheet_of(page: Any, stack: Stack) -> Any:
    """The frame in which the sandbox draws WeChat's own sheets."""
    page.wait_for_function("() => document.querySelectorAll('iframe').length > 0")
    return next(frame for frame in page.frames if frame.url.startswith(stack.sandbox_url))


def choose_region(page: Any, *names: str) -> None:
    page.click("#f-region")
    for name in names:
        page.click(f".region-place:text-is('{name}')")


def test_a_friend_buys_by_a_referral_link(phone, stack):
    now = clock.now()
    make_plan(now=now - timedelta(minutes=1))
    lin = run_unit(members.enter, LIN, now=now)
    make_distributor_of(lin, now=now)
    sku = make_sku(price_fen=128_00, stock=5)
    page = phone(WANG)

    page.goto(f"{stack.url}/r/{code_of(lin)}?to=/p/{sku.product_id}")
    page.click(".actions .btn-brand")
    page.click("[data-add]")
    page.click(".sheet-body .btn-brand")
    page.fill("#f-name", "王芳")
    page.fill("#f-phone", "13800138000")
    choose_region(page, "浙江省", "杭州市", "西湖区")
    page.fill("#f-detail", "文三路 199 号")
    page.click("button[type=submit]")
    page.wait_for_selector("iframe", state="visible")
    sheet = sheet_of(page, stack)
    sheet.click("button.primary:has-text('确认支付')")
    sheet.click("button.primary:has-text('完成')")
    page.wait_for_selector("section[data-when=paid]:visible")

    db.session.rollback()
    wang = members.by_openid(WANG)
    assert wang is not None
    [order] = orders.orders_of(wang.id).items
    assert (order.status.value, order.payable_fen) == ("paid", 256_00)
    # The notice's own unit books the payment, the job after it the commissions.
    stack.job("outbox")
    db.session.rollback()
    assert ledger.wallet_of(lin.id) == Wallet(pending_fen=25_60)
    assert broken_invariants() == {}


def test_a_tap_before_the_scripts_are_there_is_made_once_they_are(phone, stack):
    wang = run_unit(members.enter, WANG, now=clock.now())
    order = place_order(wang, make_sku(price_fen=128_00, stock=5), now=clock.now())
    page = phone(WANG)
    held: list[Any] = []

    def keep(route: Any) -> None:
        held.append(route)

    page.route("**/h5/pay.js*", keep)

    page.goto(f"{stack.url}/orders/{order.number}/pay", wait_until="commit")
    page.click("[data-pay]")
    held.pop().continue_()

    page.wait_for_selector("iframe", state="visible")


def test_a_price_that_changed_is_shown_before_anything_is_ordered(phone, stack):
    wang = run_unit(members.enter, WANG, now=clock.now())
    make_address(wang)
    sku = make_sku(price_fen=128_00)
    page = phone(WANG)
    page.goto(f"{stack.url}/checkout?sku={sku.id}&quantity=1")
    with transaction():
        db.session.get_one(Sku, sku.id).price_fen = 129_00

    page.click("button[type=submit]")

    page.wait_for_selector("[role=alert]:has-text('由 ¥128.00 变为 ¥129.00')")
    db.session.rollback()
    assert orders.orders_of(wang.id).items == []
    page.click("button[type=submit]")
    page.wait_for_selector("iframe", state="visible")
    db.session.rollback()
    [order] = orders.orders_of(wang.id).items
    assert (order.status.value, order.payable_fen) == ("unpaid", 129_00)


def test_a_distributor_withdraws_and_confirms(phone, stack):
    now = clock.now()
    lin = run_unit(members.enter, LIN, now=now)
    make_distributor_of(lin, now=now)
    give_available(lin, 80_00, now=now)
    page = phone(LIN)

    page.goto(f"{stack.url}/me/wallet/withdraw")
    page.fill("#amount", "80.01")
    page.click(".actions button")
    assert "超过可提现余额 ¥80.00" in page.inner_text("#e-amount")
    # The script that fills it in comes after the text.
    page.wait_for_load_state("load")
    page.click("[data-fill]")
    page.click(".actions button")
    page.click("button:has-text('确认提现')")
    page.wait_for_selector("text=等待商家审核")
    [row] = withdrawals.withdrawals_of(lin.id).items
    run_unit(withdrawals.approve, row.id, actor=ADMIN, actor_member_id=None, now=now)
    withdrawals.pay(row.id, gateway=wechat.current().transfers, now=now)
    page.reload()
    page.click("[data-transfer]")
    page.wait_for_selector("iframe", state="visible")
    sheet = sheet_of(page, stack)
    sheet.click("button.primary:has-text('确认收款')")
    sheet.click("button.primary:has-text('完成')")
    page.wait_for_selector("h1:has-text('已到账')")

    db.session.rollback()
    assert ledger.wallet_of(lin.id) == Wallet()
    assert broken_invariants() == {}


def test_a_distributor_grants_to_receive_without_confirming_and_ends_it(phone, stack):
    now = clock.now()
    lin = run_unit(members.enter, LIN, now=now)
    with transaction():
        settings.change("withdraw.wechat_grant_on", True, actor=ADMIN, now=now)
    page = phone(LIN)

    page.goto(f"{stack.url}/me/wallet/withdraw")
    page.click("text=以后提现自动到账")
    page.click("button:has-text('去微信开通')")
    page.click("[data-transfer]")
    page.wait_for_selector("iframe", state="visible")
    sheet = sheet_of(page, stack)
    sheet.click("button.primary:has-text('同意授权')")
    sheet.click("button.primary:has-text('完成')")
    page.wait_for_selector("h1:has-text('已开通')")
    db.session.rollback()
    assert withdrawals.grants.to_pay_with(lin.id) is not None
    page.click("button:has-text('关闭自动到账')")
    page.click(".weui-dialog__btn_primary")
    page.wait_for_selector("h1:has-text('已关闭')")

    db.session.rollback()
    assert withdrawals.grants.newest_of(lin.id).close_reason == "CLOSE_VIA_MCH_API"


def test_two_things_go_through_the_cart(phone, stack):
    tea = make_sku(price_fen=128_00, title="高山绿茶")
    cup = make_sku(price_fen=59_00, title="马克杯", name="雾蓝")
    page = phone(WANG)

    for sku in (tea, cup):
        page.goto(f"{stack.url}/p/{sku.product_id}")
        page.click(".actions .btn-outline")
        page.click("[data-add-cart]")
        page.wait_for_selector("text=已加入购物车")
    assert page.inner_text("[data-cart-badge]") == "2"
    page.goto(f"{stack.url}/cart")
    page.click(".cart-line:has-text('高山绿茶') [aria-label=增加]")
    page.wait_for_selector(".cart-sum:has-text('315.00')")
    page.click(".cart-bar .btn-brand")
    page.fill("#f-name", "王芳")
    page.fill("#f-phone", "13800138000")
    choose_region(page, "浙江省", "杭州市", "西湖区")
    page.fill("#f-detail", "文三路 199 号")
    page.click("button[type=submit]")
    page.wait_for_selector("iframe", state="visible")
    sheet = sheet_of(page, stack)
    sheet.click("button.primary:has-text('确认支付')")
    sheet.click("button.primary:has-text('完成')")
    page.wait_for_selector("section[data-when=paid]:visible")

    page.goto(f"{stack.url}/cart")
    assert "购物车还是空的" in page.inner_text("main")
    db.session.rollback()
    wang = members.by_openid(WANG)
    assert wang is not None
    [order] = orders.orders_of(wang.id).items
    assert (order.status.value, order.payable_fen, len(order.lines)) == ("paid", 315_00, 2)
