"""Finding products: the words of a query, their weights, paging, and what is offered instead."""

import pytest
import sqlalchemy as sa

from app import catalog
from app.catalog import ProductToken, SkuInput, Sort, Wanted, search
from app.core.db import db, run_unit, transaction
from tests.factories import ADMIN, NOON, days, make_category, make_product


def titles(**wanted) -> list[str]:
    now = wanted.pop("now", NOON)
    found = catalog.browse.shelf(Wanted(**wanted), now=now)
    return [product.title for product in found.products]


def change(product, **changed):
    form = {
        "title": product.title,
        "skus": (SkuInput((), 100_00),),
        "pictures": tuple(product.pictures),
        **changed,
    }
    with transaction():
        catalog.products.save(product.id, catalog.ProductInput(**form), actor=ADMIN, now=NOON)


def sell(product, count: int) -> None:
    run_unit(catalog.count_sold, product.id, count)


def test_all_words_must_match(session):
    make_product("高山云雾绿茶 礼盒装")
    make_product("高山红茶")
    make_product("手工陶瓷茶杯")

    assert titles(query="绿茶") == ["高山云雾绿茶 礼盒装"]
    assert set(titles(query="高山")) == {"高山云雾绿茶 礼盒装", "高山红茶"}
    assert titles(query="礼盒 绿茶") == ["高山云雾绿茶 礼盒装"]
    assert titles(query="红茶 礼盒") == []


def test_one_character_finds_what_has_it(session):
    make_product("高山云雾绿茶")
    make_product("新疆吊干杏")

    assert titles(query="茶") == ["高山云雾绿茶"]


def test_case_and_width_do_not_matter(session):
    make_product("儿童积木 LEGO 兼容")

    assert titles(query="ｌｅｇｏ") == ["儿童积木 LEGO 兼容"]


def test_the_beginning_of_a_title_matches_inside_a_word(session):
    make_product("iPhone15 手机壳")

    assert titles(query="iph") == ["iPhone15 手机壳"]
    assert titles(query="100%") == []


def test_tags_categories_subtitles_and_codes_are_searched(session):
    tea = make_category("茶饮")
    make_product(
        "明前龙井",
        category_id=tea.id,
        tags=("送长辈",),
        subtitle="豆香明显",
        skus=(SkuInput((), 100_00, code="LJ-250"),),
    )

    for query in ("茶饮", "长辈", "豆香", "LJ", "250"):
        assert titles(query=query) == ["明前龙井"], query


def test_the_title_weighs_more_than_the_subtitle_and_sales_break_ties(session):
    make_product("白瓷盖碗", subtitle="适合冲泡绿茶")
    first = make_product("有机绿茶")
    second = make_product("特级绿茶")
    sell(second, 5)

    assert titles(query="绿茶") == ["特级绿茶", "有机绿茶", "白瓷盖碗"]
    sell(first, 9)
    assert titles(query="绿茶") == ["有机绿茶", "特级绿茶", "白瓷盖碗"]


def test_a_change_is_found_at_once(session):
    product = make_product("高山绿茶")

    change(product, title="武夷岩茶")

    assert titles(query="绿茶") == []
    assert titles(query="岩茶") == ["武夷岩茶"]


def test_a_renamed_category_is_found_at_once(session):
    tea = make_category("茶饮")
    make_product("明前龙井", category_id=tea.id)

    with transaction():
        catalog.category_tree.save(
            tea.id, name="饮品", parent_id=None, sort=0, actor=ADMIN, now=NOON
        )

    assert (titles(query="茶饮"), titles(query="饮品")) == ([], ["明前龙井"])


def test_nothing_found_falls_back_to_characters_and_says_so(session):
    make_product("陈年熟普洱小沱")

    exact = catalog.browse.shelf(Wanted(query="普洱"), now=NOON)
    near = catalog.browse.shelf(Wanted(query="小熟沱"), now=NOON)

    assert not exact.is_near
    assert near.is_near
    assert [product.title for product in near.products] == ["陈年熟普洱小沱"]


@pytest.mark.parametrize("query", ["%", "_", "' OR 1=1 --", "\\", "！？", "𠮷" * 50, "a" * 500])
def test_odd_queries_find_nothing_and_harm_nothing(session, query):
    make_product("高山绿茶")

    assert titles(query=query) == []


def test_only_what_sells_now_is_found(session):
    make_product("绿茶 下架", is_on_shelf=False)
    make_product("绿茶 明天", on_from=NOON + days(1))
    make_product("绿茶 昨天", off_at=NOON - days(1))
    make_product("绿茶 今天", on_from=NOON, off_at=NOON + days(1))

    assert titles(query="绿茶") == ["绿茶 今天"]
    assert set(titles(query="绿茶", now=NOON + days(1))) == {"绿茶 明天"}


def test_filters_narrow(session):
    tea, inner = make_category("茶饮"), None
    inner = make_category("绿茶", parent=tea)
    make_product("便宜绿茶", category_id=inner.id, skus=(SkuInput((), 50_00, opening_stock=1),))
    make_product("贵绿茶", category_id=tea.id, skus=(SkuInput((), 90_00),))
    make_product("杯子", skus=(SkuInput((), 70_00, opening_stock=1),))

    assert set(titles(category_id=tea.id)) == {"便宜绿茶", "贵绿茶"}
    assert titles(category_id=inner.id) == ["便宜绿茶"]
    assert titles(price_from_fen=70_00, sort=Sort.CHEAP) == ["杯子", "贵绿茶"]
    assert titles(price_to_fen=70_00, sort=Sort.CHEAP) == ["便宜绿茶", "杯子"]
    assert titles(in_stock=True, sort=Sort.DEAR) == ["杯子", "便宜绿茶"]


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("query", ["", "绿茶"])
def test_paging_shows_everything_once_in_order(session, sort, query):
    for number in range(7):
        product = make_product(
            f"绿茶 {number}",
            sort=number % 3,
            skus=(SkuInput((), 100_00 + number % 2 * 50_00, opening_stock=1),),
        )
        if number % 3:
            sell(product, number % 3)
    wanted = Wanted(query=query, sort=sort)
    whole = [row.id for row in catalog.browse.shelf(wanted, now=NOON, size=50).products]

    pages, after = [], ""
    for _ in range(9):
        part = catalog.browse.shelf(wanted, now=NOON, after=after, size=3)
        pages.append([row.id for row in part.products])
        after = part.after
        if not after:
            break

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [row for page in pages for row in page] == whole
    assert len(set(whole)) == 7


@pytest.mark.parametrize("after", ["x", "1.2.3.4.5", "-1", "1." * 3, "9" * 40, "~~", "~9"])
def test_a_nonsense_key_is_no_error(session, after):
    make_product("绿茶")

    catalog.browse.shelf(Wanted(query="绿茶"), now=NOON, after=after)
    catalog.browse.shelf(Wanted(), now=NOON, after=after)


def test_suggestions_come_from_tags_and_titles(session):
    make_product("高山绿茶", tags=("绿茶礼盒",))
    make_product("红茶")
    make_product("绿茶 下架", is_on_shelf=False)

    assert catalog.browse.suggestions("绿", now=NOON) == ["绿茶礼盒", "高山绿茶"]
    assert catalog.browse.suggestions(" ", now=NOON) == []
    assert catalog.browse.suggestions("%", now=NOON) == []


def test_reindexing_writes_the_same_words_again(session):
    for number in range(3):
        make_product(f"绿茶 {number}")
    query = sa.select(ProductToken.token, ProductToken.product_id, ProductToken.weight).order_by(
        ProductToken.token, ProductToken.product_id
    )
    before = db.session.execute(query).all()
    with transaction():
        db.session.execute(sa.delete(ProductToken))

    done, after = run_unit(search.reindex, size=2)
    rest, _ = run_unit(search.reindex, after=after, size=2)

    assert (done, rest) == (2, 1)
    assert db.session.execute(query).all() == before


def test_words_that_a_collation_takes_for_one_are_kept_apart(session):
    product = make_product("é e 😀 🎁", tags=("ß", "ss"))

    found = db.session.scalars(sa.select(ProductToken.token).filter_by(product_id=product.id)).all()

    # 默认 is the name of its only SKU.
    assert sorted(found) == ["e", "ss", "é", "认", "默", "默认"]
    assert titles(query="é") == ["é e 😀 🎁"]
