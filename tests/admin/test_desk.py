"""The other corners of the desk: distributors, oddities, settings, books, the log, the figures."""

from datetime import date, timedelta

import pytest

from app import reports, settings
from app.core import clock
from app.distribution import DistributorStatus
from app.settings import registry
from tests.admin.desk import acts, fill, fresh
from tests.factories import give_available, make_member, make_sku, paid_order

D = DistributorStatus


def decide(client, row, what, **data):
    return client.post(f"/admin/distributors/{row.id}/{what}", data=data)


def test_an_application_is_approved_once(session, admin_client):
    desk = fill()
    client = admin_client("operations")

    decide(client, desk.applicant, "approve")

    assert fresh(desk.applicant).status is D.APPROVED
    assert decide(client, desk.applicant, "approve").status_code == 409
    assert [e.subject_id for e in acts("distributor.approved")][-1] == desk.applicant.id


def test_a_refusal_needs_its_reason(session, admin_client):
    desk = fill()
    client = admin_client("operations")

    refused = decide(client, desk.applicant, "reject", reason="")
    assert refused.status_code == 422
    assert "请填写拒绝原因" in refused.text
    assert fresh(desk.applicant).status is D.APPLIED

    decide(client, desk.applicant, "reject", reason="资料不全")
    assert (fresh(desk.applicant).status, desk.applicant.decision_note) == (D.REJECTED, "资料不全")


def test_a_distributor_is_suspended_and_restored(session, admin_client):
    desk = fill()
    client = admin_client("operations")

    assert decide(client, desk.distributor, "suspend", reason=" ").status_code == 422
    assert fresh(desk.distributor).status is D.APPROVED
    decide(client, desk.distributor, "suspend", reason="刷单")
    assert fresh(desk.distributor).status is D.SUSPENDED
    decide(client, desk.distributor, "restore")
    assert fresh(desk.distributor).status is D.APPROVED


def test_an_oddity_is_resolved_with_a_note_only(session, admin_client):
    desk = fill()
    client = admin_client("finance")
    assert "订单关闭后才收到付款" in client.get("/admin/oddities").text

    refused = client.post(f"/admin/oddities/{desk.oddity.id}/resolve", data={"resolution": ""})
    assert refused.status_code == 422
    assert "请写明处理结果" in refused.text
    assert fresh(desk.oddity).resolved_at is None

    client.post(f"/admin/oddities/{desk.oddity.id}/resolve", data={"resolution": "已退款 5001"})
    assert fresh(desk.oddity).resolution == "已退款 5001"
    assert "已退款 5001" in client.get("/admin/oddities?state=resolved").text


def test_a_setting_in_yuan_is_kept_in_fen(session, admin_client):
    client = admin_client("owner")

    answer = client.post("/admin/settings/withdraw.min_fen", data={"value": "12.50"})

    assert answer.status_code == 302
    assert settings.value(registry.WITHDRAW_MIN_FEN) == 12_50
    [entry] = acts("settings.change")
    assert (entry.before, entry.after) == (
        {"withdraw.min_fen": 1_00},
        {"withdraw.min_fen": 12_50},
    )
    assert "¥12.50" in client.get("/admin/settings/withdraw.min_fen").text


@pytest.mark.parametrize(
    ("key", "typed", "says"),
    [
        ("withdraw.min_fen", "0.01", "不能小于 ¥0.10"),
        ("withdraw.min_fen", "1e3", "格式不正确"),
        ("withdraw.min_fen", "-5", "格式不正确"),
        ("withdraw.min_fen", "", "请填写"),
        ("commission.guard_days", "3", "不能小于 10 天"),
        ("commission.guard_days", "十五", "应为整数"),
        ("distribution.join_mode", "paid", "不在可选范围内"),
        ("shop.brand_colour", "red;}", "格式不正确"),
    ],
)
def test_a_value_out_of_bounds_is_refused_at_the_field(session, admin_client, key, typed, says):
    client = admin_client("owner")
    before = settings.everything()

    answer = client.post(f"/admin/settings/{key}", data={"value": typed})

    assert answer.status_code == 422
    assert says in answer.text
    assert settings.everything() == before
    assert acts("settings.change") == []


def test_what_lets_money_out_waits_for_a_second_admin(session, admin_client):
    first, second = admin_client("owner"), admin_client("owner")
    address = "/admin/settings/withdraw.max_fen"

    said = first.post(address, data={"value": "500"}, follow_redirects=True).text
    waits = settings.value(registry.WITHDRAW_MAX_FEN)
    [row] = settings.open_proposals()
    own = first.post(f"/admin/settings/proposals/{row.id}/agree", follow_redirects=True).text
    agreed = second.post(f"/admin/settings/proposals/{row.id}/agree", follow_redirects=True).text

    assert "请由另一位管理员确认后生效" in said
    assert "须由另一位管理员确认" in own
    assert "已确认，立即生效" in agreed
    assert (waits, settings.value(registry.WITHDRAW_MAX_FEN)) == (200_00, 500_00)
    assert [len(acts(f"settings.{act}")) for act in ("propose", "agree", "change")] == [1, 1, 1]


def test_settings_are_found_by_their_words(session, admin_client):
    client = admin_client("owner")

    page = client.get("/admin/settings?q=打款").text
    none = client.get("/admin/settings?q=没有这种").text

    assert "保护期" not in page
    assert "没有找到相关的设置" in none


def test_an_unknown_setting_is_not_there(session, admin_client):
    client = admin_client("owner")

    assert client.get("/admin/settings/no.such").status_code == 404
    assert client.post("/admin/settings/no.such", data={"value": "1"}).status_code == 404


def test_the_books_are_checked_on_the_page(session, admin_client):
    fill()

    page = admin_client("finance").post("/admin/ledger/verify").text

    assert "账目平衡" in page
    assert "不成立" not in page


def test_the_log_is_filtered_by_who_and_what(session, admin_client):
    client = admin_client("owner")
    client.post("/admin/settings/withdraw.min_fen", data={"value": "2"})

    page = client.get("/admin/audit?action=settings.change").text

    assert "单笔最低提现金额" in page
    assert "<td>登录</td>" not in page
    assert "没有符合条件的记录" in client.get("/admin/audit?actor=admin:999999").text


def test_paging_leads_on_and_back_to_where_it_came_from(session, admin_client):
    client = admin_client("owner")
    member = make_member()
    for _ in range(35):
        give_available(member, 1_00)

    first = client.get("/admin/ledger").text
    second_url = _href(first, "next")
    third = client.get(_href(client.get(second_url).text, "next")).text

    assert _href(first, "prev") is None
    assert _href(third, "prev") == second_url
    assert _href(client.get(second_url).text, "prev") == "/admin/ledger"


def test_every_chart_of_the_dashboard_has_its_table_and_gives_it_as_a_file(session, admin_client):
    fill()
    client = admin_client("owner")

    page = client.get("/admin/?days=7")

    for key in ("sales", "people", "funnel", "provinces", "products", "distributors"):
        assert f"/admin/dashboard/{key}/export?days=7&amp;format=xlsx" in page.text
    rows = client.get("/admin/dashboard/provinces/export?days=7&format=csv").text.splitlines()
    assert rows[0] == "\ufeff省份,成交额,占比,付款订单,件数,已退回"
    assert rows[1].startswith("浙江,")
    book = client.get("/admin/dashboard/sales/export?days=7&format=xlsx")
    assert book.mimetype.endswith("spreadsheetml.sheet")
    assert client.get("/admin/dashboard/nothing/export").status_code == 404


def test_a_day_is_a_day_in_shanghai(session):
    now = clock.parse("2026-11-20T00:30:00")
    buyer, sku = make_member(now=now), make_sku(price_fen=100_00)
    paid_order(buyer, sku, 1, now=now)
    paid_order(buyer, sku, 2, now=now - timedelta(hours=1))

    later = now + timedelta(minutes=1)
    days = reports.figures.by_day(date(2026, 11, 18), date(2026, 11, 20), now=later)

    assert [(f"{day:%m-%d}", d.orders, d.sales_fen) for day, d in days.items()] == [
        ("11-18", 0, 0),
        ("11-19", 1, 200_00),
        ("11-20", 1, 100_00),
    ]


def test_the_money_on_the_dashboard_is_the_books(session):
    desk = fill()

    found = reports.money()

    assert found.by_hand_fen > 0
    assert found.at_wechat_fen - found.by_hand_fen == (
        found.held_fen + found.shop_fen + found.refund_due_fen + found.owed_fen
    )
    # And the one that waits in a batch of payouts by hand.
    assert found.frozen_fen == desk.withdrawal.gross_fen + 200_00
    assert found.refund_due_fen == 100_00


def test_queues_say_how_many_and_since_when(session):
    desk = fill()

    found = {queue.key: queue for queue in reports.queues(clock.now())}

    assert {key: queue.count for key, queue in found.items()} == {
        "to_ship": 2,
        "aftersales": 1,
        "bonuses": 1,
        "reviews": 1,
        "applications": 1,
        "appeals": 1,
        "risks": 1,
        "withdrawals": 1,
        "payouts": 0,
        "low_stock": 0,
        "oddities": 1,
        "breaks": 1,
        "outbox": 0,
        # No scheduler runs here.
        "jobs": 1,
    }
    assert found["to_ship"].oldest == desk.order.paid_at


def _href(page: str, rel: str) -> str | None:
    start = page.find(f'rel="{rel}" href="')
    if start < 0:
        return None
    start += len(f'rel="{rel}" href="')
    return page[start : page.index('"', start)].replace("&amp;", "&")
