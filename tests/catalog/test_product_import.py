"""Products from a file: what each row would do is said first, then all is done or nothing."""

import io
from collections.abc import Sequence

import openpyxl
import pytest
import sqlalchemy as sa

from app import catalog
from app.audit import AuditEntry
from app.catalog import Product, ProductImport, Sku, SkuInput, product_import, products
from app.core import sheets
from app.core.db import db, run_unit, transaction
from app.core.errors import DomainError, InvalidInput, NotFound
from tests.factories import (
    ADMIN,
    NOON,
    broken_invariants,
    days,
    make_category,
    make_freight,
    make_product,
)

HEAD = ("商品编码", "商品名称", "规格", "货号", "售价（元）", "会员价", "初始库存")
SIZES = (("尺寸", ("大", "小")),)


def table(*rows: Sequence[object], head: Sequence[str] = HEAD) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in (head, *rows)).encode()


def upload(data: bytes, name: str = "商品.csv") -> int:
    return run_unit(product_import.upload, data, filename=name, actor=ADMIN, now=NOON).id


def planned(import_id: int) -> product_import.Plan:
    db.session.rollback()
    return product_import.plan(product_import.get(import_id).lines)


def said(import_id: int) -> list[tuple[int, str, list[str]]]:
    return [(row.line, row.state, list(row.errors)) for row in planned(import_id).rows]


def apply(import_id: int, seen: str | None = None) -> ProductImport:
    mark = planned(import_id).mark if seen is None else seen
    db.session.rollback()
    return run_unit(product_import.apply, import_id, seen=mark, actor=ADMIN, now=NOON)


def mug(**given: object) -> Product:
    """A product with a code and two SKUs of 50.00 yuan, five pieces each."""
    rows = tuple(
        SkuInput((size,), 50_00, code=code, opening_stock=5)
        for size, code in (("大", "M-1"), ("小", "M-2"))
    )
    typed = {"title": "马克杯", "code": "M", "skus": rows, "specs": SIZES, **given}
    with transaction():
        return products.save(None, catalog.ProductInput(**typed), actor=ADMIN, now=NOON)


def shop() -> list[tuple[object, ...]]:
    db.session.rollback()
    return [
        tuple(row)
        for cls in (Product, Sku, catalog.StockMove)
        for row in db.session.execute(sa.select(*cls.__table__.columns).order_by(cls.id))
    ]


def test_rows_of_one_code_become_one_draft_with_its_matrix(session):
    category, freight = make_category("茶叶"), make_freight("江浙沪包邮")
    import_id = upload(
        table(
            (
                "T-1",
                "高山绿茶",
                "包装:一盒；颜色：绿",
                "T-1-1",
                "99",
                "89.5",
                12,
                "茶叶",
                "新品、送礼",
            ),
            ("T-1", "", "颜色:绿；包装:两盒", "T-1-2", "188.00", "", "", "", ""),
            ("T-2", "马克杯", "", "", "¥59.9", "", 3, "", "", "江浙沪包邮"),
            head=(*HEAD, "分类", "标签", "运费模板"),
        )
    )
    assert said(import_id) == [(2, "new", []), (3, "new", []), (4, "new", [])]
    assert shop() == []

    apply(import_id)

    tea, cup = db.session.scalars(sa.select(Product).order_by(Product.id)).all()
    assert (tea.code, tea.title, tea.category_id, tea.tags, tea.unit, tea.is_on_shelf) == (
        *("T-1", "高山绿茶", category.id, ["新品", "送礼"], "件", False),
    )
    assert tea.specs == [
        {"name": "包装", "values": ["一盒", "两盒"]},
        {"name": "颜色", "values": ["绿"]},
    ]
    assert [
        (sku.name, sku.code, sku.price_fen, sku.member_price_fen, sku.stock) for sku in tea.skus
    ] == [("一盒 绿", "T-1-1", 99_00, 89_50, 12), ("两盒 绿", "T-1-2", 188_00, None, 0)]
    assert (cup.freight_template_id, [(s.name, s.price_fen, s.stock) for s in cup.skus]) == (
        freight.id,
        [("默认", 59_90, 3)],
    )
    assert broken_invariants() == {}


def test_a_change_touches_only_the_cells_that_are_filled(session):
    product = mug(subtitle="手作", pictures=("p/a.jpg",), description="<p>好看</p>")
    ids = [sku.id for sku in product.skus]
    import_id = upload(
        table(
            ("", "", "", "M-1", "45", "40", ""),
            ("M", "陶瓷马克杯", "尺寸:中", "M-3", "48", "", 7),
        )
    )
    [first, second] = planned(import_id).rows
    assert [(c.label, c.before, c.after) for c in first.changes] == [
        ("商品名称", "马克杯", "陶瓷马克杯"),
        ("售价", "50.00", "45.00"),
        ("会员价", "—", "40.00"),
    ]
    assert (second.state, second.note) == ("new", "售价 48.00，库存 7")

    apply(import_id)

    after = catalog.product(product.id)
    assert [(s.name, s.code, s.price_fen, s.stock) for s in after.skus] == [
        ("大", "M-1", 45_00, 5),
        ("小", "M-2", 50_00, 5),
        ("中", "M-3", 48_00, 7),
    ]
    assert [sku.id for sku in after.skus][:2] == ids
    assert (after.subtitle, after.pictures, after.description) == (
        "手作",
        ["p/a.jpg"],
        "<p>好看</p>",
    )
    entry = db.session.scalars(sa.select(AuditEntry).filter_by(action="product.change")).one()
    assert entry.before["skus"]["大"]["price_fen"] == 50_00
    assert entry.after["skus"]["大"]["price_fen"] == 45_00


def test_the_word_for_nothing_takes_away_and_a_code_follows_its_category(session):
    parent = make_category("茶叶")
    with transaction():
        db.session.add_all(
            [catalog.Category(name="绿茶", parent_id=parent.id), catalog.Category(name="绿茶")]
        )
    product = mug(subtitle="手作", tags=("新品",))
    with transaction():
        for sku in catalog.product(product.id).skus:
            sku.list_price_fen = 60_00
    import_id = upload(
        table(
            ("M", "无", "无", "茶叶/绿茶", "M-1", "无"),
            head=("商品编码", "副标题", "标签", "分类", "货号", "划线价"),
        )
    )

    apply(import_id)

    after = catalog.product(product.id)
    assert (after.subtitle, after.tags) == ("", [])
    assert catalog.categories_of_products([product.id])[product.id][-1] == parent.id
    assert [sku.list_price_fen for sku in after.skus] == [None, 60_00]


@pytest.mark.parametrize(
    ("rows", "line", "message"),
    [
        ([("N", "", "", "", "9", "", "")], 2, "新建商品请填写“商品名称”"),
        ([("N", "杯", "", "", "", "", "")], 2, "新规格请填写“售价”"),
        ([("N", "杯", "", "", "9.999", "", "")], 2, "“售价”格式不正确"),
        ([("N", "杯", "", "", "0", "", "")], 2, "售价应大于 0"),
        ([("N", "杯", "", "", "9", "10", "")], 2, "会员价应大于 0 且不高于售价"),
        ([("N", "杯", "", "", "9", "", "很多")], 2, "“初始库存”应为 0 或正整数"),
        ([("N", "杯", "蓝色", "", "9", "", "")], 2, "“规格”应写成"),
        ([("N", "杯", "色:蓝;色:红", "", "9", "", "")], 2, "重复的规格名称"),
        ([("N", "杯", "", "M-1", "9", "", "")], 2, "货号“M-1”已被其他商品使用"),
        ([("", "杯", "", "", "9", "", "")], 2, "缺少“商品编码”"),
        ([("", "", "", "GONE", "9", "", "")], 2, "没有这个“货号”的商品"),
        ([("M", "", "颜色:蓝", "", "9", "", "")], 2, "“规格”应写明 尺寸"),
        ([("M", "", "尺寸:小", "M-1", "9", "", "")], 2, "这个“货号”属于规格“大”"),
        (
            [("M", "", "", "M-1", "9", "", ""), ("M", "", "", "M-1", "8", "", "")],
            3,
            "与第 2 行重复",
        ),
        (
            [("M", "", "尺寸:大", "", "9", "", ""), ("M", "", "", "M-1", "8", "", "")],
            3,
            "与第 2 行是同一个规格",
        ),
        (
            [("N", "杯", "色:蓝", "", "9", "", ""), ("N", "碗", "色:红", "", "8", "", "")],
            3,
            "“商品名称”与第 2 行不同",
        ),
        (
            [("N", "杯", "色:蓝", "", "9", "", ""), ("N", "", "款:红", "", "8", "", "")],
            3,
            "“规格”应写明 色",
        ),
        ([("N", "杯", "色:" + "长" * 19, "", "9", "", "")], 2, "每个值最多 18 个字"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_of_the_file_is_done(session, rows, line, message):
    mug()
    before = shop()
    import_id = upload(table(*rows, ("GOOD", "没有问题", "", "", "9", "", "")))

    plan = planned(import_id)
    [found] = [row for row in plan.rows if row.errors]
    assert found.line == line
    assert message in found.errors[0]
    with pytest.raises(DomainError, match="什么都没有导入"):
        apply(import_id, plan.mark)

    assert shop() == before


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "文件里没有商品"),
        (table(), "文件里没有商品"),
        (table(("M", "x"), head=("商品编码", "颜色")), "不认识的列“颜色”"),
        (table(("M", "x"), head=("商品编码", "商品编码")), "“商品编码”有两列"),
        (table(("x",), head=("商品名称",)), "缺少“商品编码”一列"),
        (table(*[("M",)] * 1002), "一次最多导入 1000 行"),
        (b"\x00" * 40, "文件无法读取"),
        (b"x" * (sheets.BYTES_MAX + 1), "文件不能超过 2 MB"),
    ],
)
def test_what_is_no_table_of_products_is_refused_whole(session, data, message):
    with pytest.raises(InvalidInput, match=message):
        upload(data)

    assert db.session.scalars(sa.select(ProductImport)).all() == []


def test_a_product_that_changed_after_the_look_stops_the_file(session):
    product = mug()
    import_id = upload(table(("M", "", "", "M-1", "45", "", "")))
    seen = planned(import_id).mark
    sku_id = catalog.product(product.id).skus[0].id
    run_unit(products.change_prices, {sku_id: (50_00, 70_00)}, actor=ADMIN, now=NOON)
    before = shop()

    with pytest.raises(product_import.Stale):
        apply(import_id, seen)

    assert shop() == before
    assert planned(import_id).rows[0].changes[0].before == "70.00"


def test_a_file_is_applied_once_and_says_afterwards_what_it_did(session):
    mug()
    import_id = upload(table(("M", "", "", "M-1", "45", "", "9")))
    seen = planned(import_id).mark

    row = apply(import_id, seen)
    done = shop()
    apply(import_id, seen)

    assert shop() == done
    [line] = [product_import.reported(found) for found in row.report]
    assert (line.line, line.state, line.note) == (2, "change", "库存不改，请用“库存导入”")
    assert line.changes == (product_import.Change("售价", "50.00", "45.00"),)
    again = upload(table(("M", "", "", "M-1", "45", "", "")))
    assert not planned(again).may_apply


def test_a_file_of_excel_is_read_as_it_looks(session):
    book = openpyxl.Workbook()
    book.active.append(["商品编码", "商品名称*", "售价(元)", "重量（克）", None])
    book.active.append([1001, "杯", 59.9, 320.0, None])
    out = io.BytesIO()
    book.save(out)

    apply(upload(out.getvalue(), "商品.XLSX"))

    product = db.session.scalars(sa.select(Product)).one()
    assert product.code == "1001"
    assert [(s.price_fen, s.weight_g) for s in product.skus] == [(59_90, 320)]


def test_old_files_are_forgotten(session):
    import_id = upload(table(("M", "杯", "", "", "9", "", "")))

    assert run_unit(product_import.tidy, NOON + days(29)) == 0
    assert run_unit(product_import.tidy, NOON + days(31)) == 1
    with pytest.raises(NotFound):
        run_unit(product_import.apply, import_id, seen="", actor=ADMIN, now=NOON)


def test_a_taken_product_code_is_refused(session):
    mug()
    make_product("碗")

    found = products.faults(catalog.ProductInput("杯", (SkuInput((), 9_00),), code="M"))

    assert found == {"code": "商品编码“M”已被其他商品使用"}
