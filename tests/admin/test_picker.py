"""Picking products in forms, without a script."""

import pytest
import sqlalchemy as sa

from app import content, settings
from app.content import BlockInput, Products
from app.content.sharing import Material
from app.core import clock
from app.core.db import db, run_unit
from app.settings import registry
from tests.admin.desk import NOWHERE, a_material
from tests.factories import ADMIN, make_sku

SETTING = "/admin/settings/distribution.join_products"


@pytest.fixture
def owner(admin_client, session):
    return admin_client("owner")


def test_the_products_to_join_by_are_searched_ticked_and_named(owner):
    tea, pot = make_sku(title="高山绿茶"), make_sku(title="紫砂壶")
    ids = [str(tea.product_id), str(pot.product_id)]

    found = owner.post(
        SETTING, data={"act": "find_products", "product_q": "绿茶", "value": ids[1]}
    ).text

    assert f'value="{ids[0]}"><' in found
    assert f'value="{ids[1]}" checked' in found
    assert settings.value(registry.JOIN_PRODUCTS) == ""
    assert owner.post(SETTING, data={"value": [*ids, "99999", "x"]}).status_code == 302
    assert settings.value(registry.JOIN_PRODUCTS) == ",".join(ids)
    assert "现在：高山绿茶、紫砂壶" in owner.get(SETTING).text


def test_more_products_than_allowed_are_refused(owner):
    ids = [str(make_sku(title=f"茶{n}").product_id) for n in range(21)]

    answer = owner.post(SETTING, data={"value": ids})

    assert (answer.status_code, "格式不正确" in answer.text) == (422, True)
    assert settings.value(registry.JOIN_PRODUCTS) == ""


def test_a_material_keeps_what_was_typed_while_a_product_is_searched(owner):
    sku, row = make_sku(title="高山绿茶"), a_material()
    url, typed = f"/admin/materials/{row.id}", {"text": "新文案", "is_active": "1"}

    page = owner.post(url, data=typed | {"act": "find_products", "product_q": "没有这件"}).text
    db.session.rollback()
    assert "没有找到可以添加的商品" in page
    assert "新文案" in page
    assert db.session.get_one(Material, row.id).product_id is None

    assert owner.post(url, data=typed | {"product_id": str(sku.product_id)}).status_code == 303
    assert db.session.get_one(Material, row.id).product_id == sku.product_id
    assert f'value="{sku.product_id}" checked' in owner.get(url).text


def test_a_home_block_takes_and_drops_products_without_a_script(owner):
    tea, pot = make_sku(title="高山绿茶").product_id, make_sku(title="紫砂壶").product_id
    given = BlockInput(Products("hand", (tea,)))
    block = run_unit(content.save, None, given, places=NOWHERE, actor=ADMIN, now=clock.now())
    url, form = f"/admin/home/blocks/{block.id}", {"rule": "hand", "limit": "6", "look": "grid"}

    page = owner.post(
        url, data=form | {"title": "精选", "product_ids": tea, "act": "find_products"}
    ).text
    saved = owner.post(
        url, data=form | {"title": "精选", "product_ids": [tea, pot], "drop_ids": tea}
    )

    assert f'name="product_ids" value="{pot}"' in page
    assert f'name="drop_ids" value="{tea}"' in page
    assert saved.status_code == 303
    db.session.rollback()
    assert content.block(block.id).typed.product_ids == (pot,)


def test_a_script_gets_twelve_rows_to_tick_and_only_for_who_may_see_products(
    owner, admin_client, client
):
    for number in range(14):
        make_sku(title=f"茶{number:02}")

    assert owner.get("/admin/products/pick?q=茶").text.count('class="pick-row"') == 12
    assert owner.get("/admin/products/pick?q=茶03").text.count('class="pick-row"') == 1
    assert client.get("/admin/products/pick").status_code == 302
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Material)) == 0
