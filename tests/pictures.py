"""The pictures of docs/pictures: the demo's shop after a month of sales, in a real browser.

`scripts/pictures` starts the mall and the sandbox on a database of its own, lets people
buy, and writes one small WebP for each page. Needs Chromium (TEST_CHROMIUM names another).
"""

import io
import os
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from app import demo, members
from app.admin.auth import COOKIE
from app.admin.models import Role
from app.catalog import Product, Sku
from app.core import clock, web
from app.core.db import db
from app.members import Member
from config import ROOT
from tests.admin.desk import ask_for, browser_of, draft_plan, with_factor
from tests.factories import (
    bind,
    give_available,
    make_address,
    make_member,
    paid_order,
    place_order,
    received_order,
)
from tests.stack import Stack, serving

FOLDER = ROOT / "docs" / "pictures"
PHONE = {"width": 375, "height": 812}
DESK = {"width": 1280, "height": 800}
BUYERS = ("王芳", "李静", "张伟", "赵磊", "孙丽", "周婷", "吴昊", "郑洁")


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        with serving(f"sqlite:///{name}/pictures.db", Path(name)) as stack:
            with stack.app.app_context():
                number, token = _month(clock.now())
            with sync_playwright() as play:
                path = os.environ.get("TEST_CHROMIUM", "/usr/bin/chromium")
                browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
                total = _phone(browser, stack, number) + _desk(browser, stack, token)
                browser.close()
    sys.stdout.write(f"{total // 1024} KB in {FOLDER.relative_to(ROOT)}\n")
    return 0


def _month(now: datetime) -> tuple[str, str]:
    """A month of sales; 陈梅's newest order and an owner's session."""
    demo.seed(now - timedelta(days=45), web.settings().data_dir / "media")
    chen = members.by_openid(demo.CHEN_MEI[0])
    # Without freight, so that a price is what is paid.
    free = sa.select(Product.id).where(Product.freight_template_id.is_(None))
    skus = list(
        db.session.scalars(
            sa.select(Sku).where(Sku.product_id.in_(free), Sku.stock >= 30).order_by(Sku.id)
        )
    )
    buyers = [make_member(name, now=now - timedelta(days=44)) for name in BUYERS]
    for buyer in buyers:
        bind(buyer, chen, now=now - timedelta(days=43))
    for day in range(30, 0, -1):
        at = now - timedelta(days=day)
        for turn in range(1 + day * 7 % 4):
            buyer, sku = buyers[(day + turn) % len(buyers)], skus[(day * 3 + turn) % len(skus)]
            _sell(buyer, sku, at=at, is_old=day > 3)
    for buyer, fen in zip(buyers, (188_00, 60_00, 36_50)):
        give_available(buyer, fen + 20_00, now=now - timedelta(days=2))
        ask_for(buyer, fen, key=f"picture-{fen}")
    give_available(chen, 86_40, now=now)
    ask_for(chen, 50_00, key="picture-chen")
    make_address(chen)
    place_order(chen, skus[0], now=now)
    newest = paid_order(chen, skus[1], 2, now=now)
    draft_plan()
    owner = with_factor("chendian", Role.OWNER)
    cookie = browser_of(web.this_app(), owner, proved=timedelta(0)).get_cookie(
        COOKIE, path="/admin"
    )
    assert cookie is not None
    return newest.number, cookie.value


def _sell(buyer: Member, sku: Sku, *, at: datetime, is_old: bool) -> None:
    sell = received_order if is_old else paid_order
    sell(buyer, sku, now=at)


# --- taking them -------------------------------------------------------------------------


def _phone(browser: Browser, stack: Stack, number: str) -> int:
    context = browser.new_context(viewport=PHONE, has_touch=True, device_scale_factor=1.5)
    context.set_extra_http_headers({"User-Agent": "Mozilla/5.0 MicroMessenger/8.0.50"})
    person = {"name": "sandbox_person", "value": demo.CHEN_MEI[0], "domain": "127.0.0.1"}
    context.add_cookies([{**person, "path": "/"}])
    page = context.new_page()
    page.goto(stack.url)
    return sum(
        _take(page, stack.url + path, name)
        for name, path in (
            ("home", "/"),
            ("product", "/p/2"),
            ("checkout", "/checkout?sku=2&quantity=1"),
            ("order", f"/orders/{number}"),
            ("distribution", "/me/distribution"),
            ("wallet", "/me/wallet"),
        )
    )


def _desk(browser: Browser, stack: Stack, token: str) -> int:
    context = browser.new_context(viewport=DESK)
    context.add_cookies([{"name": COOKIE, "value": token, "domain": "127.0.0.1", "path": "/admin"}])
    page = context.new_page()
    return sum(
        _take(page, f"{stack.url}/admin/{path}", f"admin-{name}")
        for name, path in (
            ("dashboard", ""),
            ("orders", "orders"),
            ("withdrawals", "withdrawals"),
            ("plans", "plans"),
        )
    )


def _take(page: Any, url: str, name: str) -> int:
    """One picture; its size in bytes."""
    answer = page.goto(url)
    assert answer.status == 200, f"{url}: {answer.status}"
    page.wait_for_load_state("networkidle")
    target = FOLDER / f"{name}.webp"
    Image.open(io.BytesIO(page.screenshot(animations="disabled"))).save(
        target, quality=78, method=6
    )
    return target.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
