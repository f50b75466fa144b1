"""The panel's lists as files."""

import io
from datetime import timedelta

import openpyxl
import sqlalchemy as sa

from app.core.db import db
from app.reports import exports
from tests.admin.desk import acts, browser_of, fresh, totp, with_factor
from tests.admin.lists import lines_of
from tests.factories import (
    make_member,
    make_sku,
    paid_order,
)


def test_a_short_file_holds_what_the_page_shows_in_its_order(bought, admin_client):
    client = admin_client("operations")

    answer = client.post(
        "/admin/lists/orders/export",
        data={"format": "xlsx", "state": "paid", "sort": "created"},
    )

    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("订单号", "商品", "买家", "实付", "下单", "付款", "状态")
    assert [row[0] for row in rows[1:]] == [bought[0], bought[2]]
    assert (rows[1][2], rows[1][3], rows[1][6]) == ("王芳", 10, "待发货")
    [entry] = acts("list.export")
    assert entry.after == {
        "list": "订单",
        "state": "paid",
        "format": "xlsx",
        "rows": 2,
        "personal": [],
    }


def test_who_may_not_see_a_list_cannot_take_it_as_a_file(session, admin_client):
    statuses = [
        admin_client(role).post(f"/admin/lists/{name}/export").status_code
        for role, name in (("support", "orders"), ("operations", "withdrawals"), ("owner", "audit"))
    ]

    assert statuses == [403, 403, 403]
    assert acts("list.export") == []


def test_a_file_with_personal_data_asks_for_a_fresh_code(app, session):
    admin = with_factor("boss")
    paid_order(make_member(), make_sku(price_fen=10_00))
    client = browser_of(app, admin, proved=timedelta(minutes=11))
    client.post("/admin/lists/orders/columns", data={"columns": ["phone"]})

    asked = client.post("/admin/lists/orders/export", data={"format": "csv"})
    given = client.post(
        "/admin/lists/orders/export", data={"format": "csv", "fresh_code": totp(fresh(admin))}
    )

    assert (asked.status_code, "输入验证码" in asked.text) == (403, True)
    assert lines_of(given)[0] == ["手机"]
    assert [entry.after["personal"] for entry in acts("list.export")] == [["phone"]]


def test_a_long_list_is_made_in_the_background(bought, admin_client, monkeypatch):
    monkeypatch.setattr(exports, "AT_ONCE_MAX", 1)
    client = admin_client("operations")

    answer = client.post("/admin/lists/orders/export", data={"format": "csv", "sort": "created"})

    assert answer.headers["Location"] == "/admin/exports"
    row = db.session.scalars(sa.select(exports.AdminExport)).one()
    assert (row.state, row.rows_total, row.sort) == ("queued", 3, "created")
    text = client.get("/admin/exports").text
    assert "排队中" in text
    assert 'http-equiv="refresh" content="3"' in text
