"""Breaks are closed with a reason; two people unlock payouts."""

from datetime import date

from app import withdrawals
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.reconciliation import BillFile, BillKind, DayState, FileState, ReconciledDay
from app.withdrawals import LockCause
from tests.admin.desk import SYSTEM, a_break, acts, fill, fresh
from tests.admin.lists import lines_of
from tests.factories import NOON, days
from tests.mall.pages import text_of


def lock() -> None:
    run_unit(withdrawals.locks.lock, LockCause.BOOKS, "差 1 笔", actor=SYSTEM, now=clock.now())


def test_a_break_is_closed_with_a_reason_only(session, admin_client):
    row, client = a_break(), admin_client("finance")
    page = client.get("/admin/reconciliation").text
    assert "微信账单里没有" in page
    assert "12,345,678.90" in page
    url = f"/admin/reconciliation/breaks/{row.id}/close"

    refused = client.post(url, data={"reason": " "})
    assert (refused.status_code, "请写明原因" in refused.text) == (422, True)
    assert fresh(row).closed_at is None

    client.post(url, data={"reason": "线下已核实"})
    assert fresh(row).reason == "线下已核实"
    assert len(acts("reconciliation.close")) == 1
    assert "线下已核实" in client.get("/admin/reconciliation?state=closed").text
    assert "一致 1 处差异已处理" in text_of(client.get("/admin/reconciliation/days"))


def test_a_day_says_what_came_in_and_went_out_and_which_side_differs(session, admin_client):
    day = date(2026, 11, 20)
    sums = {
        "payment": {"count": 3, "ledger_fen": 300_00, "request_fen": 300_00, "bill_fen": 212_00},
        "refund": {"count": 1, "ledger_fen": -20_00, "request_fen": -20_00, "bill_fen": -20_00},
        "fee": {"bill_fen": -1_80},
    }
    rows = [
        ReconciledDay(day=day, state=DayState.BREAKS, sums=sums, break_count=1, checked_at=NOON),
        ReconciledDay(day=day - days(2), state=DayState.AGREES, sums={}, checked_at=NOON),
        # Looked at last, and the day between.
        ReconciledDay(day=day - days(1), state=DayState.REFUSED, checked_at=NOON),
    ]
    fault = BillFile(
        day=day - days(1),
        kind=BillKind.TRADE,
        state=FileState.REFUSED,
        reason="合计不符",
        fetched_at=NOON,
    )
    with transaction():
        db.session.add_all([*rows, fault])
    client = admin_client("finance")

    page = text_of(client.get("/admin/reconciliation/days"))
    answer = client.post(
        "/admin/lists/reconciled-days/export",
        data={"format": "csv", "sort": "-day", "to": "2026-11-19"},
    )

    assert "2026-11-20 周五4¥212.00−¥20.00—¥192.00−¥1.80—有差异 1 处差异" in page
    assert page.index("2026-11-20 周五") < page.index("2026-11-19 周四")
    assert "商城单据净额多 ¥88.00账本净额多 ¥88.00" in page
    assert "2026-11-19 周四———————账单不完整 交易账单：合计不符 2026-11-18" in page
    assert [row[:3] + row[7:] for row in lines_of(answer)[1:]] == [
        ["2026-11-19", "0", "", "", "账单不完整"],
        ["2026-11-18", "0", "0.00", "0.00", "一致"],
    ]


def test_two_people_unlock_payouts(session, admin_client):
    lock()
    first, second = admin_client("finance"), admin_client("owner")
    url = "/admin/reconciliation/unlock"
    assert "打款已锁定" in first.get("/admin/withdrawals").text

    assert first.post(url, data={"note": ""}).status_code == 422
    assert first.post(url, data={"note": "已核对"}).status_code == 303
    assert first.post(url, data={"note": "已核对"}).status_code == 409
    assert withdrawals.locks.current() is not None
    assert "已同意解锁：已核对" in second.get("/admin/reconciliation").text

    second.post(url, data={"note": "复核无误"})
    assert withdrawals.locks.current() is None
    assert [row.reason for row in acts("payout.unlock")] == ["复核无误"]


def test_an_open_break_keeps_payouts_locked(session, admin_client):
    lock()
    a_break()

    refused = admin_client("owner").post("/admin/reconciliation/unlock", data={"note": "继续"})

    assert (refused.status_code, "还有没处理完的对账差异" in refused.text) == (409, True)
    assert withdrawals.locks.current().first_by == ""


def test_pay_now_says_that_payouts_are_locked(session, admin_client):
    desk = fill()
    client = admin_client("owner")
    number = desk.withdrawal.number
    client.post(f"/admin/withdrawals/{number}/approve")
    lock()

    answer = client.post(f"/admin/withdrawals/{number}/pay", follow_redirects=True)

    assert "打款已锁定：账目没有对平，请先到" in answer.text
    assert fresh(desk.withdrawal).status == "approved"
