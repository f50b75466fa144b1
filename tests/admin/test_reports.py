"""Reports at the desk: the days asked for, targets, who may see what."""

from datetime import date

import pytest
import sqlalchemy as sa

from app.core import clock
from app.core.db import db
from app.core.errors import InvalidInput
from app.reports.boards import REPORTS, Compare, Span
from app.reports.targets import SalesTarget
from tests.admin.desk import acts, fill
from tests.factories import make_distributor, make_member


@pytest.mark.parametrize(
    ("compare", "first", "last"),
    [
        (Compare.PREVIOUS, date(2026, 10, 31), date(2026, 11, 9)),
        (Compare.YEAR, date(2025, 11, 10), date(2025, 11, 19)),
    ],
)
def test_a_span_is_held_against_as_many_days(compare, first, last):
    before = Span(date(2026, 11, 10), date(2026, 11, 19), compare).before

    assert (before.first, before.last) == (first, last)


def test_a_span_of_a_leap_day_is_held_against_as_many_days_a_year_before():
    before = Span(date(2028, 2, 28), date(2028, 3, 1), Compare.YEAR).before

    assert (before.first, before.last) == (date(2027, 2, 28), date(2027, 3, 2))


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (date(2026, 11, 2), date(2026, 11, 1), "结束日期不能早于开始日期"),
        (date(2025, 1, 1), date(2026, 11, 1), "一次最多看 366 天，请缩小日期范围"),
    ],
)
def test_a_span_that_ends_before_it_begins_or_is_too_long_is_refused(first, last, said):
    with pytest.raises(InvalidInput, match=said):
        Span(first, last)


def test_every_report_shows_its_charts_and_gives_their_tables_as_files(session, admin_client):
    fill()
    client = admin_client("owner")

    for key, report in REPORTS.items():
        page = client.get(f"/admin/reports/{key}?period=7&compare=year")
        assert page.status_code == 200
        assert f"<h1>{report.title}报表</h1>" in page.text
        if key == "forecast":
            assert "预测需要至少 6 周" in page.text
            continue
        assert "较去年同期" in page.text
        assert f"/admin/reports/{key}/" in page.text
        span = Span(date(2026, 11, 10), date(2026, 11, 19), Compare.YEAR)
        heads = {b.key: [t for t, _ in b.grid.head] for b in report.make(span, clock.now()).blocks}
        for block, titles in heads.items():
            # A target is what it is held against itself.
            assert any("（对比期）" in title for title in titles) == (block != "targets")
    file = client.get("/admin/reports/sales/sales/export?period=7&compare=none&format=csv")
    lines = file.text.splitlines()
    assert lines[0] == "\ufeff日期,成交额,付款订单,件数,平均每单,其中已退回"
    assert len(lines) == 8


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("period=own", "请选择开始和结束日期"),
        ("period=own&from=2026-11-02&to=2026-11-01", "结束日期不能早于开始日期"),
        ("period=own&from=0001-01-01&to=2026-11-01", "开始日期太早了"),
    ],
)
def test_days_that_make_no_sense_are_refused_and_the_usual_ones_shown(
    session, admin_client, asked, said
):
    page = admin_client("owner").get(f"/admin/reports/sales?{asked}")

    assert page.status_code == 422 or page.status_code == 400
    assert said in page.text
    assert "近 30 天" in page.text


def test_a_role_sees_the_reports_of_its_part_of_the_shop(session, admin_client):
    client = admin_client("operations")

    assert client.get("/admin/reports/withdrawals").status_code == 403
    assert client.get("/admin/reports/withdrawals/days/export").status_code == 403
    assert client.get("/admin/reports/sales").status_code == 200
    assert "/admin/reports/withdrawals" not in client.get("/admin/reports/sales").text


def test_a_target_is_set_changed_and_taken_away(session, admin_client):
    seller = make_distributor(now=clock.now())
    client = admin_client("owner")
    sent = {"month": "2026-11", "member": seller.public_id}

    for target in ("500", "800.50", "0"):
        assert client.post("/admin/targets", data={**sent, "target": target}).status_code == 303

    assert db.session.scalars(sa.select(SalesTarget)).all() == []
    assert [(e.before, e.after) for e in acts("report.target")] == [
        (None, {"month": "2026-11-01", "target_fen": 500_00}),
        (
            {"month": "2026-11-01", "target_fen": 500_00},
            {"month": "2026-11-01", "target_fen": 800_50},
        ),
        ({"month": "2026-11-01", "target_fen": 800_50}, {"month": "2026-11-01", "target_fen": 0}),
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"member": "NOBODY"}, "没有这个会员编号"),
        ({"target": "abc"}, "目标格式不正确"),
        ({"target": "99999999"}, "目标要在 0 到 1,000 万元之间"),
        ({"member": "buyer"}, "这位会员不是分销员"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused_and_changes_nothing(
    session, admin_client, changed, said
):
    seller, buyer = make_distributor(now=clock.now()), make_member(now=clock.now())
    sent = {"month": "2026-11", "member": seller.public_id, "target": "500", **changed}
    if sent["member"] == "buyer":
        sent["member"] = buyer.public_id
    client = admin_client("owner")

    page = client.post("/admin/targets", data=sent)

    assert page.status_code in (400, 422)
    assert said in page.text
    assert db.session.scalars(sa.select(SalesTarget)).all() == []
    assert acts("report.target") == []
