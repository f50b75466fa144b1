"""Payee accounts, and the terms of each way to be paid."""

import pytest
import sqlalchemy as sa

from app import ledger, members, tax, withdrawals
from app.audit import AuditEntry
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput, NotFound
from app.settings import change
from app.withdrawals import Channel, NameNeeded, PayeeAccount, Withdrawal, payees
from app.withdrawals.errors import ChannelClosed, TooManyPayees
from app.withdrawals.payees import PayeeInput
from tests.factories import ADMIN, NOON, broken_invariants, give_available, make_member
from tests.withdrawals.byhand import CARD, add_account, open_channel
from tests.withdrawals.fakes import LOST, FakeTransfers, approve


@pytest.fixture
def member(session):
    found = make_member("欧阳娜娜")
    give_available(found, 50_000_00)
    return found


def identify(member, number="11010519491231002X"):
    run_unit(tax.identify, member.id, name="欧阳娜娜", number=number, has_agreed=True, now=NOON)


def ask(member, fen, **given) -> Withdrawal:
    return run_unit(
        withdrawals.request, member.id, amount_fen=fen, request_key="tap", now=NOON, **given
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (("bank", " 欧阳 娜娜 ", "6222 0212 3456 7890 128", "招商银行"), ("欧阳娜娜", CARD)),
        (("alipay", "张三", "13812345678", "x"), ("张三", "13812345678")),
        (("alipay", "张三", "Na.Na@Example.com", ""), ("张三", "na.na@example.com")),
    ],
)
def test_an_account_is_kept_in_its_plain_form(given, kept):
    way, holder, account, bank = given

    made = payees.clean(PayeeInput(Channel(way), holder, account, bank))

    assert (made.holder, made.account) == kept
    assert made.bank_name == ("招商银行" if way == "bank" else "")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (("wechat", "张三", "13812345678", ""), "channel"),
        (("bank", "", CARD, "招商银行"), "holder"),
        (("bank", "Zhang", CARD, "招商银行"), "holder"),
        (("bank", "·张三", CARD, "招商银行"), "holder"),
        (("bank", "张三", CARD, ""), "bank_name"),
        (("bank", "张三", CARD, "=1+1"), "bank_name"),
        (("bank", "张三", "", "招商银行"), "account"),
        (("bank", "张三", "622202123456789", "招商银行"), "account"),
        (("bank", "张三", "6222021234567890129", "招商银行"), "account"),  # Check digit.
        (("bank", "张三", "0" * 16, "招商银行"), "account"),
        (("bank", "张三", "٦٢٢٢٠٢١٢٣٤٥٦٧٨٩٠١٢٨", "招商银行"), "account"),
        (("alipay", "张三", "12345678901", ""), "account"),
        (("alipay", "张三", "=cmd@a.com", ""), "account"),
        (("alipay", "张三", "na@localhost", ""), "account"),
    ],
)
def test_what_is_no_account_is_refused_at_its_field(given, field):
    way, holder, account, bank = given

    with pytest.raises(InvalidInput) as refused:
        payees.clean(PayeeInput(Channel(way), holder, account, bank))

    assert refused.value.field == field


def test_an_account_is_sealed_and_masked(member):
    row = add_account(member)

    stored = db.session.execute(sa.text("SELECT holder, account FROM payee_accounts")).one()
    assert not any(CARD in text or "欧阳" in text for text in stored)
    assert (row.masked_holder, row.masked_account) == ("欧***", "6222 **** **** 0128")
    # Nor does the log say it.
    entry = db.session.scalars(sa.select(AuditEntry).filter_by(action="payee.add")).one()
    assert entry.after == {"channel": "bank"}


def test_the_same_account_again_is_the_first_and_ten_are_enough(member):
    row = add_account(member)

    assert add_account(member).id == row.id
    for at in range(9):
        add_account(member, Channel.ALIPAY, f"1380000000{at}")
    with pytest.raises(TooManyPayees):
        add_account(member, Channel.ALIPAY, "13800000009")
    assert len(payees.accounts_of(member.id)) == 10


def test_only_the_owner_deletes_an_account(member):
    row = add_account(member)

    with pytest.raises(NotFound):
        run_unit(payees.delete, make_member().id, row.id, now=NOON)
    assert len(payees.accounts_of(member.id)) == 1

    run_unit(payees.delete, member.id, row.id, now=NOON)
    assert payees.accounts_of(member.id) == []


def test_an_account_is_in_the_name_of_who_the_member_is(member):
    identify(member)

    with pytest.raises(InvalidInput) as refused:
        add_account(member, holder="张三")

    assert refused.value.field == "holder"
    assert payees.accounts_of(member.id) == []


def test_a_withdrawal_keeps_its_payee_when_the_account_is_deleted(member):
    open_channel(Channel.BANK)
    account = add_account(member)

    row = ask(member, 300_00, channel=Channel.BANK, payee_id=account.id)
    run_unit(payees.delete, member.id, account.id, now=NOON)

    kept = payees.of_withdrawal(row.id)
    assert (kept.holder, kept.account, kept.bank_name) == ("欧阳娜娜", CARD, "招商银行")
    assert row.channel is Channel.BANK
    assert broken_invariants() == {}


def test_a_withdrawal_by_hand_needs_an_account_of_its_way_and_owner(member):
    open_channel(Channel.BANK)
    other, alipay = add_account(make_member()), add_account(member, Channel.ALIPAY, "13812345678")

    for payee_id in (None, other.id, alipay.id):
        with pytest.raises(InvalidInput) as refused:
            ask(member, 300_00, channel=Channel.BANK, payee_id=payee_id)
        assert refused.value.field == "payee"
    assert ledger.wallet_of(member.id).frozen_fen == 0


def test_each_way_has_its_own_fee_and_bounds(member):
    open_channel(Channel.BANK, fee_bps=50, fee_fen=2_00, min_fen=100_00, max_fen=5_000_00)
    account = add_account(member)
    way = {"channel": Channel.BANK, "payee_id": account.id}

    price = withdrawals.preview_for(member.id, 1_000_00, now=NOON, **way)
    codes = []
    for fen in (99_99, 5_000_01):
        with pytest.raises(InvalidInput) as refused:
            ask(member, fen, **way)
        codes.append(refused.value.code)

    assert (price.fee_fen, price.net_fen) == (7_00, 993_00)
    assert codes == ["below_minimum", "above_maximum"]
    assert ledger.wallet_of(member.id).frozen_fen == 0


def test_a_way_has_a_daily_sum_of_its_own(member):
    open_channel(Channel.BANK, day_fen=500_00)
    account = add_account(member)
    ask(member, 300_00, channel=Channel.BANK, payee_id=account.id)

    with pytest.raises(InvalidInput) as refused:
        run_unit(
            withdrawals.request,
            member.id,
            amount_fen=200_01,
            request_key="second",
            now=NOON,
            channel=Channel.BANK,
            payee_id=account.id,
        )

    assert refused.value.message == "今天到银行卡最多提现 ¥500.00，还可提现 ¥200.00"
    assert ledger.wallet_of(member.id).frozen_fen == 300_00


def test_a_way_that_is_closed_is_refused(member):
    account = add_account(member)
    with transaction():
        change("withdraw.wechat_on", False, actor=ADMIN, now=NOON)

    for way in ({}, {"channel": Channel.BANK, "payee_id": account.id}):
        with pytest.raises(ChannelClosed) as refused:
            ask(member, 150_00, **way)
        assert refused.value.field == "channel"
    assert ledger.wallet_of(member.id).frozen_fen == 0


# --- the name that WeChat compares ---------------------------------------------------


def test_from_two_thousand_up_wechat_is_told_the_name_or_nothing_is_asked(member):
    with transaction():
        change("withdraw.max_fen", 20_000_00, actor=ADMIN, now=NOON)

    with pytest.raises(NameNeeded):
        ask(member, 2_000_00)
    assert ledger.wallet_of(member.id).frozen_fen == 0
    assert ask(member, 1_999_99).net_fen == 1_999_99

    identify(member)
    row = run_unit(withdrawals.request, member.id, amount_fen=2_000_00, request_key="2", now=NOON)
    assert payees.of_withdrawal(row.id).holder == "欧阳娜娜"


def test_the_name_lies_sealed_beside_the_body_and_is_sent_with_each_try(member):
    identify(member)
    row, gateway = ask(member, 50_00), FakeTransfers()
    approve(row)
    gateway.on_send = [LOST]

    withdrawals.pay(row.id, gateway=gateway, now=NOON)
    bill = withdrawals.current_bill(row.id)
    withdrawals.ask(bill.id, gateway=gateway, now=NOON)

    assert gateway.names == ["欧阳娜娜", "欧阳娜娜"]
    body, name = db.session.execute(sa.text("SELECT body, payee_name FROM transfer_bills")).one()
    assert "欧阳" not in f"{body}{name}"
    assert row.status is withdrawals.WithdrawalStatus.WAIT_CONFIRM


@pytest.mark.parametrize(("fen", "name"), [(29, None), (30, "欧阳娜娜")])
def test_below_thirty_fen_no_name_is_told(member, fen, name):
    with transaction():
        change("withdraw.min_fen", 10, actor=ADMIN, now=NOON)
    identify(member)

    row = ask(member, fen)

    kept = payees.of_withdrawal(row.id)
    assert (kept.holder if kept else None) == name


def test_who_agreed_to_an_older_text_agrees_again_first(member):
    identify(member)
    db.session.execute(sa.text("UPDATE member_consents SET version = '2026-11'"))
    db.session.commit()
    with transaction():
        change("withdraw.max_fen", 20_000_00, actor=ADMIN, now=NOON)

    with pytest.raises(NameNeeded):
        ask(member, 2_000_00)
    with pytest.raises(InvalidInput):
        run_unit(tax.identity.agree_again, member.id, has_agreed=False, now=NOON)
    assert not members.has_agreed(member.id, "identity", tax.identity.VERSION)

    run_unit(tax.identity.agree_again, member.id, has_agreed=True, now=NOON)
    assert ask(member, 2_000_00).net_fen == 2_000_00
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PayeeAccount)) == 0
