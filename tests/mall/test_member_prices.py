"""Every list of products says what this member pays (会员价), as the product's page does."""

import pytest

from app import interests
from app.catalog import RowRule, Sku, SkuInput
from app.content import BlockInput, Products
from app.core.db import db, transaction
from tests.counting import counted
from tests.factories import NOON, make_category, make_distributor_of, make_member, make_product
from tests.mall.pages import text_of
from tests.mall.test_home import publish

LISTS = ["/", "/category", "/search", "/search?q=茶杯", "/me/favourites", "/me/history"]


@pytest.fixture
def cup(client, me) -> Sku:
    """100 yuan, for some 90; liked and looked at."""
    terms = SkuInput((), 100_00, member_price_fen=90_00, opening_stock=10)
    [sku] = make_product("陶瓷茶杯", category_id=make_category("茶具").id, skus=(terms,)).skus
    # The first page of a day counts its visitor.
    client.get("/me")
    with transaction():
        interests.like(me.id, sku.product_id, now=NOON)
        interests.visit({(me.id, sku.product_id): NOON})
    return sku


def prices(client, path: str) -> tuple[bool, bool, bool]:
    """Whether it shows the member price with its mark, the mark at all, and the shop's price."""
    page = text_of(client.get(path))
    assert "陶瓷茶杯" in page
    return "¥90.00 会员价" in page, "会员价" in page, "¥100.00" in page


@pytest.mark.parametrize("path", LISTS)
def test_a_list_shows_each_what_they_pay_and_asks_nothing_more(client, me, cup, path):
    with counted() as asked:
        before = prices(client, path)
    make_distributor_of(me)
    with counted() as asked_of_distributor:
        after = prices(client, path)

    assert before == (False, False, True)
    assert after == (True, True, False)
    assert len(asked_of_distributor) == len(asked)


def test_a_composed_home_does_so_too(client, me, cup):
    make_distributor_of(me)
    publish(BlockInput(Products(RowRule.HAND.value, (cup.product_id,)), "店长推荐"))

    assert prices(client, "/") == (True, True, False)


@pytest.mark.parametrize("path", ["/", "/category"])
def test_what_is_kept_for_many_is_kept_apart(app, client, me, cup, log_in, monkeypatch, path):
    monkeypatch.setattr(app.extensions["brief"], "seconds", 60)
    other = app.test_client()
    log_in(other, make_member("李雷"))
    make_distributor_of(me)

    assert prices(client, path) == (True, True, False)
    assert prices(other, path) == (False, False, True)


def test_a_fall_is_not_said_beside_a_price_of_another_kind(client, me, cup):
    with transaction():
        db.session.merge(cup).price_fen = 95_00
    before = text_of(client.get("/me/favourites"))
    make_distributor_of(me)

    after = text_of(client.get("/me/favourites"))

    assert "比收藏时降 ¥5.00" in before
    assert "比收藏时降" not in after
