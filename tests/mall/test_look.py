"""How every page of the mall looks in a real browser: width, quiet, reading aloud, weight."""

import functools
import gzip
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import url_for

from app import aftersales, demo, members, settings
from app.catalog import Product, Sku
from app.commission import Commission
from app.core import clock, preview, web
from app.core.db import db, run_unit, transaction
from tests.admin.desk import a_bonus, an_article, ask_for
from tests.factories import SYSTEM, give_available, make_address, paid_order, place_order
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LIN, CHEN = demo.LIN_JIE[0], demo.CHEN_MEI[0]
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
# What is asked of a page; where WeUI's own parts or a shop's colour decide, we cannot.
RULES = [
    *("aria-allowed-attr", "aria-hidden-focus", "aria-required-attr", "aria-required-children"),
    *("aria-roles", "aria-valid-attr", "aria-valid-attr-value", "button-name", "document-title"),
    *("duplicate-id-aria", "form-field-multiple-labels", "html-has-lang", "image-alt", "label"),
    *("input-button-name", "link-name", "list", "listitem", "nested-interactive"),
    *("role-img-alt", "scrollable-region-focusable", "select-name", "svg-img-alt"),
    *("aria-dialog-name", "meta-viewport", "tabindex", "landmark-unique"),
]
# Answers for a script or a picture, and addresses that only lead on.
NO_PAGES = {
    *("mall.media", "mall.theme", "mall.js_config", "mall.home_preview", "mall.search_suggest"),
    *("mall.my_code_picture", "mall.pickup_picture", "mall.oauth_callback", "mall.referral"),
    *(
        "mall.poster_file",
        "mall.order_state",
        "mall.withdrawal_state",
        "mall.auto_receipt_state",
        "mall.checkout",
        "mall.my_data_file",
    ),
    *("mall.statement_pdf", "mall.statement_csv", "mall.certificate_pdf"),
    # These want an order that was received, a review, a settlement; their tests open them.
    *("mall.review_form", "mall.review_more", "mall.settlement"),
}


@pytest.fixture(scope="module")
def draw_once() -> Callable[[Path], None]:
    """Draws the demo's pictures at the first call; the folder outlives the test."""
    return functools.cache(demo.draw_pictures)


@pytest.fixture
def shop(
    stack: Stack, draw_once: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The demo's shop, with something of 林杰's on every page; values for addresses."""
    now = clock.now()
    monkeypatch.setattr(demo, "draw_pictures", draw_once)
    demo.seed(now, web.settings().data_dir / "media")
    lin, chen = members.by_openid(LIN), members.by_openid(CHEN)
    sku = db.session.scalars(sa.select(Sku).order_by(Sku.id).limit(1)).one()
    with transaction():
        settings.change("order.balance_pay_on", True, actor=SYSTEM, now=now)
        settings.change("withdraw.wechat_grant_on", True, actor=SYSTEM, now=now)
        members.set_profile(lin.id, nickname="欧阳慕容·西湖边卖茶的老林 Lin Jie", avatar_url="")
    address = make_address(lin)
    unpaid = place_order(lin, sku, now=now)
    order = paid_order(lin, sku, now=now)
    paid_order(chen, sku, 20, now=now)
    give_available(lin, 12_345_678_90, now=now)
    withdrawal = ask_for(lin, 200_00)
    returned = paid_order(lin, sku, 3, now=now)
    aftersale = run_unit(
        aftersales.apply,
        lin.id,
        returned.id,
        kind=aftersales.AfterSaleKind.REFUND,
        wanted=[aftersales.Wanted(returned.lines[0].id, 1)],
        reason="不想要了",
        description="颜色和想象的不太一样，想先退一件，其余两件照常发货就好",
        now=now,
    )
    return {
        "product_id": db.session.scalars(sa.select(sa.func.min(Product.id))).one(),
        "address_id": address.id,
        "number": order.number,
        "withdrawal": withdrawal.number,
        "month": clock.local(now).strftime("%Y-%m"),
        "aftersale": aftersale.number,
        "commission_id": db.session.scalars(
            sa.select(Commission.id).filter_by(member_id=lin.id)
        ).first(),
        "sku": sku.id,
        "unpaid": unpaid.number,
        "token": preview.product_token(sku.product_id),
        "result_id": a_bonus(lin).id,
        "article_id": an_article("怎样分享才不打扰朋友", is_required=True).id,
    }


def pages(stack: Stack, shop: dict[str, Any]) -> list[str]:
    """The address of every page of the mall."""
    found = []
    with stack.app.test_request_context(base_url=stack.url):
        for rule in stack.app.url_map.iter_rules():
            if not rule.endpoint.startswith("mall.") or "GET" not in rule.methods:
                continue
            if rule.endpoint in NO_PAGES:
                continue
            values = {name: shop[name] for name in rule.arguments}
            if "number" in values and "withdraw" in rule.rule:
                values["number"] = shop["withdrawal"]
            if "number" in values and rule.rule.startswith("/me/aftersales/"):
                values["number"] = shop["aftersale"]
            found.append(url_for(rule.endpoint, **values))
    found += [f"/orders/{shop['unpaid']}/pay{way}" for way in ("", "?way=balance")]
    return [*found, f"/checkout?sku={shop['sku']}&quantity=1", "/search?q=茶", "/category?id=1"]


@pytest.fixture
def phone(chromium: Any, stack: Stack) -> Any:
    """A page in 林杰's hand; what its console says is kept in `said`."""
    context = chromium.new_context(viewport={"width": 375, "height": 812}, has_touch=True)
    context.add_cookies(
        [{"name": "sandbox_person", "value": LIN, "domain": "127.0.0.1", "path": "/"}]
    )
    context.set_extra_http_headers({"User-Agent": "Mozilla/5.0 MicroMessenger/8.0.50"})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.said = []
    page.on("pageerror", lambda error: page.said.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda m: page.said.append(f"{page.url}: {m.text}") if m.type == "error" else None,
    )
    page.goto(stack.url)
    yield page
    context.close()


def test_no_page_is_too_wide_complains_or_shuts_anybody_out(phone, stack, shop):
    """One walk: each page is opened once, read by axe, and seen in every width."""
    assert AXE.is_file(), "run scripts/assets.py"
    source = AXE.read_text()
    too_wide, shut_out = [], []
    for address in pages(stack, shop):
        answer = phone.goto(stack.url + address)
        assert answer.status == 200, address
        # Through the driver, not as a script tag: the page's own policy stays as it is.
        phone.evaluate(source)
        result = phone.evaluate(
            "rules => axe.run(document, {runOnly: {type: 'rule', values: rules}})", RULES
        )
        shut_out += [
            f"{address}: {violation['id']}: {node['html'][:140]}"
            for violation in result["violations"]
            for node in violation["nodes"]
        ]
        # The phone's own width comes last, for the next page is opened in it.
        for width in (320, 430, 1280, 375):
            phone.set_viewport_size({"width": width, "height": 812})
            seen = phone.evaluate("document.documentElement.scrollWidth")
            if seen > width:
                too_wide.append((address, width, seen))

    assert shut_out == []
    assert too_wide == []
    assert phone.said == []


def test_nothing_jumps_while_pictures_come(phone, stack, shop):
    phone.add_init_script(
        "window.shifted = 0; new PerformanceObserver(list => list.getEntries().forEach("
        "entry => { if (!entry.hadRecentInput) window.shifted += entry.value; }))"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    measured = {}
    addresses = ("/", "/category", f"/p/{shop['product_id']}", "/search?q=茶", "/cart")
    for width, address in itertools.product((320, 430), addresses):
        phone.set_viewport_size({"width": width, "height": 812})
        phone.goto(stack.url + address)
        phone.wait_for_load_state("networkidle")
        phone.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        phone.wait_for_load_state("networkidle")
        measured[width, address] = phone.evaluate("window.shifted")

    assert {where: value for where, value in measured.items() if value >= 0.1} == {}
    # That the measure would have seen it: something comes late and pushes the rest down.
    phone.goto(stack.url)
    phone.evaluate(
        "() => { const late = document.createElement('p'); late.textContent = '迟到';"
        " late.style.height = '300px'; document.body.prepend(late); }"
    )
    # Not wait_for_function: the page's own policy refuses to evaluate its string.
    wait_for(lambda: phone.evaluate("() => window.shifted > 0.1"))


def test_the_first_page_is_light(phone, stack, shop):
    """Without pictures, as nginx sends it: gzip for all that is text."""
    sizes: dict[str, int] = {}

    def weigh(response: Any) -> None:
        kind = response.request.resource_type
        if kind in ("image", "media") and not response.url.partition("?")[0].endswith(".svg"):
            return
        if response.url.startswith(stack.url):
            sizes[response.url] = len(gzip.compress(response.body(), 5))

    phone.on("response", weigh)
    phone.goto(stack.url)
    phone.wait_for_load_state("networkidle")

    assert len(sizes) >= 5
    assert sum(sizes.values()) < 100 * 1024, sizes


def test_a_dialog_keeps_the_focus_and_gives_it_back(phone, stack, shop):
    phone.goto(f"{stack.url}/p/{shop['product_id']}")
    phone.click(".actions [data-open-sheet] >> nth=0")
    phone.wait_for_selector(".sheet.is-open")
    inside = "document.querySelector('.sheet').contains(document.activeElement)"

    for key in ["Tab"] * 30 + ["Shift+Tab"] * 35:
        phone.keyboard.press(key)
        assert phone.evaluate(inside)

    phone.keyboard.press("Escape")
    phone.wait_for_selector(".sheet.is-open", state="detached")
    assert phone.evaluate("document.activeElement.hasAttribute('data-open-sheet')")
