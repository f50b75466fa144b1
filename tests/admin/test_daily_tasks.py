"""The ten tasks of a day at the desk, each from its one page, with the clicks it takes."""

import pytest

from app import catalog, distribution, reviews, settings
from app.admin.auth import COOKIE
from app.aftersales import AfterSale, AfterSaleStatus
from app.core import clock
from app.core.db import db
from app.distribution import DistributorStatus
from app.orders import Oddity, OrderStatus, order_by_number
from app.settings import registry
from app.withdrawals import Withdrawal, WithdrawalStatus
from tests.admin.desk import browser_of, fill, make_admin
from tests.factories import make_member, make_product, make_sku, paid_order

pytestmark = [pytest.mark.browser, pytest.mark.slow]
YES = ".modal.show .modal-footer [type=submit], .modal.show .modal-footer .btn-primary"


class Hand:
    """Somebody at the desk; counts what is clicked, or chosen, since a page was opened."""

    def __init__(self, page, url):
        self.page, self.url, self.clicks = page, url, 0

    def at(self, path):
        self.clicks = 0
        self.page.goto(f"{self.url}/admin{path}")

    def click(self, what):
        self.clicks += 1
        self.page.click(what)

    def choose(self, field, file):
        self.clicks += 1
        self.page.set_input_files(field, [file])

    def sees(self, text):
        """The answer is there; how many clicks it took."""
        self.page.wait_for_selector(f"text={text}")
        db.session.rollback()
        return self.clicks


@pytest.fixture
def hand(stack, chromium):
    cookie = browser_of(stack.app, make_admin("boss")).get_cookie(COOKIE, path="/admin")
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies(
        [{"name": cookie.key, "value": cookie.value, "domain": "127.0.0.1", "path": "/admin"}]
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield Hand(page, stack.url)
    context.close()


def test_each_of_the_ten_daily_tasks_is_done_on_one_page_in_three_clicks_at_most(hand):
    desk, now, page = fill(), clock.now(), hand.page
    product_id = make_product("明前龙井", is_on_shelf=False).id
    sku_id = catalog.product(product_id).skus[0].id
    ready = make_sku(title="紫砂壶")
    buyer = make_member("欧阳慕容", now=now)
    sent, imported = (paid_order(buyer, ready, now=now).number for _ in range(2))
    db.session.rollback()
    clicks = {}

    hand.at("/orders/shipping")
    page.fill("input[name=carrier_all]", "顺丰速运")
    page.fill(f"input[aria-label='{sent} 的快递单号']", "SF0000001")
    hand.click("form[data-enter-next] button[type=submit]")
    hand.click(YES)
    clicks["ship"] = hand.sees("已发货 1 笔订单")
    assert order_by_number(sent).status is OrderStatus.SHIPPED

    rows = f"订单号,快递公司,快递单号\n{imported},顺丰速运,SF0000002\n".encode()
    hand.at("/orders/shipping")
    hand.choose("input[name=file]", {"name": "单号.csv", "mimeType": "text/csv", "buffer": rows})
    hand.click("button:has-text('导入并发货')")
    hand.click(YES)
    clicks["import"] = hand.sees("已发货 1 笔订单")
    assert order_by_number(imported).tracking_number == "SF0000002"

    hand.at(f"/aftersales/{desk.aftersale.number}")
    hand.click("button:has-text('同意退款')")
    hand.click(YES)
    clicks["after-sale"] = hand.sees("已同意，退款由任务在一分钟内发往微信")
    assert db.session.get_one(AfterSale, desk.aftersale.id).status is not AfterSaleStatus.APPLIED

    hand.at("/distributors?state=applied")
    hand.click("button:has-text('通过')")
    hand.click(YES)
    clicks["application"] = hand.sees("已通过，对方现在可以推广")
    applicant = distribution.distributor_by_id(desk.applicant.id)
    assert applicant.status is DistributorStatus.APPROVED

    hand.at("/withdrawals?state=submitted")
    hand.click("input[data-tick-all]")
    hand.click("button:has-text('批量通过')")
    hand.click("button:has-text('确认通过这')")
    clicks["withdrawal"] = hand.sees("已通过 1 笔")
    withdrawal = db.session.get_one(Withdrawal, desk.withdrawal.id)
    assert withdrawal.status is WithdrawalStatus.APPROVED

    hand.at("/oddities")
    hand.click("button:has-text('写明处理结果')")
    page.fill(".modal.show textarea", "已于商户平台退款")
    hand.click(YES)
    clicks["oddity"] = hand.sees("没有待处理的异常")
    assert db.session.get_one(Oddity, desk.oddity.id).resolution == "已于商户平台退款"

    hand.at(f"/products/{product_id}/stock")
    page.fill(f"input[name=count-{sku_id}]", "250")
    hand.click("button:has-text('保存盘点结果')")
    clicks["restock"] = hand.sees("库存已更新：1 个规格有变化")
    assert catalog.product(product_id).skus[0].stock == 250

    hand.at("/products?q=明前龙井")
    hand.click("tr:has-text('明前龙井') button:has-text('上架')")
    hand.click(YES)
    clicks["shelf"] = hand.sees("商品已上架")
    assert catalog.product(product_id).is_on_shelf

    hand.at(f"/reviews/{desk.review_id}")
    page.fill("textarea[name=reply]", "谢谢您的喜欢")
    hand.click("button:has-text('保存回复')")
    clicks["review"] = hand.sees("回复已保存")
    assert reviews.review(desk.review_id).reply == "谢谢您的喜欢"

    hand.at(f"/products/{product_id}")
    page.fill("input[name=sku_price]", "128.00")
    hand.click("main form[data-product-form] button[type=submit]")
    clicks["price"] = hand.sees("商品已保存")
    assert catalog.product(product_id).skus[0].price_fen == 128_00

    hand.at("/members")
    page.keyboard.press("/")
    page.keyboard.type("欧阳慕容")
    page.keyboard.press("Enter")
    page.wait_for_url("**wanted=*")
    hand.click("a:has-text('欧阳慕容')")
    page.wait_for_url("**/admin/members/*")
    clicks["customer"] = hand.sees(sent)
    assert "付款订单" in page.inner_text("main")

    assert clicks == {
        "ship": 2,
        "import": 3,
        "after-sale": 2,
        "application": 2,
        "withdrawal": 3,
        "oddity": 2,
        "restock": 1,
        "shelf": 2,
        "review": 1,
        "price": 1,
        "customer": 1,
    }


def test_products_are_picked_while_one_types(hand):
    sku = make_sku(title="高山绿茶")
    make_sku(title="紫砂壶")
    product_id, page = sku.product_id, hand.page
    db.session.rollback()
    hand.at("/settings/distribution.join_products")

    page.fill("input[name=product_q]", "绿茶")
    page.wait_for_selector("[data-pick-found] >> text=高山绿茶")
    assert page.inner_text("[data-pick-said]") == "找到 1 件，勾选后保存"
    page.focus("[data-pick-found] input")
    page.keyboard.press("Space")
    page.fill("input[name=product_q]", "没有这件")
    page.wait_for_selector("text=没有找到可以添加的商品")
    assert page.is_checked("[data-pick-chosen] input")
    hand.click("main button:has-text('保存')")
    hand.sees("已保存，立即生效")

    assert settings.value(registry.JOIN_PRODUCTS) == str(product_id)
