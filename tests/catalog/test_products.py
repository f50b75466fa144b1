"""Making products: what is kept, what is refused, the shelf, prices, categories, pictures, text."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image, ImageDraw

from app import catalog
from app.audit import AuditEntry
from app.catalog import (
    InvalidFields,
    Product,
    ProductInput,
    ProductStatus,
    Sku,
    SkuInput,
    SoldOff,
    StockMove,
    media,
    products,
    richtext,
)
from app.core.db import db, run_unit, transaction
from app.core.errors import DomainError, InvalidInput, NotFound
from tests.factories import ADMIN, NOON, broken_invariants, days, make_category, make_product

COLOURS = (("颜色", ("雾蓝", "奶白")), ("尺寸", ("大", "小")))


def matrix(*, price_fen: int = 50_00, **given) -> ProductInput:
    rows = tuple(
        SkuInput((colour, size), price_fen, opening_stock=3)
        for colour in COLOURS[0][1]
        for size in COLOURS[1][1]
    )
    return ProductInput(**{"title": "马克杯", "specs": COLOURS, "skus": rows, **given})


def keep(given: ProductInput, product_id: int | None = None) -> Product:
    with transaction():
        return products.save(product_id, given, actor=ADMIN, now=NOON)


def stored() -> list[tuple[object, ...]]:
    db.session.rollback()
    tables = (Product, Sku, StockMove, AuditEntry)
    return [
        tuple(row)
        for cls in tables
        for row in db.session.execute(sa.select(*cls.__table__.columns).order_by(cls.id))
    ]


def acts() -> list[str]:
    return list(db.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


def offered(product: Product) -> list[tuple[str, int, int]]:
    db.session.rollback()
    return [(s.name, s.price_fen, s.stock) for s in catalog.product(product.id).skus]


def test_a_new_product_is_a_draft_with_its_matrix_and_stock(session):
    product = keep(matrix())

    assert product.status is ProductStatus.DRAFT
    assert offered(product) == [
        ("雾蓝 大", 50_00, 3),
        ("雾蓝 小", 50_00, 3),
        ("奶白 大", 50_00, 3),
        ("奶白 小", 50_00, 3),
    ]
    moves = db.session.scalars(sa.select(StockMove)).all()
    assert {(move.delta, move.reason, move.actor) for move in moves} == {
        (3, "新建规格入库", "admin:1")
    }
    assert acts() == ["product.create"]
    assert broken_invariants() == {}


def test_a_sku_keeps_its_identity_and_stock_when_the_product_is_changed(session):
    product = keep(matrix())
    before = {sku.name: sku.id for sku in product.skus}

    keep(matrix(price_fen=60_00), product.id)

    assert offered(product)[0] == ("雾蓝 大", 60_00, 3)
    assert {sku.name: sku.id for sku in catalog.product(product.id).skus} == before
    entry = db.session.scalars(sa.select(AuditEntry).filter_by(action="product.change")).one()
    assert entry.before["skus"]["雾蓝 大"]["price_fen"] == 50_00
    assert entry.after["skus"]["雾蓝 大"]["price_fen"] == 60_00


def test_a_sku_that_is_dropped_is_not_for_sale_and_comes_back_as_itself(session):
    product = keep(matrix(pictures=("p/1.jpg",)))
    run_unit(products.put_on_shelf, [product.id], actor=ADMIN, now=NOON)
    gone = product.skus[3].id
    whole = matrix(pictures=("p/1.jpg",))

    keep(ProductInput("马克杯", whole.skus[:3], specs=COLOURS), product.id)

    assert [name for name, _, _ in offered(product)] == ["雾蓝 大", "雾蓝 小", "奶白 大"]
    with pytest.raises(SoldOff):
        catalog.skus_for_sale([gone])
    keep(whole, product.id)
    assert catalog.product(product.id).skus[3].id == gone
    assert offered(product)[3] == ("奶白 小", 50_00, 3)
    assert broken_invariants() == {}


def test_a_code_may_move_from_one_sku_to_another(session):
    def coded(first: str, second: str) -> ProductInput:
        rows = (SkuInput(("大",), 1_00, code=first), SkuInput(("小",), 1_00, code=second))
        return ProductInput("杯", rows, specs=(("尺寸", ("大", "小")),))

    product = keep(coded("A-1", "A-2"))

    keep(coded("A-2", "A-1"), product.id)

    assert [sku.code for sku in catalog.product(product.id).skus] == ["A-2", "A-1"]


def test_products_from_before_specifications_keep_their_skus(session):
    product = make_product(skus=(SkuInput((), 100_00, opening_stock=10),))
    with transaction():
        first = catalog.product(product.id).skus[0]
        first.name, first.spec_values = "一盒", []
        db.session.add(Sku(product_id=product.id, name="两盒", price_fen=190_00))
    old = {sku.name: sku.id for sku in catalog.product(product.id).skus}
    choices = catalog.product(product.id).choices
    db.session.rollback()

    specs = tuple((spec["name"], tuple(spec["values"])) for spec in choices)
    rows = (SkuInput(("一盒",), 100_00), SkuInput(("两盒",), 190_00))
    keep(ProductInput("高山绿茶", rows, specs=specs), product.id)

    assert specs == (("规格", ("一盒", "两盒")),)
    assert {sku.name: sku.id for sku in catalog.product(product.id).skus} == old


@pytest.mark.parametrize(
    ("changed", "field", "message"),
    [
        ({"title": ""}, "title", "商品名称应为 1 到 80 个字"),
        ({"title": "长" * 81}, "title", "商品名称应为 1 到 80 个字"),
        ({"subtitle": "长" * 121}, "subtitle", "副标题最多 120 个字"),
        ({"tags": tuple("一二三四五六七八九")}, "tags", "标签最多 8 个"),
        ({"tags": ("长" * 13,)}, "tags", "每个标签最多 12 个字"),
        ({"pictures": tuple(f"p/{n}.jpg" for n in range(10))}, "pictures", "图片最多 9 张"),
        ({"unit": "长" * 9}, "unit", "单位应为 1 到 8 个字"),
        ({"description": "长" * 60_001}, "description", "商品详情过长"),
        ({"limit_per_member": 10_000}, "limit", "限购数量应在 0 到 9999 之间"),
        ({"sort": -1}, "sort", "排序应在 0 到 9999 之间"),
        ({"on_from": NOON, "off_at": NOON}, "off_at", "自动下架时间应晚于上架时间"),
        ({"category_id": 999}, "category", "分类不存在"),
        ({"freight_template_id": 999}, "freight", "运费模板不存在"),
        ({"specs": (("颜色", ()),)}, "specs", "“颜色”应有 1 到 20 个值"),
        ({"specs": (("颜色", ("红", "红")),)}, "specs", "“颜色”的值有重复"),
        ({"specs": (("颜色", ("红",)), ("颜色", ("蓝",)))}, "specs", "规格名称不能重复"),
        ({"specs": tuple((f"规格{n}", ("一",)) for n in range(4))}, "specs", "规格最多 3 项"),
        ({"specs": (("颜色", ("长" * 19,)),)}, "specs", "“颜色”的每个值最多 18 个字"),
        ({"specs": (("颜色", ("红",)),)}, "skus", "规格表与规格不一致"),
        ({"skus": ()}, "skus", "规格组合应为 1 到 120 个"),
        ({"skus": (SkuInput((), 0),)}, "sku-0-price", "第 1 行：售价应大于 0"),
        ({"skus": (SkuInput((), 100_000_01),)}, "sku-0-price", "不超过 10 万元"),
        ({"skus": (SkuInput((), 9_00, member_price_fen=9_01),)}, "sku-0-member", "不高于售价"),
        ({"skus": (SkuInput((), 9_00, cost_fen=100_000_01),)}, "sku-0-cost", "成本价不能超过"),
        (
            {"skus": (SkuInput((), 9_00, code="TAKEN"),)},
            "sku-0-code",
            "货号“TAKEN”已被其他商品使用",
        ),
        ({"skus": (SkuInput((), 9_00, weight_g=1_000_001),)}, "sku-0-weight", "重量应在"),
        ({"skus": (SkuInput((), 9_00, opening_stock=-1),)}, "sku-0-stock", "库存应在"),
    ],
)
def test_a_fault_is_said_at_its_field_and_nothing_is_kept(session, changed, field, message):
    make_product("别的商品", skus=(SkuInput((), 1_00, code="TAKEN"),))
    mine = keep(ProductInput("杯", (SkuInput((), 9_00),)))
    before = stored()
    given = ProductInput(**{"title": "杯", "skus": (SkuInput((), 9_00),), **changed})

    for product_id in (None, mine.id):
        with pytest.raises(InvalidFields) as refused:
            run_unit(products.save, product_id, given, actor=ADMIN, now=NOON)
        assert message in refused.value.errors[field]

    assert stored() == before


def test_several_faults_are_said_together(session):
    given = ProductInput("", (SkuInput((), 0, code="长" * 41),), unit="")

    assert set(products.faults(given)) == {"title", "unit", "sku-0-price", "sku-0-code"}


def test_nobody_elses_product_can_be_changed_by_a_wrong_number(session):
    with pytest.raises(NotFound):
        run_unit(products.save, 999, matrix(), actor=ADMIN, now=NOON)

    assert stored() == []


def test_a_shelf_opens_and_closes_by_time(session):
    product = make_product(on_from=NOON, off_at=NOON + days(1))
    sku = product.skus[0].id
    second = timedelta(seconds=1)

    assert set(catalog.skus_for_sale([sku], now=NOON)) == {sku}
    assert catalog.product_for_sale(product.id, now=NOON + days(1) - second).id == product.id
    for moment in (NOON - second, NOON + days(1)):
        with pytest.raises(SoldOff):
            catalog.skus_for_sale([sku], now=moment)
        with pytest.raises(NotFound):
            catalog.product_for_sale(product.id, now=moment)
        assert catalog.browse.hot(moment) == []


def test_up_and_down_are_told_once_each(session):
    product = make_product(is_on_shelf=False)

    done = [
        run_unit(work, [product.id], actor=ADMIN, now=NOON)
        for work in (products.put_on_shelf, products.put_on_shelf, products.take_off_shelf)
    ]

    assert done == [1, 0, 1]
    assert catalog.product(product.id).status is ProductStatus.OFF
    assert acts() == ["product.create", "product.on", "product.off"]


def test_one_product_without_a_picture_keeps_all_of_them_down(session):
    good, bare = (
        make_product("好的", is_on_shelf=False),
        keep(ProductInput("没图", (SkuInput((), 1),))),
    )
    before = stored()

    with pytest.raises(DomainError, match="“没图”还没有图片，请先上传再上架"):
        run_unit(products.put_on_shelf, [good.id, bare.id], actor=ADMIN, now=NOON)

    assert stored() == before


@pytest.mark.parametrize(
    ("ids", "message"),
    [([], "请先勾选商品"), ([999], "有商品不存在"), (range(201), "最多处理 200")],
)
def test_a_batch_that_makes_no_sense_is_refused(session, ids, message):
    with pytest.raises(InvalidInput, match=message):
        run_unit(products.take_off_shelf, ids, actor=ADMIN, now=NOON)

    assert stored() == []


def test_a_copy_is_a_draft_without_stock_and_codes(session):
    source = make_product(
        "马克杯",
        specs=COLOURS,
        skus=tuple(
            SkuInput(v, 50_00, code=f"C{n}", opening_stock=3)
            for n, v in enumerate([("雾蓝", "大"), ("奶白", "小")])
        ),
        tags=("新品",),
    )

    made = run_unit(products.copy, source.id, actor=ADMIN, now=NOON)

    made = catalog.product(made.id)
    assert (made.title, made.status, made.tags) == ("马克杯 副本", ProductStatus.DRAFT, ["新品"])
    assert [(s.name, s.price_fen, s.stock, s.code) for s in made.skus] == [
        ("雾蓝 大", 50_00, 0, None),
        ("奶白 小", 50_00, 0, None),
    ]


def test_prices_change_together_and_are_audited(session):
    product = keep(matrix())
    first, second = product.skus[:2]

    done = run_unit(
        products.change_prices,
        {first.id: (50_00, 45_00), second.id: (50_00, 50_00)},
        actor=ADMIN,
        now=NOON,
    )

    assert done == 1
    assert [fen for _, fen, _ in offered(product)] == [45_00, 50_00, 50_00, 50_00]
    entry = db.session.scalars(sa.select(AuditEntry).filter_by(action="product.price")).one()
    assert (entry.before, entry.after) == (
        {"sku": "雾蓝 大", "price_fen": 50_00},
        {"sku": "雾蓝 大", "price_fen": 45_00},
    )


@pytest.mark.parametrize(
    ("seen", "wanted", "message"),
    [
        (49_00, 45_00, "有价格刚刚被改过"),
        (50_00, 0, "新价格应大于 0"),
        (50_00, 100_000_01, "新价格应大于 0"),
        (50_00, 39_99, "低于它的会员价"),
    ],
)
def test_a_price_that_cannot_be_changes_nothing(session, seen, wanted, message):
    rows = (
        SkuInput(("大",), 50_00, member_price_fen=40_00),
        SkuInput(("小",), 50_00, member_price_fen=40_00),
    )
    product = keep(ProductInput("杯", rows, specs=(("尺寸", ("大", "小")),)))
    big, small = product.skus
    before = stored()

    with pytest.raises(DomainError, match=message):
        run_unit(
            products.change_prices,
            {big.id: (50_00, 45_00), small.id: (seen, wanted)},
            actor=ADMIN,
            now=NOON,
        )

    assert stored() == before


# --- categories --------------------------------------------------------------------


def put(category_id, name="茶", parent=None, sort=0):
    return run_unit(
        catalog.category_tree.save,
        category_id,
        name=name,
        parent_id=parent.id if parent else None,
        sort=sort,
        actor=ADMIN,
        now=NOON,
    )


def test_the_tree_is_in_order_with_its_counts(session):
    tea, cups = make_category("茶饮"), make_category("家居")
    green = make_category("绿茶", parent=tea)
    make_product(category_id=green.id)
    run_unit(
        catalog.category_tree.save,
        tea.id,
        name="茶饮",
        parent_id=None,
        sort=9,
        is_active=False,
        actor=ADMIN,
        now=NOON,
    )

    found = [
        (n.category.name, n.depth, n.products, n.is_shown, n.has_children)
        for n in catalog.category_tree.tree()
    ]

    assert found == [
        (cups.name, 0, 0, True, False),
        ("茶饮", 0, 0, False, True),
        ("绿茶", 1, 1, False, False),
    ]


@pytest.mark.parametrize(
    ("who", "name", "under", "field", "message"),
    [
        ("new", "", None, "name", "分类名称应为 1 到 12 个字"),
        ("new", "茶饮", None, "name", "同一级已有分类“茶饮”"),
        ("new", "四级", "third", "parent", "分类最多 3 级"),
        ("top", "茶饮", "third", "parent", "不能移到自己或自己的下级分类里"),
        ("top", "茶饮", "top", "parent", "不能移到自己或自己的下级分类里"),
        ("second", "绿茶", "other", "parent", ""),
        ("top", "茶饮", "other", "parent", "分类最多 3 级"),
    ],
)
def test_the_tree_stays_a_tree_of_three(session, who, name, under, field, message):
    top, other = make_category("茶饮"), make_category("家居")
    second = make_category("绿茶", parent=top)
    third = make_category("龙井", parent=second)
    rows = {"top": top, "other": other, "second": second, "third": third}
    before = [(n.category.id, n.category.name, n.depth) for n in catalog.category_tree.tree()]
    moved = rows[who].id if who in rows else None

    if not message:
        put(moved, name, rows[under])
        assert [n.depth for n in catalog.category_tree.tree()] == [0, 0, 1, 2]
        return
    with pytest.raises(InvalidInput, match=message) as refused:
        put(moved, name, rows.get(under or ""))

    assert refused.value.field == field
    db.session.rollback()
    assert before == [
        (n.category.id, n.category.name, n.depth) for n in catalog.category_tree.tree()
    ]


@pytest.mark.parametrize("holds", ["child", "product", "nothing"])
def test_only_an_empty_category_is_removed(session, holds):
    tea = make_category("茶饮")
    if holds == "child":
        make_category("绿茶", parent=tea)
    if holds == "product":
        make_product(category_id=tea.id)

    if holds == "nothing":
        run_unit(catalog.category_tree.remove, tea.id, actor=ADMIN, now=NOON)
        assert catalog.category_tree.tree() == []
        return
    with pytest.raises(DomainError, match="这个分类下还有"):
        run_unit(catalog.category_tree.remove, tea.id, actor=ADMIN, now=NOON)
    assert tea.id in [n.category.id for n in catalog.category_tree.tree()]


# --- pictures and text -------------------------------------------------------------


def photo(
    kind: str = "JPEG", size: tuple[int, int] = (1200, 900), mode: str = "RGB", **more
) -> bytes:
    out = io.BytesIO()
    picture = Image.new(mode, size, "navy")
    ImageDraw.Draw(picture).rectangle((0, 0, size[0] // 2, size[1]), fill="white")
    picture.save(out, kind, **more)
    return out.getvalue()


def seen(path: Path) -> Image.Image:
    """A written picture, its file closed again."""
    return Image.open(io.BytesIO(path.read_bytes()))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_encoded_anew_in_two_sizes_and_formats(tmp_path, kind):
    path, width, height = media.store(photo(kind), tmp_path)

    names = [path, media.webp_of(path), media.small_of(path), media.webp_of(media.small_of(path))]
    found = [seen(tmp_path / name) for name in names]
    assert [(p.format, p.size) for p in found] == [
        ("JPEG", (960, 720)),
        ("WEBP", (960, 720)),
        ("JPEG", (400, 300)),
        ("WEBP", (400, 300)),
    ]
    assert (width, height) == (960, 720)
    assert len(path) == len("p/.jpg") + 24


def test_what_was_hidden_in_a_picture_is_gone(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    exif[0x0112] = 6  # lies on its side
    data = photo(exif=exif) + b"<?php echo 1; ?>"

    path, width, height = media.store(data, tmp_path)

    kept = (tmp_path / path).read_bytes()
    assert b"php" not in kept
    assert b"secret" not in kept
    assert dict(seen(tmp_path / path).getexif()) == {}
    assert (width, height) == (900, 1200)


def test_transparency_becomes_white(tmp_path):
    out = io.BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(out, "PNG")

    path, _, _ = media.store(out.getvalue(), tmp_path)

    assert seen(tmp_path / path).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "这不是可用的图片"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "这不是可用的图片"),
        (b"GIF89a" + b"\0" * 50, "这不是可用的图片"),
        (b"PK\x03\x04" + b"\0" * 50, "这不是可用的图片"),
        (photo()[:500], "这不是可用的图片"),
        (photo("BMP"), "这不是可用的图片"),
        (b"\0" * (5 * 1024 * 1024 + 1), "图片不能超过 5 MB"),
        (photo("PNG", (8000, 5001), "1"), "图片尺寸过大"),
    ],
)
def test_what_is_no_good_picture_is_refused_and_nothing_is_written(tmp_path, data, message):
    with pytest.raises(InvalidInput, match=message):
        media.store(data, tmp_path)

    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("一行\n\n另一行 <b>", "<p>一行</p><p>另一行 &lt;b&gt;</p>"),
        ("<p>好<strong>茶</strong></p>", "<p>好<strong>茶</strong></p>"),
        ('<p style="color:red" class="x" onclick="x()">好</p>', "<p>好</p>"),
        ("<script>alert(1)</script><p>好</p>", "<p>好</p>"),
        ("<iframe src='//evil'></iframe><style>p{}</style><p>好</p>", "<p>好</p>"),
        (
            '<img src="/media/p/a1.jpg" width="10" height="20" onerror="x()">',
            '<img src="/media/p/a1.jpg" width="10" height="20" loading="lazy">',
        ),
        ('<img src="https://evil.example/x.png">', '<img loading="lazy">'),
        ('<img src="/media/../admin/x.png">', '<img loading="lazy">'),
        ('<img src="data:image/svg+xml,x">', '<img loading="lazy">'),
        ('<a href="/p/1">看</a>', '<a href="/p/1">看</a>'),
        ('<a href="//evil.example">看</a>', "<a>看</a>"),
        ('<a href="javascript:alert(1)">看</a>', "<a>看</a>"),
        ('<a href="/\\evil.example">看</a>', "<a>看</a>"),
    ],
)
def test_text_is_cleaned_by_an_allowlist(given, kept):
    assert richtext.clean(given) == kept
    assert richtext.clean(kept) == kept


@pytest.mark.parametrize(
    ("text", "is_empty"),
    [
        ("", True),
        ("<p><br></p>", True),
        ("<p>&nbsp; </p>", True),
        ("<p>茶</p>", False),
        ('<img src="/media/p/a.jpg">', False),
    ],
)
def test_what_an_editor_leaves_behind_is_nothing(text, is_empty):
    assert richtext.is_empty(text) is is_empty
