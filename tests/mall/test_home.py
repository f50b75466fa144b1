"""The home page on the phone: composed, or plain while nothing is published."""

import pytest
import sqlalchemy as sa

from app import content
from app.catalog import RowRule
from app.content import (
    Banner,
    BlockInput,
    Categories,
    Line,
    Notice,
    Picture,
    Pictures,
    Places,
    Products,
)
from app.core.db import db, run_unit
from tests.factories import ADMIN, NOON, make_category, make_product
from tests.mall.pages import text_of

PLACES = Places("", frozenset(), lambda _path: True)
PICTURE = Picture("p/a.jpg", 960, 410, "春茶上新", "/category")


def publish(*given: BlockInput) -> None:
    for each in given:
        run_unit(content.save, None, each, places=PLACES, actor=ADMIN, now=NOON)
    run_unit(content.publish, places=PLACES, actor=ADMIN, now=NOON)


def everything() -> list[BlockInput]:
    category = make_category("茶饮")
    product = make_product("高山绿茶", category_id=category.id, tags=("送礼",))
    return [
        BlockInput(Banner((PICTURE, PICTURE))),
        BlockInput(Notice((Line("满 99 元包邮", "/help"),))),
        BlockInput(Categories()),
        BlockInput(Pictures(2, (PICTURE, PICTURE))),
        BlockInput(Products(RowRule.HAND.value, (product.id,)), "店长推荐"),
        BlockInput(Products(RowRule.NEW.value), "新品"),
        BlockInput(Products(RowRule.SOLD.value), "热卖"),
        BlockInput(Products(RowRule.CATEGORY.value, category_id=category.id), "好茶"),
        BlockInput(Products(RowRule.TAG.value, tag="送礼"), "送礼"),
    ]


@pytest.fixture
def queries(app):
    """The statements that were executed."""
    found: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN")):
            found.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(db.engine, "before_cursor_execute", note)


def test_every_kind_of_block_is_shown_in_its_order(client, me):
    publish(*everything())

    page = text_of(client.get("/"))

    places = [
        page.index(text) for text in ("满 99 元包邮", "茶饮", "店长推荐", "新品", "热卖", "好茶")
    ]
    assert places == sorted(places)


def test_home_asks_few_questions_however_many_rows_it_has(client, me, queries):
    publish(*everything())
    client.get("/")
    db.session.expire_all()
    queries.clear()

    client.get("/")

    assert len(queries) == 6, queries


def test_only_the_first_picture_is_not_lazy(client, me):
    publish(*everything())

    page = client.get("/").text

    assert page.count("fetchpriority=high") == 1
    assert page.count("loading=lazy") == page.count("<img ") - 1
    assert page.count("<img ") == page.count(" width=") == page.count(" alt=")


def test_a_block_with_nothing_to_show_is_left_out(client, me):
    publish(
        BlockInput(Products(RowRule.NEW.value), "新品上架"), BlockInput(Notice((Line("包邮"),)))
    )

    assert "新品上架" not in client.get("/").text


def test_without_a_version_the_plain_list_is_shown(client, me):
    make_product("高山绿茶", category_id=make_category("茶饮").id)

    page = text_of(client.get("/"))

    assert "高山绿茶" in page
    assert "茶饮" in page


def test_a_version_that_shows_nothing_now_falls_back(client, me):
    make_product("高山绿茶")
    publish(BlockInput(Notice((Line("已经结束"),)), shown_until=NOON))

    page = client.get("/").text

    assert "高山绿茶" in page
    assert "已经结束" not in page


def test_an_empty_shop_says_what_to_do(client, me):
    page = client.get("/").text

    assert "商品正在上架，请稍后再来" in page
    assert 'href="/help"' in page
