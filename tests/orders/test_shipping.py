"""Many parcels at once: all are shipped, or none and each row says why."""

import pytest
import sqlalchemy as sa

from app import orders
from app.audit import AuditEntry
from app.catalog import ProductKind
from app.core.db import db, run_unit
from app.core.errors import InvalidInput
from app.orders import OrderStatus, shipping
from app.orders.shipping import Parcel
from tests.factories import (
    ADMIN,
    NOON,
    make_member,
    make_product,
    make_sku,
    paid_order,
    place_order,
)


def send(*parcels: tuple[str, str, str]) -> shipping.Report:
    rows = [Parcel(line, *parcel) for line, parcel in enumerate(parcels, start=2)]
    return run_unit(shipping.ship_all, rows, actor=ADMIN, now=NOON)


def state(number: str) -> tuple[OrderStatus, str, str]:
    db.session.rollback()
    found = orders.order_by_number(number)
    return found.status, found.carrier, found.tracking_number


@pytest.fixture
def paid(session) -> list[str]:
    """The numbers of two orders that wait for a parcel."""
    sku, buyer = make_sku(), make_member("王芳", now=NOON)
    return [paid_order(buyer, sku, now=NOON).number for _ in range(2)]


def test_every_order_goes_with_its_parcel(paid):
    report = send((paid[0], "顺丰速运", "SF1234567"), (paid[1].lower(), "本地跑腿", " YT7654321 "))

    assert report.is_applied
    assert [state(number) for number in paid] == [
        (OrderStatus.SHIPPED, "顺丰速运", "SF1234567"),
        (OrderStatus.SHIPPED, "本地跑腿", "YT7654321"),
    ]
    assert len(db.session.scalars(sa.select(AuditEntry).filter_by(action="order.ship")).all()) == 2


@pytest.mark.parametrize(
    ("number", "carrier", "code", "message"),
    [
        ("", "顺丰速运", "SF1234567", "缺少订单号"),
        ("X1", "顺丰速运", "SF1234567", "没有这个订单号"),
        ("{0}", "顺丰速运", "SF1234567", "与第 2 行的订单号重复"),
        ("{1}", "", "SF1234567", "请填写快递公司"),
        ("{1}", "顺丰速运", "SF1", "快递单号应为 6 到 40 位"),
        ("{1}", "顺丰速运", "4.31235E+14", "科学计数"),
        ("{unpaid}", "顺丰速运", "SF1234567", "订单不是待发货"),
        ("{sent}", "顺丰速运", "SF1234567", "已经发过货了：中通快递 ZT1234567"),
        ("{virtual}", "顺丰速运", "SF1234567", "虚拟商品不用快递"),
    ],
)
def test_one_bad_row_and_nothing_is_shipped(paid, number, carrier, code, message):
    buyer, sku = make_member("钱宁", now=NOON), make_sku()
    others = {
        "unpaid": place_order(buyer, sku, now=NOON).number,
        "sent": paid_order(buyer, sku, now=NOON).number,
        "virtual": paid_order(
            buyer, make_product(kind=ProductKind.VIRTUAL).skus[0], now=NOON
        ).number,
    }
    send((others["sent"], "中通快递", "ZT1234567"))

    report = send(
        (paid[0], "顺丰速运", "SF7654321"), (number.format(*paid, **others), carrier, code)
    )

    assert report.rows[0].error == ""
    assert message in report.rows[1].error
    assert state(paid[0]) == (OrderStatus.PAID, "", "")


def test_those_that_wait_are_listed_without_what_needs_no_parcel(paid):
    buyer, sku = make_member("钱宁", now=NOON), make_sku()
    place_order(buyer, sku, now=NOON)
    paid_order(buyer, make_product(kind=ProductKind.VIRTUAL).skus[0], now=NOON)

    assert [order.number for order in shipping.waiting().items] == paid[::-1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A1,顺丰速运,SF123456", [Parcel(1, "A1", "顺丰速运", "SF123456")]),
        (
            "商品,快递单号,订单号,快递公司\n茶,SF123456,A1,顺丰速运\n杯,,A2,\n",
            [Parcel(2, "A1", "顺丰速运", "SF123456")],
        ),
    ],
)
def test_columns_are_known_by_their_headings_and_empty_rows_wait(text, found):
    assert shipping.parcels_of(text.encode("gb18030"), "单号.csv") == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "文件里没有填好的快递单号"),
        ("订单号,快递公司,快递单号\nA1,,\n", "文件里没有填好的快递单号"),
        ("订单号,快递单号\nA1,SF123456\n", "文件里缺少“快递公司”一列"),
        ("a,b,c\n" * 1002, "一次最多导入 1000 行"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(text, message):
    with pytest.raises(InvalidInput, match=message):
        shipping.parcels_of(text.encode(), "单号.csv")
