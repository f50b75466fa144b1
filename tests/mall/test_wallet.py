"""The wallet over HTTP: balances, withdrawing, and what became of it."""

import pytest

from app import ledger, withdrawals
from app.core.db import db, run_unit, transaction
from app.ledger import Wallet
from app.settings import change
from app.withdrawals import WithdrawalStatus
from tests.factories import ADMIN, NOON, broken_invariants, give_available, make_member
from tests.mall.pages import hidden_fields, text_of
from tests.withdrawals.fakes import approve, request

JSON = {"Accept": "application/json"}


def wallet_of(member) -> Wallet:
    db.session.rollback()
    return ledger.wallet_of(member.id)


def status_of(row) -> WithdrawalStatus:
    db.session.rollback()
    return withdrawals.withdrawal_by_number(row.number).status


def sent_to(weixin, member, fen: int = 50_00):
    """A withdrawal whose transfer waits for the member."""
    row = request(member, fen)
    approve(row)
    withdrawals.pay(row.id, gateway=weixin.transfers, now=NOON)
    return row


def test_empty_wallet(client, me):
    page = client.get("/me/wallet")

    assert "可提现 ¥0.00" in text_of(page)
    assert "还没有收支，佣金结算后会记在这里" in page.text


def test_statement_says_what_moved_and_links_to_it(client, me):
    give_available(me, 80_00)
    row = request(me, 12_50)

    page = client.get("/me/wallet")

    words = text_of(page)
    assert "可提现 ¥67.50" in words
    assert "提现中 ¥12.50" in words
    assert "申请提现11-21 12:00 -¥12.50" in words
    assert "+¥80.00" in words
    assert f'href="/me/wallet/withdrawals/{row.number}"' in page.text


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "请填写提现金额"),
        ("0", "提现金额必须大于 0"),
        ("0.00", "提现金额必须大于 0"),
        ("0.99", "提现金额最低 ¥1.00"),
        ("-5", "提现金额格式不正确"),
        ("1.234", "提现金额格式不正确"),
        ("1e9", "提现金额格式不正确"),
        ("五十", "提现金额格式不正确"),
        ("NaN", "提现金额格式不正确"),
        ("1,000", "提现金额格式不正确"),
        ("80.01", "提现金额超过可提现余额 ¥80.00"),
        ("200.01", "单笔提现最高 ¥200.00"),
        ("9999999999.99", "提现金额过大"),
    ],
)
@pytest.mark.parametrize("key", ["", "a-key-of-16-letters"])
def test_wrong_amount_is_refused_at_its_field(client, me, typed, says, key):
    give_available(me, 80_00)

    shown = typed.replace(".", "") if "." in typed else typed + "00"
    form = {"amount": typed, "request_key": key, "expected_net_fen": shown}
    answer = client.post("/me/wallet/withdraw", data=form)

    assert answer.status_code == 422
    assert says in answer.text
    assert 'id="e-amount"' in answer.text
    assert f'value="{typed}"' in answer.text
    assert wallet_of(me) == Wallet(available_fen=80_00)
    assert withdrawals.withdrawals_of(me.id).items == []


def test_every_part_is_shown_before_it_is_confirmed(client, me):
    with transaction():
        change("withdraw.fee_bps", 60, actor=ADMIN, now=NOON)
    give_available(me, 80_00)

    page = client.post("/me/wallet/withdraw", data={"amount": "50"})

    words = text_of(page)
    assert page.status_code == 200
    assert "实际到账¥49.70" in words
    assert "提现金额¥50.00" in words
    assert "手续费-¥0.30" in words
    assert "代扣个人所得税¥0.00" in words
    assert wallet_of(me) == Wallet(available_fen=80_00)


def test_confirming_freezes_the_amount_once(client, me):
    give_available(me, 80_00)
    form = hidden_fields(client.post("/me/wallet/withdraw", data={"amount": "50"}).text)

    answers = [client.post("/me/wallet/withdraw", data=form) for _ in range(2)]

    assert form["amount"] == "50"
    assert {answer.status_code for answer in answers} == {303}
    assert answers[0].location == answers[1].location
    assert wallet_of(me) == Wallet(available_fen=30_00, frozen_fen=50_00)
    page = client.get(answers[0].location)
    assert "等待商家审核" in page.text
    assert "提交申请2026-11-21 12:00:00" in text_of(page)
    assert broken_invariants() == {}


def test_a_fee_that_rose_meanwhile_is_shown_again_and_freezes_nothing(client, me):
    give_available(me, 80_00)
    form = hidden_fields(client.post("/me/wallet/withdraw", data={"amount": "50"}).text)
    with transaction():
        change("withdraw.fee_bps", 60, actor=ADMIN, now=NOON)

    answer = client.post("/me/wallet/withdraw", data=form)

    assert answer.status_code == 422
    assert "手续费或税费刚刚有变动" in answer.text
    assert wallet_of(me) == Wallet(available_fen=80_00)


@pytest.mark.parametrize("shown", ["", "-1", "x", "5000000000000000000"])
def test_a_confirmation_without_what_was_shown_freezes_nothing(client, me, shown):
    give_available(me, 80_00)
    form = hidden_fields(client.post("/me/wallet/withdraw", data={"amount": "50"}).text)

    answer = client.post("/me/wallet/withdraw", data={**form, "expected_net_fen": shown})

    assert answer.status_code == 422
    assert wallet_of(me) == Wallet(available_fen=80_00)


def test_forged_request_key_freezes_nothing(client, me):
    give_available(me, 80_00)

    answer = client.post("/me/wallet/withdraw", data={"amount": "50", "request_key": "k" * 65})

    assert answer.status_code == 422
    assert wallet_of(me) == Wallet(available_fen=80_00)


def test_member_takes_a_request_back(client, me):
    give_available(me, 80_00)
    row = request(me, 50_00)

    answer = client.post(f"/me/wallet/withdrawals/{row.number}/cancel")

    assert status_of(row) is WithdrawalStatus.CANCELLED
    assert wallet_of(me) == Wallet(available_fen=80_00)
    assert "你已撤回这笔提现" in client.get(answer.location).text


def test_decided_request_cannot_be_taken_back(client, me):
    give_available(me, 80_00)
    row = request(me, 50_00)
    approve(row)

    answer = client.post(f"/me/wallet/withdrawals/{row.number}/cancel")

    assert answer.status_code == 409
    assert status_of(row) is WithdrawalStatus.APPROVED
    assert wallet_of(me) == Wallet(available_fen=30_00, frozen_fen=50_00)


def test_refused_request_says_why(client, me):
    give_available(me, 80_00)
    row = request(me, 50_00)
    run_unit(
        withdrawals.reject,
        row.id,
        reason="请先完成实名认证",
        actor=ADMIN,
        actor_member_id=None,
        now=NOON,
    )

    page = client.get(f"/me/wallet/withdrawals/{row.number}").text

    assert "提现没有通过审核" in page
    assert "原因：请先完成实名认证" in page


def test_transfer_waits_for_the_member_until_tomorrow(client, me, weixin):
    give_available(me, 80_00)
    row = sent_to(weixin, me)

    page = client.get(f"/me/wallet/withdrawals/{row.number}").text

    [bill] = weixin.transfers.bills.values()
    assert "去微信确认收款" in page
    assert "请在 11月22日 12:00 之前确认，超时自动退回" in page
    assert f'data-package="{bill.package_info}"' in page


def test_state_asks_wechat_after_the_member_confirmed(client, me, weixin):
    give_available(me, 80_00)
    row = sent_to(weixin, me)
    [number] = weixin.transfers.bills
    weixin.transfers.end(number, "SUCCESS")

    answer = client.get(f"/me/wallet/withdrawals/{row.number}/state", headers=JSON)

    assert answer.json == {"status": "paid", "words": "已到账", "waits": False}
    assert wallet_of(me) == Wallet(available_fen=30_00)
    assert "已到账" in client.get(f"/me/wallet/withdrawals/{row.number}").text


def test_state_asks_wechat_once_in_three_seconds(client, me, weixin):
    give_available(me, 80_00)
    row = sent_to(weixin, me)

    answers = [
        client.get(f"/me/wallet/withdrawals/{row.number}/state", headers=JSON).json
        for _ in range(3)
    ]

    assert [answer["waits"] for answer in answers] == [True] * 3
    assert len(weixin.transfers.queried) == 1


def test_overdue_transfer_says_why_and_the_money_is_back(client, me, weixin):
    give_available(me, 80_00)
    row = sent_to(weixin, me)
    [number] = weixin.transfers.bills
    weixin.transfers.end(number, "FAIL", "OVERDUE_CLOSE")
    client.get(f"/me/wallet/withdrawals/{row.number}/state", headers=JSON)

    page = client.get(f"/me/wallet/withdrawals/{row.number}").text

    assert "打款没有成功" in page
    assert "超过 24 小时没有确认收款，转账已自动取消" in page
    assert wallet_of(me) == Wallet(available_fen=80_00)


def test_list_of_withdrawals(client, me):
    assert "还没有提现记录" in client.get("/me/wallet/withdrawals").text
    give_available(me, 80_00)
    row = request(me, 12_50)

    page = client.get("/me/wallet/withdrawals")

    assert row.number in page.text
    assert "¥12.50待审核" in text_of(page)


@pytest.mark.parametrize("path", ["", "/state"])
def test_another_members_withdrawal_is_not_found(client, me, path):
    other = make_member()
    give_available(other, 80_00)
    row = request(other, 50_00)

    assert client.get(f"/me/wallet/withdrawals/{row.number}{path}").status_code == 404


def test_another_members_withdrawal_cannot_be_cancelled(client, me):
    other = make_member()
    give_available(other, 80_00)
    row = request(other, 50_00)

    answer = client.post(f"/me/wallet/withdrawals/{row.number}/cancel")

    assert answer.status_code == 404
    assert status_of(row) is WithdrawalStatus.SUBMITTED
