"""Composing the home page: what may be saved, publishing whole, timing, going back."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import catalog, content
from app.audit import AuditEntry
from app.catalog import InvalidFields, RowRule
from app.content import (
    Banner,
    BlockInput,
    Categories,
    HomeBlock,
    HomeVersion,
    Kind,
    Line,
    NothingToPublish,
    Notice,
    Picture,
    Pictures,
    Places,
    Products,
)
from app.core.db import db, run_unit, transaction
from app.core.errors import DomainError, InvalidInput, NotFound
from tests.factories import ADMIN, NOON, SYSTEM, make_category, make_product

PLACES = Places(
    "https://mall.test",
    frozenset({"mp.weixin.qq.com"}),
    lambda path: path in ("/", "/category", "/me"),
)
PICTURE = Picture("p/a.jpg", 960, 410, "春茶上新", "/category")
NOTICE = BlockInput(Notice((Line("满 99 元包邮"),)))


def add(given: BlockInput = NOTICE) -> HomeBlock:
    return run_unit(content.save, None, given, places=PLACES, actor=ADMIN, now=NOON)


def publish(**given) -> HomeVersion:
    return run_unit(content.publish, places=PLACES, actor=ADMIN, now=NOON, **given)


def titles(blocks) -> list[str]:
    return [block.title for block in blocks]


def stored() -> list[tuple[object, ...]]:
    db.session.rollback()
    return [
        tuple(row)
        for cls in (HomeBlock, HomeVersion, AuditEntry)
        for row in db.session.execute(sa.select(*cls.__table__.columns).order_by(cls.id))
    ]


def acts() -> list[str]:
    return list(db.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


# --- what may be saved -------------------------------------------------------------


@pytest.mark.parametrize(
    "made",
    [
        Banner((PICTURE,)),
        Notice((Line("包邮", "/me"), Line("七天退货"))),
        Categories(),
        Products(RowRule.TAG.value, tag="送礼", look="strip"),
        Pictures(1, (PICTURE,)),
    ],
)
def test_a_block_is_read_as_it_was_written(session, made):
    block = add(BlockInput(made, "标题"))
    db.session.expire_all()

    assert block.typed == made


def test_a_new_block_stands_at_the_end(session):
    add(replace(NOTICE, title="甲"))
    add(replace(NOTICE, title="乙"))

    assert titles(content.draft()) == ["甲", "乙"]


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        (BlockInput(Banner()), {"slides": "请至少上传一张图片"}),
        (BlockInput(Banner((PICTURE,) * 9)), {"slides": "最多 8 张图片"}),
        (
            BlockInput(Banner((PICTURE, replace(PICTURE, alt="")))),
            {"slides-1-alt": "第 2 张图片：请填写说明，最多 40 个字，读屏软件会念给看不见图片的人"},
        ),
        (
            BlockInput(Banner((replace(PICTURE, path="../secret.jpg"),))),
            {"slides-0-path": "第 1 张图片：请在这里重新上传"},
        ),
        (
            BlockInput(Banner((replace(PICTURE, width=0),))),
            {"slides-0-path": "第 1 张图片：请在这里重新上传"},
        ),
        (
            BlockInput(Banner((replace(PICTURE, link="/nowhere"),))),
            {"slides-0-link": "第 1 张图片：商城里没有“/nowhere”这个页面"},
        ),
        (BlockInput(Notice()), {"lines": "请至少填写一条公告"}),
        (
            BlockInput(Notice((Line("", "/me"),))),
            {"lines-0-text": "第 1 条公告：请填写内容，最多 60 个字"},
        ),
        (BlockInput(Notice((Line("字"),) * 6)), {"lines": "最多 5 条公告"}),
        (BlockInput(Categories((987654,))), {"category_ids": "有分类已不存在，请重新选择"}),
        (BlockInput(Products("magic")), {"rule": "请选择选品方式"}),
        (BlockInput(Products(look="round")), {"look": "请选择排列方式"}),
        (BlockInput(Products(limit=21)), {"limit": "展示数量应在 2 到 20 之间"}),
        (BlockInput(Products("hand")), {"product_ids": "请至少选一个商品"}),
        (
            BlockInput(Products("hand", (987654,))),
            {"product_ids": "有商品已不存在，请重新选择"},
        ),
        (BlockInput(Products("category")), {"category_id": "请选择分类"}),
        (BlockInput(Products("tag")), {"tag": "请填写标签，最多 12 个字"}),
        (BlockInput(Pictures(5, (PICTURE,))), {"columns": "请选择每行几张"}),
        (BlockInput(Pictures(3, (PICTURE,) * 4)), {"pictures": "每行 3 张，最后一行还差 2 张"}),
        (replace(NOTICE, title="字" * 21), {"title": "标题最多 20 个字"}),
        (
            replace(NOTICE, shown_from=NOON, shown_until=NOON),
            {"shown_until": "结束时间应晚于开始时间"},
        ),
    ],
)
def test_what_cannot_be_shown_is_refused_at_its_field(session, given, errors):
    before = stored()

    with pytest.raises(InvalidFields) as refused:
        add(given)

    assert refused.value.errors == errors
    assert stored() == before


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("", ""),
        ("/category?id=3#top", ""),
        ("https://mp.weixin.qq.com/s/abc", ""),
        ("//evil.test/category", "商城里没有“//evil.test/category”这个页面"),
        ("/admin", "商城里没有“/admin”这个页面"),
        ("/cate gory", "链接里有空格、中文或不允许的符号，请从浏览器地址栏复制"),
        ("/\\evil.test", "链接里有空格、中文或不允许的符号，请从浏览器地址栏复制"),
        ("javascript:alert(1)", "链接应以 / 开头（商城的页面），或以 https:// 开头"),
        ("http://mp.weixin.qq.com/s", "链接应以 / 开头（商城的页面），或以 https:// 开头"),
        ("https://evil.test/", "不能指向 evil.test：只能是商城的页面或允许的域名"),
        (
            "https://mp.weixin.qq.com@evil.test/",
            "不能指向 mp.weixin.qq.com@evil.test：只能是商城的页面或允许的域名",
        ),
        (
            "https://mp.weixin.qq.com:8443/",
            "不能指向 mp.weixin.qq.com:8443：只能是商城的页面或允许的域名",
        ),
        ("https://[::1", "链接格式不正确"),
        ("/" + "a" * 500, "链接最多 500 个字符"),
    ],
)
def test_links_lead_to_the_mall_or_to_allowed_hosts(link, fault):
    assert PLACES.fault(link) == fault


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://mall.test/category?id=3", "/category?id=3"),
        ("https://mall.test", "/"),
        ("https://mall.test.evil/", "https://mall.test.evil/"),
        (" /me ", "/me"),
    ],
)
def test_our_own_address_is_kept_as_a_path(typed, kept):
    assert PLACES.tidy(typed) == kept


def test_the_draft_holds_thirty_blocks(session):
    for _ in range(30):
        add()
    before = stored()

    with pytest.raises(DomainError, match="首页最多 30 个模块"):
        add()

    assert stored() == before


# --- arranging ---------------------------------------------------------------------


def test_moving_up_and_down_stops_at_the_ends(session):
    first, second = add(replace(NOTICE, title="甲")), add(replace(NOTICE, title="乙"))

    run_unit(content.move, second.id, by=-1, actor=ADMIN, now=NOON)
    run_unit(content.move, second.id, by=-1, actor=ADMIN, now=NOON)

    assert titles(content.draft()) == ["乙", "甲"]
    assert acts().count("home.arrange") == 1
    assert first.position == 2


def test_an_order_of_other_blocks_is_refused(session):
    first, second = add(), add()
    before = stored()

    for order in ([first.id], [first.id, second.id, 987654], [first.id, first.id]):
        with pytest.raises(InvalidInput, match="模块已被别人增删过"):
            run_unit(content.arrange, order, actor=ADMIN, now=NOON)

    assert stored() == before


def test_removed_is_gone_from_the_draft_alone(session):
    block = add(replace(NOTICE, title="甲"))
    publish()

    run_unit(content.remove, block.id, actor=ADMIN, now=NOON)

    assert titles(content.draft()) == []
    assert titles(content.shown(NOON)) == ["甲"]


def test_blocks_of_a_version_are_nobodys_to_change(session):
    add()
    publish()
    [block] = content.shown(NOON)
    before = stored()

    with pytest.raises(NotFound):
        content.block(block.id)
    for act in (
        lambda: run_unit(content.remove, block.id, actor=ADMIN, now=NOON),
        lambda: run_unit(content.switch, block.id, is_active=False, actor=ADMIN, now=NOON),
        lambda: run_unit(content.move, block.id, by=1, actor=ADMIN, now=NOON),
        lambda: run_unit(content.save, block.id, NOTICE, places=PLACES, actor=ADMIN, now=NOON),
    ):
        with pytest.raises(NotFound):
            act()

    assert stored() == before


# --- publishing --------------------------------------------------------------------


def test_people_see_the_draft_only_once_it_is_published(session):
    add(replace(NOTICE, title="甲"))
    assert titles(content.shown(NOON)) == []

    publish(note="开业")
    block = content.draft()[0]
    run_unit(
        content.save, block.id, replace(NOTICE, title="乙"), places=PLACES, actor=ADMIN, now=NOON
    )

    assert titles(content.shown(NOON)) == ["甲"]
    assert titles(content.shown_of_draft(NOON)) == ["乙"]
    assert content.has_changes()


def test_the_newest_version_is_shown(session):
    block = add(replace(NOTICE, title="甲"))
    first = publish()
    run_unit(
        content.save, block.id, replace(NOTICE, title="乙"), places=PLACES, actor=ADMIN, now=NOON
    )
    publish()

    assert titles(content.shown(NOON)) == ["乙"]
    assert titles(content.shown_of_version(first.id, NOON)) == ["甲"]


def test_the_same_again_is_not_published(session):
    add()
    publish()
    before = stored()

    with pytest.raises(NothingToPublish):
        publish()

    assert stored() == before


def test_a_home_page_without_a_block_is_not_published(session):
    add(replace(NOTICE, is_active=False))
    before = stored()

    with pytest.raises(NothingToPublish, match="还没有启用的模块"):
        publish()

    assert stored() == before


def test_publishing_checks_every_block_again_and_names_it(session):
    category = make_category("茶饮")
    add()
    add(BlockInput(Categories((category.id,)), "好茶"))
    run_unit(catalog.category_tree.remove, category.id, actor=SYSTEM, now=NOON)
    before = stored()

    with pytest.raises(InvalidInput) as refused:
        publish()

    assert refused.value.message == "第 2 个模块“好茶”：有分类已不存在，请重新选择"
    assert stored() == before


def test_a_long_note_is_refused(session):
    add()
    before = stored()

    with pytest.raises(InvalidInput, match="备注最多 100 个字"):
        publish(note="字" * 101)

    assert stored() == before


def test_a_version_comes_back_into_the_draft(session):
    block = add(replace(NOTICE, title="甲"))
    first = publish()
    run_unit(
        content.save, block.id, replace(NOTICE, title="乙"), places=PLACES, actor=ADMIN, now=NOON
    )
    publish()
    # The newest id of all goes, and SQLite gives it away again at once.
    kept = add(replace(NOTICE, title="丙"))

    run_unit(content.restore, first.id, actor=ADMIN, now=NOON)

    assert kept.title == "丙"
    assert titles(content.draft()) == ["甲"]
    assert titles(content.shown(NOON)) == ["乙"]
    publish()
    assert titles(content.shown(NOON)) == ["甲"]


def test_a_version_that_never_was_is_not_found(session):
    add()
    before = stored()

    with pytest.raises(NotFound):
        run_unit(content.restore, 987654, actor=ADMIN, now=NOON)

    assert stored() == before


def test_every_change_is_in_the_audit_log(session):
    block = add()
    run_unit(content.switch, block.id, is_active=False, actor=ADMIN, now=NOON)
    run_unit(content.switch, block.id, is_active=True, actor=ADMIN, now=NOON)
    version = publish()
    run_unit(content.restore, version.id, actor=ADMIN, now=NOON)
    run_unit(content.remove, content.draft()[0].id, actor=ADMIN, now=NOON)

    assert acts() == [
        "home.block_save",
        "home.block_switch",
        "home.block_switch",
        "home.publish",
        "home.restore",
        "home.block_remove",
    ]


def test_a_block_keeps_its_kind(session):
    block = add()

    with pytest.raises(ValueError, match="keeps its kind"), transaction():
        content.save(block.id, BlockInput(Categories()), places=PLACES, actor=ADMIN, now=NOON)

    assert content.block(block.id).kind is Kind.NOTICE


# --- timing ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after_minutes", "is_shown"), [(-1, False), (0, True), (59, True), (60, False)]
)
def test_a_block_is_shown_from_its_first_minute_to_before_its_last(
    session, after_minutes, is_shown
):
    until = NOON + timedelta(hours=1)
    add(replace(NOTICE, title="限时", shown_from=NOON, shown_until=until))
    publish()
    now = NOON + timedelta(minutes=after_minutes)

    assert titles(content.shown(now)) == (["限时"] if is_shown else [])
    assert content.draft()[0].is_shown_at(now) is is_shown


def test_a_block_that_is_switched_off_is_not_shown(session):
    add(replace(NOTICE, title="甲"))
    add(replace(NOTICE, title="乙", is_active=False))
    publish()

    assert titles(content.shown(NOON)) == ["甲"]


# --- what a block shows ------------------------------------------------------------


def shown_titles(*asked: Products) -> list[list[str]]:
    for number, each in enumerate(asked):
        add(BlockInput(each, f"第 {number}"))
    sections = content.compose(content.shown_of_draft(NOON), now=NOON)
    return [[product.title for product in section.products] for section in sections]


def test_products_by_hand_keep_their_order_and_leave_out_what_is_off(session):
    first, second = make_product("甲"), make_product("乙")
    gone = make_product("丙", is_on_shelf=False)

    assert shown_titles(Products("hand", (second.id, gone.id, first.id))) == [["乙", "甲"]]


def test_rows_by_rule(session):
    food = make_category("食品")
    nuts = make_category("坚果", parent=food)
    make_product("甲", tags=("送礼",), sort=2)
    make_product("乙", category_id=nuts.id, sort=1)
    make_product("丙", tags=("送礼物",), sort=3)
    with transaction():
        row = db.session.scalars(sa.select(catalog.Product).filter_by(title="乙")).one()
        catalog.count_sold(row.id, 9)

    assert shown_titles(
        Products("new", limit=2),
        Products("sold", limit=2),
        Products("category", category_id=food.id),
        Products("tag", tag="送礼"),
    ) == [["丙", "乙"], ["乙", "丙"], ["乙"], ["甲"]]


def test_rules_leave_out_what_is_sold_out(session):
    product = make_product("甲")
    with transaction():
        for sku in catalog.product(product.id).skus:
            sku.stock = 0

    assert shown_titles(Products("new")) == []


def test_categories_without_a_choice_are_the_first_top_ones(session):
    tea = make_category("茶饮")
    make_category("绿茶", parent=tea)
    hidden = make_category("隐藏")
    with transaction():
        db.session.get_one(catalog.Category, hidden.id).is_active = False
    add(BlockInput(Categories()))
    add(BlockInput(Categories((hidden.id,))))

    sections = content.compose(content.shown_of_draft(NOON), now=NOON)

    assert [[row.name for row in section.categories] for section in sections] == [["茶饮"]]
