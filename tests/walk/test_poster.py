"""From a product's page to a poster, from the poster to a friend who belongs to one."""

import io
from datetime import timedelta

import pytest
import requests
import zxingcpp
from PIL import Image

from app import members
from app.core import clock
from app.core.db import db, run_unit
from tests.factories import broken_invariants, code_of, make_distributor_of, make_plan, make_sku
from tests.mall.test_browser import LIN, WANG, phone  # noqa: F401  The fixture.

pytestmark = pytest.mark.browser


def test_two_taps_make_a_poster_and_its_code_binds(phone, stack):  # noqa: F811
    now = clock.now()
    make_plan(now=now - timedelta(minutes=1))
    lin = run_unit(members.enter, LIN, now=now)
    make_distributor_of(lin, now=now)
    sku = make_sku(price_fen=128_00)
    hers = phone(LIN)
    hers.goto(f"{stack.url}/p/{sku.product_id}")

    hers.click(".share-line")
    hers.click("[data-copy]")
    hers.wait_for_selector("text=已复制")
    hers.wait_for_function("() => document.querySelector('.poster').complete")
    address = hers.get_attribute(".poster", "src")
    # As WeChat does after a long press: once more, and without any cookie.
    file = requests.get(stack.url + address, timeout=20)
    small = Image.open(io.BytesIO(file.content)).resize((375, 667), Image.Resampling.BILINEAR)
    [found] = zxingcpp.read_barcodes(small)
    assert found.text == f"{stack.url}/r/{code_of(lin)}?to=/p/{sku.product_id}"

    his = phone(WANG)
    his.goto(found.text)
    his.wait_for_selector(".product-title")

    assert his.url.split("#")[0] == f"{stack.url}/p/{sku.product_id}"
    db.session.rollback()
    wang = members.by_openid(WANG)
    assert wang is not None
    assert wang.upline1_id == lin.id
    assert broken_invariants() == {}
