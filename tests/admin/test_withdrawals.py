"""Review and payout at the desk: each act once, by the right person, refusals without a trace."""

import pytest
import sqlalchemy as sa

from app import distribution, ledger, members, settings, wechat
from app.admin.models import Admin, Role
from app.core.db import db, run_unit, transaction
from app.ledger import Wallet
from app.withdrawals import (
    BillState,
    GatewayUnclear,
    MerchantShort,
    WithdrawalStatus,
    granting,
    grants,
)
from tests.admin.desk import acts, ask_for, earner, fill, fresh
from tests.factories import ADMIN, APPID, NOON, broken_invariants
from tests.withdrawals.fakes import FakeTransfers

S = WithdrawalStatus


@pytest.fixture
def transfers(monkeypatch):
    fake = FakeTransfers()
    monkeypatch.setattr(wechat, "current", lambda: type("Adapters", (), {"transfers": fake}))
    return fake


def act(client, row, what, **data):
    return client.post(f"/admin/withdrawals/{row.number}/{what}", data=data)


def approvals_of(row) -> int:
    """Others on the desk were approved as well."""
    return sum(entry.subject_id == row.id for entry in acts("withdrawal.approve"))


def test_approving_sends_nothing_in_the_request(session, admin_client, transfers):
    desk = fill()

    answer = act(admin_client("finance"), desk.withdrawal, "approve")

    assert answer.headers["Location"] == f"/admin/withdrawals/{desk.withdrawal.number}"
    assert fresh(desk.withdrawal).status is S.APPROVED
    assert transfers.sent == []
    assert approvals_of(desk.withdrawal) == 1


def test_a_second_approval_is_refused(session, admin_client):
    desk = fill()
    client = admin_client("finance")
    act(client, desk.withdrawal, "approve")

    assert act(client, desk.withdrawal, "approve").status_code == 409
    assert approvals_of(desk.withdrawal) == 1


def test_above_the_limit_two_different_people_decide(session, admin_client):
    desk = fill()
    row = ask_for(earner(desk), 150_00)
    first, second = admin_client("finance"), admin_client("owner")

    act(first, row, "approve")
    assert fresh(row).status is S.SUBMITTED
    assert act(first, row, "approve").status_code == 409
    assert fresh(row).status is S.SUBMITTED
    assert "已通过初审，你通过后即可打款" in second.get(f"/admin/withdrawals/{row.number}").text
    act(second, row, "approve")

    assert fresh(row).status is S.APPROVED


def test_nobody_decides_about_their_own_money(session, admin_client):
    desk = fill()
    client = admin_client("finance")
    with transaction():
        # The newest one: the desk has people of finance of its own.
        mine = sa.select(Admin).where(Admin.role == Role.FINANCE).order_by(Admin.id.desc())
        db.session.scalars(mine.limit(1)).one().member_id = desk.withdrawal.member_id

    assert act(client, desk.withdrawal, "approve").status_code == 403
    assert act(client, desk.withdrawal, "reject", reason="不行").status_code == 403

    assert fresh(desk.withdrawal).status is S.SUBMITTED
    assert "须由其他管理员审核" in client.get(f"/admin/withdrawals/{desk.withdrawal.number}").text


def test_rejecting_needs_a_reason_and_frees_the_money(session, admin_client):
    desk = fill()
    client = admin_client("finance")

    refused = act(client, desk.withdrawal, "reject", reason="  ")
    assert refused.status_code == 422
    assert "请填写拒绝原因" in refused.text
    assert fresh(desk.withdrawal).status is S.SUBMITTED

    act(client, desk.withdrawal, "reject", reason="账户信息有误")
    assert fresh(desk.withdrawal).status is S.REJECTED
    assert desk.withdrawal.note == "账户信息有误"
    wallet = ledger.wallet_of(desk.withdrawal.member_id)
    assert (wallet.available_fen, wallet.frozen_fen) == (300_00, 0)


def test_a_batch_is_shown_before_it_is_done(session, admin_client):
    desk = fill()
    others = [ask_for(earner(desk), fen) for fen in (10_00, 20_00)]
    rows = [desk.withdrawal, *others]
    client = admin_client("finance")
    numbers = [row.number for row in rows]

    summary = client.post("/admin/withdrawals/batch", data={"ids": numbers}).text
    assert "共 3 笔" in summary
    assert "80.00" in summary
    assert {fresh(row).status for row in rows} == {S.SUBMITTED}

    client.post("/admin/withdrawals/batch", data={"ids": numbers, "confirmed": "1"})
    assert {fresh(row).status for row in rows} == {S.APPROVED}


def test_one_refusal_in_a_batch_does_not_stop_the_others(session, admin_client):
    desk = fill()
    big, small = ask_for(earner(desk), 120_00), ask_for(earner(desk), 10_00)
    client = admin_client("finance")
    act(client, big, "approve")
    act(client, desk.withdrawal, "reject", reason="重复")

    answer = client.post(
        "/admin/withdrawals/batch",
        data={"ids": [big.number, desk.withdrawal.number, small.number], "confirmed": "1"},
        follow_redirects=True,
    ).text

    assert [fresh(row).status for row in (big, desk.withdrawal, small)] == [
        S.SUBMITTED,
        S.REJECTED,
        S.APPROVED,
    ]
    assert "已通过 1 笔" in answer
    assert f"{big.number}：你已经通过了初审" in answer


def test_nothing_ticked_changes_nothing(session, admin_client):
    desk = fill()

    answer = admin_client("finance").post("/admin/withdrawals/batch", data={})

    assert answer.status_code == 302
    assert approvals_of(desk.withdrawal) == 0


def test_paying_at_once_sends_one_bill(session, admin_client, transfers):
    desk = fill()
    client = admin_client("finance")
    act(client, desk.withdrawal, "approve")

    act(client, desk.withdrawal, "pay")
    assert act(client, desk.withdrawal, "pay").status_code == 409

    assert len(transfers.sent) == 1
    assert len(acts("withdrawal.pay_now")) == 1
    assert fresh(desk.withdrawal).status is S.WAIT_CONFIRM
    page = client.get(f"/admin/withdrawals/{desk.withdrawal.number}").text
    assert transfers.sent[0]["out_bill_no"] in page
    assert "撤销转账" in page


def test_paying_what_nobody_approved_sends_nothing(session, admin_client, transfers):
    desk = fill()

    assert act(admin_client("finance"), desk.withdrawal, "pay").status_code == 409

    assert transfers.sent == []
    assert acts("withdrawal.pay_now") == []
    assert fresh(desk.withdrawal).status is S.SUBMITTED


@pytest.mark.parametrize("trouble", [GatewayUnclear("timed out"), MerchantShort("short")])
def test_an_unclear_answer_keeps_the_money_frozen_and_says_so(
    session, admin_client, transfers, trouble
):
    desk = fill()
    client = admin_client("finance")
    act(client, desk.withdrawal, "approve")
    transfers.on_send.append(trouble)

    act(client, desk.withdrawal, "pay")

    assert fresh(desk.withdrawal).status is S.UNKNOWN
    assert ledger.wallet_of(desk.withdrawal.member_id) == Wallet(
        pending_fen=10_00, available_fen=250_00, frozen_fen=50_00
    )
    assert "款项保持冻结" in client.get(f"/admin/withdrawals/{desk.withdrawal.number}").text
    assert broken_invariants() == {}


def test_a_waiting_bill_can_be_cancelled(session, admin_client, transfers):
    desk = fill()
    client = admin_client("finance")
    act(client, desk.withdrawal, "approve")
    act(client, desk.withdrawal, "pay")

    act(client, desk.withdrawal, "cancel-bill")

    assert fresh(desk.withdrawal).status is S.CANCELLING
    assert next(iter(transfers.bills.values())).state == BillState.CANCELING
    assert len(acts("withdrawal.cancel_bill")) == 1


def test_what_was_not_sent_cannot_be_cancelled(session, admin_client, transfers):
    desk = fill()

    assert act(admin_client("finance"), desk.withdrawal, "cancel-bill").status_code == 409
    assert acts("withdrawal.cancel_bill") == []


def test_the_story_of_a_withdrawal_names_who_was_first(session, admin_client):
    desk = fill()
    row = ask_for(earner(desk), 150_00)
    client = admin_client("finance")

    act(client, row, "approve", note="已电话核实")

    page = client.get(f"/admin/withdrawals/{row.number}").text
    assert "提现初审通过" in page
    assert "已电话核实" in page


def test_what_needs_no_confirmation_is_said_everywhere(session, admin_client, transfers):
    with transaction():
        settings.change("withdraw.wechat_grant_on", True, actor=ADMIN, now=NOON)
    row = fill().withdrawal
    member = members.get(row.member_id)
    granting.start(member.id, gateway=transfers.grants, now=NOON)
    number = grants.newest_of(member.id).out_authorization_no
    run_unit(grants.report, transfers.grants.agree(number), appid=APPID, now=NOON)
    finance = admin_client("finance")
    act(finance, row, "approve")
    act(finance, row, "pay")
    transfers.grants.end(number, "TRANSFER_RISK")
    granting.ask(grants.newest_of(member.id).id, gateway=transfers.grants, now=NOON)
    distributor = distribution.distributor_of(member.id)

    page, found = finance.get(f"/admin/withdrawals/{row.number}"), finance.get("/admin/withdrawals")
    story = admin_client("owner").get(f"/admin/distributors/{distributor.id}")

    assert fresh(row).status is S.PAID
    assert "微信零钱（免确认）" in page.text
    assert "微信零钱 · 免确认" in found.text
    assert "微信判定有风险" in page.text
    assert "微信判定有风险" in story.text
