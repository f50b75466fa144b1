"""Breaks are closed with a reason; two people unlock payouts."""

from app import withdrawals
from app.core import clock
from app.core.db import run_unit
from app.withdrawals import LockCause
from tests.admin.desk import SYSTEM, a_break, acts, fill, fresh


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
    assert "一致" in client.get("/admin/reconciliation?state=days").text


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
