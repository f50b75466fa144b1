"""Browsing and searching over HTTP: what is shown, in which order, and what is offered instead."""

import html
import re

import pytest
from sqlalchemy import event

from app import catalog
from app.catalog import SkuInput
from app.core.db import db, run_unit
from tests.factories import ADMIN, NOON, days, make_category, make_freight, make_product
from tests.mall.pages import text_of


def titles(page: str) -> list[str]:
    return re.findall(r'class="(?:tile|goods)-title">([^<]*)<', page)


@pytest.fixture
def shop(session, me):
    """Two categories with three products."""
    tea, home = make_category("茶饮"), make_category("家居")
    green = make_category("绿茶", parent=tea)
    make_product("高山绿茶", category_id=green.id, tags=("送礼",), sort=1)
    make_product("普洱沱茶", category_id=tea.id, sort=2, skus=(SkuInput((), 60_00),))
    make_product("陶瓷茶杯", category_id=home.id, sort=3)
    return {"tea": tea.id, "green": green.id, "home": home.id}


def test_home_leads_to_search_and_categories(client, shop):
    page = client.get("/").text

    assert titles(page) == ["高山绿茶", "普洱沱茶", "陶瓷茶杯"]
    assert 'href="/search"' in page
    assert f'href="/category?id={shop["tea"]}"' in page
    tabs = re.findall(r"</svg>(?:<em[^>]*>\d+</em>)?<span>(\w+)</span></a>", page)
    assert tabs[-4:] == ["首页", "分类", "购物车", "我的"]


def test_the_list_goes_on_where_it_ended(client, session, me):
    for number in range(25):
        make_product(f"商品{number:02d}", sort=number)

    first = client.get("/").text
    following = html.unescape(re.search(r'data-more href="([^"]+)"', first)[1])
    second = client.get(following).text

    assert titles(first) + titles(second) == [f"商品{number:02d}" for number in range(25)]
    assert "data-more" not in second


def test_a_category_shows_what_is_in_it_and_below_it(client, shop):
    assert titles(client.get("/category").text) == ["高山绿茶", "普洱沱茶"]
    assert titles(client.get(f"/category?id={shop['green']}").text) == ["高山绿茶"]
    assert titles(client.get(f"/category?id={shop['home']}").text) == ["陶瓷茶杯"]


@pytest.mark.parametrize("wanted", ["999", "x", "-1", "9" * 30])
def test_an_unknown_category_is_the_first_one(client, shop, wanted):
    assert titles(client.get(f"/category?id={wanted}").text) == ["高山绿茶", "普洱沱茶"]


def test_a_hidden_category_is_not_offered(client, shop):
    run_unit(
        catalog.category_tree.save,
        shop["tea"],
        name="茶饮",
        parent_id=None,
        sort=0,
        is_active=False,
        actor=ADMIN,
        now=NOON,
    )

    page = client.get("/category").text

    assert "茶饮" not in page
    assert titles(page) == ["陶瓷茶杯"]


def test_without_categories_or_products_the_pages_say_so(client, me):
    assert "还没有分类" in client.get("/category").text
    assert "商品正在上架，请稍后再来" in client.get("/").text
    assert client.get("/search").status_code == 200


def test_search_filters_and_sorts(client, shop):
    def found(query: str) -> list[str]:
        return titles(client.get(f"/search?{query}").text)

    assert found("q=绿茶") == ["高山绿茶"]
    assert found("q=茶&sort=cheap")[0] == "普洱沱茶"
    assert found("q=茶&sort=dear")[-1] == "普洱沱茶"
    assert found(f"q=茶&category={shop['home']}") == ["陶瓷茶杯"]
    assert found("q=茶&high=60") == ["普洱沱茶"]
    assert set(found("q=茶&low=100&high=60.01")) == {"高山绿茶", "陶瓷茶杯"}
    assert set(found("q=茶&stock=1")) == {"高山绿茶", "陶瓷茶杯"}
    assert len(found("q=茶&low=abc&high=1e9&sort=x&category=y")) == 3


def test_what_is_not_for_sale_is_nowhere(client, session, me):
    make_product("绿茶 下架", is_on_shelf=False)
    make_product("绿茶 明天", on_from=NOON + days(1))

    for path in ("/", "/category", "/search?q=绿茶"):
        assert titles(client.get(path).text) == []
    assert client.get("/search/suggest?q=绿").json == {"words": []}


def test_nothing_found_says_what_to_try(client, shop):
    page = client.get("/search?q=航天飞机")

    assert "没有找到“航天飞机”相关的商品" in text_of(page)
    assert "例如只输入“航天”" in text_of(page)
    assert "大家都在买" in page.text
    assert "高山绿茶" in titles(page.text)


def test_filters_that_leave_nothing_can_be_taken_off(client, shop):
    page = client.get("/search?q=绿茶&low=5000")

    assert "没有找到“绿茶”符合筛选条件的商品" in text_of(page)
    assert re.search(r'href="/search\?q=[^"&]+">去掉筛选条件', page.text)


def test_near_results_are_called_near(client, shop):
    page = client.get("/search?q=绿山高").text

    assert titles(page) == ["高山绿茶"]
    assert "以下商品比较接近" in page


def test_searches_are_remembered_newest_first_and_can_be_forgotten(client, shop):
    for word in ("绿茶", "茶杯", "绿茶", "<b>x</b>"):
        client.get("/search", query_string={"q": word})

    page = client.get("/search").text
    words = re.findall(r"<a [^>]*>([^<]*)</a>", page.split('class="word-list"')[1].split("</p>")[0])
    assert words == ["&lt;b&gt;x&lt;/b&gt;", "绿茶", "茶杯"]

    answer = client.post("/search/forget")

    assert answer.headers["Location"] == "/search"
    assert "最近搜索" not in client.get("/search").text


def test_no_more_than_eight_short_words_are_remembered(client, shop):
    for number in range(12):
        client.get("/search", query_string={"q": f"{number}" + "很长的词" * 20})

    with client.session_transaction() as kept:
        assert [len(word) for word in kept["searches"]] == [16] * 8
        assert kept["searches"][0].startswith("11")


def test_suggestions_come_as_json(client, shop):
    assert client.get("/search/suggest?q=送").json == {"words": ["送礼", "高山绿茶"]}
    assert client.get("/search/suggest?q=").json == {"words": []}


def test_the_page_of_a_product_shows_choices_limits_and_freight(client, session, me):
    specs = (("颜色", ("蓝", "白")), ("尺寸", ("大", "小")))
    rows = tuple(
        SkuInput(values, fen, opening_stock=stock)
        for values, fen, stock in (
            (("蓝", "大"), 90_00, 0),
            (("蓝", "小"), 80_00, 4),
            (("白", "小"), 70_00, 9),
        )
    )
    free = make_product("马克杯", specs=specs, skus=rows, limit_per_member=2, unit="只")
    paid = make_product("茶杯", freight_template_id=make_freight().id)

    answer = client.get(f"/p/{free.id}")

    page = answer.text
    assert re.findall(r"<legend>(\w+)</legend>", page) == ["颜色", "尺寸"]
    assert "每人限购 2 只" in text_of(answer)
    assert 'data-most="2"' in page
    # The cheapest that is left comes first.
    cheapest = next(sku for sku in free.skus if sku.price_fen == 70_00)
    assert f'name="sku" value="{cheapest.id}" data-sku' in page
    assert "七天无理由退货 · 包邮" in page
    assert "· 包邮" not in client.get(f"/p/{paid.id}").text


@pytest.mark.parametrize("path", ["/", "/category", "/search?q=茶", "/search"])
def test_lists_need_few_queries_however_long(client, shop, path):
    for number in range(15):
        make_product(f"绿茶 {number}")
    # The first page of a day also counts the visitor.
    client.get("/help")
    count = 0

    def counting(*_args: object) -> None:
        nonlocal count
        count += 1

    event.listen(db.engine, "before_cursor_execute", counting)
    try:
        client.get(path)
    finally:
        event.remove(db.engine, "before_cursor_execute", counting)

    assert 1 <= count <= 9
