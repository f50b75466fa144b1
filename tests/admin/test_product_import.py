"""Products from a file at the desk: template, upload, the look before, applying."""

import io

import openpyxl
import pytest
import sqlalchemy as sa

from app.admin.models import Role
from app.catalog import Product, ProductImport, import_sheet
from app.core.db import db
from tests.admin.desk import acts

FILE = "商品编码,商品名称,售价\nT-1,高山绿茶,99\n"


def send(client, text: str = FILE, name: str = "商品.csv"):
    data = {"file": (io.BytesIO(text.encode()), name)}
    return client.post("/admin/products/import", data=data)


def mark_of(page: str) -> str:
    return page.split('name="mark" value="')[1].split('"')[0]


def titles() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(Product.title)))


def test_a_file_is_looked_at_and_then_applied(session, admin_client):
    client = admin_client("operations")

    address = send(client).headers["Location"]
    page = client.get(address).text
    assert "新规格 1 个" in page
    assert titles() == []
    client.post(f"{address}/apply", data={"mark": mark_of(page)})

    assert titles() == ["高山绿茶"]
    assert "导入完成" in client.get(address).text
    assert [entry.after for entry in acts("product.import")] == [{"new": 1, "change": 0, "same": 0}]
    assert "已导入" in client.get("/admin/products/import").text


def test_a_wrong_row_is_shown_and_offers_no_button(session, admin_client):
    client = admin_client("operations")

    address = send(client, FILE + "T-2,,8\n").headers["Location"]
    page = client.get(address).text

    assert "新建商品请填写“商品名称”" in page
    assert 'name="mark"' not in page
    answer = client.post(f"{address}/apply", data={"mark": "x"})
    assert (answer.status_code, titles()) == (409, [])
    assert "什么都没有导入" in answer.text


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "", "请选择要导入的文件"),
        ("颜色\n红", "a.csv", "不认识的列"),
        ("x", "a.xlsx", "文件无法读取"),
    ],
)
def test_what_is_no_table_is_said_at_the_field(session, admin_client, text, name, message):
    answer = send(admin_client("operations"), text, name)

    assert answer.status_code == 422
    assert message in answer.text
    assert db.session.scalars(sa.select(ProductImport)).all() == []


def test_the_template_can_be_filled_in_and_sent(session, admin_client):
    client = admin_client("operations")

    answer = client.get("/admin/products/import/template")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).worksheets[0]

    assert [cell.value for cell in sheet[1]] == [column.title for column in import_sheet.COLUMNS]
    found = client.post(
        "/admin/products/import", data={"file": (io.BytesIO(answer.data), "模板.xlsx")}
    )
    assert "新规格 2 个" in client.get(found.headers["Location"]).text


def test_who_may_not_change_products_may_not_import(session, admin_client):
    client = admin_client(Role.FINANCE.value)

    assert send(client).status_code == 403
    assert db.session.scalars(sa.select(ProductImport)).all() == []
