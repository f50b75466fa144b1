"""One sale end to end in a real browser, as a newcomer plays it with scripts/run.

The phone is the sandbox's page with the mall inside; the desk is a second browser.
`WALK_SHOTS=folder` keeps a picture of each step.
"""

import os
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from app import distribution, ledger, members
from app.core import clock
from app.core.db import db, run_unit
from tests.factories import broken_invariants
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "窗前明月光-疑是地上霜-举头"


class Watched:
    """A page whose script errors and CSP violations fail the test."""

    def __init__(self, browser: Browser, width: int, height: int) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(40_000)
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on(
            "console",
            lambda m: self.problems.append(m.text) if "Content Security Policy" in m.text else None,
        )

    def shot(self, name: str) -> None:
        if folder := os.environ.get("WALK_SHOTS"):
            self.page.wait_for_timeout(400)
            self.page.screenshot(path=f"{folder}/{name}.png")


class Phone(Watched):
    """The sandbox's phone."""

    def __init__(self, browser: Browser, stack: Stack) -> None:
        super().__init__(browser, 1280, 900)
        self.stack = stack
        self.page.goto(stack.sandbox_url + "/")

    def become(self, name: str) -> None:
        self.page.click(f".person:has-text('{name}')")
        self.page.wait_for_selector(f".person.on:has-text('{name}')")

    def scan(self, text: str) -> None:
        self.page.click("#dock-scan")
        self.page.click(f".code:has-text('{text}')")

    def open(self, path: str) -> Frame:
        """The mall's page at `path` inside the phone, logged in."""
        self.page.click("#dock-mall")
        self.page.frame_locator("#web-frame iframe").locator("body").wait_for()
        frame = self.frame()
        frame.goto(self.stack.url + path)
        return frame

    def frame(self) -> Frame:
        handle = self.page.wait_for_selector("#web-frame iframe")
        frame = handle.content_frame() if handle else None
        assert frame is not None
        return frame

    def agree(self, text: str) -> None:
        """Confirm WeChat's own sheet."""
        self.page.click(f".sheet button:has-text('{text}')")
        self.page.click(".sheet button:has-text('完成')")


def confirm(frame: Frame, text: str) -> None:
    """Answer yes to a dialog of the page."""
    frame.click(f"[role=alertdialog] button:has-text('{text}')")


def flask(stack: Stack, *arguments: str) -> str:
    result = stack.app.test_cli_runner().invoke(args=list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_sale_from_scan_to_payout(stack: Stack, chromium: Browser):
    flask(stack, "demo", "seed")
    link = flask(stack, "admin", "create", "boss").strip()
    flask(stack, "wechat", "menu", "push")
    flask(stack, "jobs", "run", "renew-scenes")
    chen = members.by_openid("oSandbox_chenmei_00000000002")
    assert chen is not None
    chen_id = chen.id
    code = run_unit(distribution.referral_code, chen_id, now=clock.now()).code
    phone = Phone(chromium, stack)
    desk = Watched(chromium, 1280, 800)

    # 王芳 follows by 陈梅's code.
    phone.become("王芳")
    phone.scan(code)
    expect(phone.page.locator(".theirs .bubble").last).to_contain_text("你已接受陈梅的邀请")
    phone.shot("01-followed")

    # She buys a box of tea.
    frame = phone.open("/")
    phone.shot("02-home")
    frame.click("text=高山云雾绿茶")
    frame.wait_for_url("**/p/*")
    phone.shot("03-product")
    frame.click(".actions .btn-brand")
    phone.shot("04-sheet")
    frame.click(".sheet-body .btn-brand")
    frame.wait_for_url("**/checkout*")
    frame.fill("[name=name]", "王芳")
    frame.fill("[name=phone]", "13812345678")
    frame.click("[name=region]")
    for name in ("浙江省", "杭州市", "西湖区"):
        frame.click(f".region-place:text-is('{name}')")
    frame.fill("[name=detail]", "文三路 1 号 2 单元 301")
    phone.shot("05-checkout")
    frame.click("button:has-text('提交订单')")
    expect(phone.page.locator(".sheet-pay .money")).to_contain_text("128.00")
    phone.shot("07-sheet")
    phone.agree("确认支付")
    frame.wait_for_url("**/result")
    expect(frame.locator("body")).to_contain_text("支付成功")
    phone.shot("08-paid")
    number = frame.url.split("/")[-2]

    # 陈梅 sees what she earned and why.
    stack.job("outbox")
    phone.become("陈梅")
    frame = phone.open("/me/distribution/commissions")
    expect(frame.locator("main")).to_contain_text("12.80")
    phone.shot("09-commissions")
    frame.click("main a:has-text('12.80')")
    expect(frame.locator("main")).to_contain_text("10%")
    phone.shot("10-why")

    # The admin sets a password and ships.
    desk.page.goto(link)
    desk.page.fill("[name=password]", PASSWORD)
    desk.page.fill("[name=again]", PASSWORD)
    desk.shot("11-setup")
    desk.page.click("button:has-text('保存并登录')")
    expect(desk.page.locator("body")).to_contain_text("待发货")
    desk.shot("12-dashboard")
    desk.page.goto(f"{stack.url}/admin/orders/{number}")
    desk.page.select_option("[name=carrier]", index=1)
    desk.page.fill("[name=tracking_number]", "SF1234567890")
    desk.shot("13-order")
    desk.page.click("button:has-text('发货')")
    desk.page.locator(".modal.show button:has-text('确认发货')").click()
    expect(desk.page.locator("body")).to_contain_text("SF1234567890")
    desk.shot("14-shipped")

    # 王芳 confirms that it arrived.
    phone.become("王芳")
    frame = phone.open(f"/orders/{number}")
    expect(frame.locator("body")).to_contain_text("SF1234567890")
    phone.shot("15-order")
    frame.click("button:has-text('确认收货')")
    confirm(frame, "确认收货")
    expect(frame.locator(".state")).to_contain_text("已确认收货")

    # The return window passes.
    later = (clock.now() + timedelta(days=16)).isoformat()
    settled = stack.job("settle", later)
    assert settled == {"orders": 1, "rows": 2, "members": 2, "amount_fen": 19_20}

    # 陈梅 withdraws everything.
    phone.become("陈梅")
    frame = phone.open("/me/wallet")
    expect(frame.locator("main")).to_contain_text("12")
    phone.shot("16-wallet")
    frame.click("text=提现 >> nth=-1")
    frame.wait_for_url("**/withdraw")
    frame.fill("[name=amount]", "12.80")
    phone.shot("17-withdraw")
    frame.click("button:has-text('下一步')")
    phone.shot("18-confirm")
    frame.click("button:has-text('确认提现')")
    frame.wait_for_url("**/withdrawals/*")
    phone.shot("19-submitted")
    withdrawal = frame.url.split("/")[-1]

    # The admin approves, the job pays.
    desk.page.goto(f"{stack.url}/admin/withdrawals/{withdrawal}")
    desk.shot("20-review")
    desk.page.click("button:has-text('通过')")
    desk.page.locator(
        ".modal.show button:has-text('确认通过'), .modal.show button:has-text('通过')"
    ).last.click()
    expect(desk.page.locator("main, .page-wrapper").last).to_contain_text("立即打款")
    assert stack.job("pay-withdrawals") == {"due": 1, "WAIT_USER_CONFIRM": 1}
    desk.page.reload()
    desk.shot("21-sent")

    # 陈梅 takes the money in WeChat.
    frame.goto(f"{stack.url}/me/wallet/withdrawals/{withdrawal}")
    phone.shot("22-take")
    frame.click("[data-transfer]")
    phone.agree("确认收款")
    expect(frame.locator(".state")).to_contain_text("到账")
    phone.shot("23-paid")

    def is_paid() -> bool:
        db.session.rollback()
        return ledger.wallet_of(chen_id) == ledger.Wallet()

    wait_for(is_paid)
    assert ledger.system_balance_fen(ledger.AccountKind.WORLD_WX) == -(128_00 - 12_80)
    assert ledger.system_balance_fen(ledger.AccountKind.SHOP) == 128_00 - 19_20
    assert broken_invariants() == {}
    assert '"ok": true' in flask(stack, "ledger", "verify", "--json")
    assert phone.problems == []
    assert desk.problems == []
