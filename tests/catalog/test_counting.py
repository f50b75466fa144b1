"""Counting stock by hand and from files: once, with its trace, and all of it or nothing."""

import io
import zipfile

import openpyxl
import pytest
import sqlalchemy as sa

from app import catalog
from app.audit import AuditEntry
from app.catalog import Sku, SkuInput, StockMove, stock_import
from app.core.db import db, run_unit
from app.core.errors import InvalidInput, NotFound
from tests.factories import ADMIN, NOON, broken_invariants, make_product, make_sku
from tests.threads import behind


def stock_of(sku_id: int) -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(Sku.stock).filter_by(id=sku_id))


def count(sku_id: int, counted: int, key: str = "count:1", reason: str = "") -> int:
    return run_unit(
        catalog.count_stock, sku_id, counted, key=key, reason=reason, actor=ADMIN, now=NOON
    )


def last_move(sku_id: int) -> StockMove:
    return db.session.scalars(
        sa.select(StockMove).filter_by(sku_id=sku_id).order_by(StockMove.id.desc())
    ).first()


@pytest.mark.parametrize(("counted", "change"), [(7, -3), (12, 2), (0, -10), (10, 0)])
def test_a_count_makes_the_stock_what_was_counted(session, counted, change):
    sku = make_sku(stock=10)

    assert count(sku.id, counted, reason="月末") == change

    assert stock_of(sku.id) == counted
    if change:
        move = last_move(sku.id)
        assert (move.delta, move.reason, move.actor) == (
            change,
            f"盘点为 {counted}：月末",
            ADMIN.ref,
        )
        entry = db.session.scalars(sa.select(AuditEntry)).one()
        assert (entry.action, entry.before["stock"], entry.after["stock"]) == (
            "stock.count",
            10,
            counted,
        )
    assert broken_invariants() == {}


def test_the_same_key_counts_once(session):
    sku = make_sku(stock=10)

    count(sku.id, 4)
    run_unit(catalog.add_stock, sku.id, 3, key="delivery", reason="入库", now=NOON)
    assert count(sku.id, 4) == 0

    assert stock_of(sku.id) == 7


@pytest.mark.parametrize("counted", [-1, 1_000_001])
def test_a_count_that_cannot_be_is_refused(session, counted):
    sku = make_sku(stock=10)

    with pytest.raises(InvalidInput, match="库存应在 0 到 1000000 之间"):
        count(sku.id, counted)
    with pytest.raises(NotFound):
        count(999, 1)

    assert stock_of(sku.id) == 10


def test_goods_that_came_in_are_added_once(session):
    sku = make_sku(stock=10)

    for _ in range(2):
        run_unit(catalog.receive_stock, sku.id, 5, key="in:1", actor=ADMIN, now=NOON)

    assert stock_of(sku.id) == 15
    assert last_move(sku.id).reason == "手工入库"
    assert [e.action for e in db.session.scalars(sa.select(AuditEntry))] == ["stock.receive"]


@pytest.mark.parametrize("pieces", [0, -1, 999_991])
def test_goods_that_cannot_be_are_refused(session, pieces):
    sku = make_sku(stock=10)

    with pytest.raises(InvalidInput, match="库存不能超过"):
        run_unit(catalog.receive_stock, sku.id, pieces, key="in:1", actor=ADMIN, now=NOON)

    assert stock_of(sku.id) == 10


@pytest.mark.mariadb_only
def test_a_count_waits_for_the_buyer_before_it_and_then_holds(live):
    sku_id = make_sku(stock=10).id
    db.session.rollback()

    behind(
        live,
        lambda: catalog.reserve(sku_id, 4, key="order:1:1", now=NOON),
        lambda: count(sku_id, 10),
    )

    # The shelf held ten after the buyer's four were gone: four more than was known.
    assert stock_of(sku_id) == 10
    assert last_move(sku_id).delta == 4
    assert broken_invariants() == {}


def test_products_at_their_warning_are_counted(session):
    make_product("够", skus=(SkuInput((), 1_00, warn_below=5, opening_stock=6),))
    make_product("少", skus=(SkuInput((), 1_00, warn_below=5, opening_stock=5),))
    make_product("没了", skus=(SkuInput((), 1_00),))
    make_product("下架", is_on_shelf=False, skus=(SkuInput((), 1_00),))

    assert catalog.low_stock_count(NOON) == 2
    assert catalog.counts_by_tab() == {"": 4, "on": 3, "off": 0, "draft": 1, "gone": 1, "low": 2}
    assert [p.title for p in catalog.products_page("low").items] == ["没了", "少"]


# --- from a file -------------------------------------------------------------------


@pytest.fixture
def coded(session):
    """Two SKUs with codes, ten pieces each."""
    made = [
        make_product(title, skus=(SkuInput((), 1_00, code=code, opening_stock=10),))
        for title, code in (("杯", "CUP-1"), ("碗", "007"))
    ]
    return [product.skus[0].id for product in made]


def take(data: bytes, name: str = "stock.csv", key: str = "k1") -> stock_import.Report:
    return run_unit(stock_import.take, data, filename=name, key=key, actor=ADMIN, now=NOON)


def excel(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("货号,数量\nCUP-1,4\n007,25\n".encode(), "a.csv"),
        ("货号,数量\r\nCUP-1,4\r\n\r\n007,25".encode("gb18030"), "a.csv"),
        ("\ufeffCUP-1,4,多余的列\n 007 , 25 ".encode(), "A.CSV"),
        (excel(("货号", "数量"), ("CUP-1", 4), ("007", 25.0)), "a.xlsx"),
    ],
)
def test_a_file_sets_every_count(coded, data, name):
    report = take(data, name)

    assert (report.is_applied, report.changed) == (True, 2)
    assert [(row.code, row.before, row.after) for row in report.rows] == [
        ("CUP-1", 10, 4),
        ("007", 10, 25),
    ]
    assert [stock_of(sku_id) for sku_id in coded] == [4, 25]
    assert last_move(coded[0]).reason == "盘点为 4：文件导入"
    assert broken_invariants() == {}


def test_the_same_file_sent_twice_counts_once(coded):
    take(b"CUP-1,4")
    run_unit(catalog.add_stock, coded[0], 1, key="in", reason="入库", now=NOON)

    take(b"CUP-1,4")

    assert stock_of(coded[0]) == 5


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (",5", "缺少货号"),
        ("NOPE,5", "没有这个货号的在售规格"),
        ("CUP-1,6", "与第 1 行的货号重复"),
        ("007,-1", "数量应为 0 或正整数"),
        ("007,1.5", "数量应为 0 或正整数"),
        ("007,1e3", "数量应为 0 或正整数"),
        ("007,", "数量应为 0 或正整数"),
        ("007,１２", "数量应为 0 或正整数"),
        ("007,1000001", "数量不能超过 1000000"),
        ("=1+1,5", "没有这个货号的在售规格"),
    ],
)
def test_one_bad_row_leaves_everything_as_it_was(coded, line, error):
    report = take(f"CUP-1,4\n{line}".encode())

    assert (report.is_applied, report.failed, report.changed) == (False, 1, 0)
    assert [row.error for row in report.rows] == ["", error]
    assert [stock_of(sku_id) for sku_id in coded] == [10, 10]
    assert db.session.scalars(sa.select(AuditEntry).filter_by(action="stock.count")).all() == []


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"\0" * (41 * 1024 * 1024))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "a.csv", "文件里没有数据"),
        ("货号,数量\n".encode(), "a.csv", "文件里没有数据"),
        (b"\x00\x01\x02", "a.csv", "文件无法读取"),
        (b"\xff\xff", "a.csv", "文件无法读取"),
        (b"CUP-1,4", "a.xlsx", "文件无法读取"),
        (b"PK\x03\x04nonsense", "a.xlsx", "文件无法读取"),
        (bomb(), "a.xlsx", "文件内容过大"),
        (b"x" * (2 * 1024 * 1024 + 1), "a.csv", "文件不能超过 2 MB"),
        ("\n".join(f"C{n},1" for n in range(2003)).encode(), "a.csv", "最多导入 2000 行"),
    ],
)
def test_what_is_no_table_is_refused(coded, data, name, message):
    with pytest.raises(InvalidInput, match=message):
        take(data, name)

    assert [stock_of(sku_id) for sku_id in coded] == [10, 10]
