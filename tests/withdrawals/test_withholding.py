"""Tax across the withdrawals of a person: month by month, account by account, reversed."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from app import ledger, privacy, settings, tax, withdrawals
from app.core.db import db, run_unit
from app.ledger import AccountKind, Wallet
from app.members import Member
from app.settings import registry
from app.withdrawals import Withdrawal, Withholding
from app.withdrawals.errors import (
    AboveAllowance,
    IdentityKept,
    IdentityNeeded,
    NothingLeft,
    NotOpenToday,
)
from app.withdrawals.explained import tax_steps
from app.withdrawals.forgetting import tidy
from tests.factories import (
    ADMIN,
    ADMIN2,
    NOON,
    broken_invariants,
    days,
    give_available,
    make_distributor,
    make_member,
)
from tests.planting import plant, unchecked
from tests.tax.test_identity import NUMBER, identify
from tests.withdrawals.fakes import FakeTransfers, approve

DECEMBER = datetime(2026, 12, 1, 4, 0, tzinfo=UTC)


def change(setting: settings.Setting, value: int | str) -> None:
    run_unit(settings.change, setting.key, value, actor=ADMIN, now=NOON)


def ask(member: Member, fen: int, key: str, now: datetime = NOON) -> Withdrawal:
    return run_unit(withdrawals.request, member.id, amount_fen=fen, request_key=key, now=now)


def cancel(row: Withdrawal) -> None:
    run_unit(withdrawals.cancel, row.id, member_id=row.member_id, now=NOON)


def count(model: type) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


@pytest.fixture
def monthly(session) -> None:
    change(registry.WITHDRAW_MAX_FEN, 1_999_99)
    change(registry.TAX_METHOD, "monthly")


@pytest.fixture
def earner(monthly) -> Member:
    member = make_member("欧阳娜娜")
    identify(member)
    give_available(member, 20_000_00)
    return member


def test_withdrawals_of_a_month_are_taxed_as_one_and_the_next_month_anew(earner):
    rows = [ask(earner, 1_500_00, f"tap-{n}") for n in range(3)]
    next_month = ask(earner, 1_500_00, "december", DECEMBER)

    # 20 % of 700, of 2,200, of 3,600.
    assert [row.tax_fen for row in rows] == [140_00, 300_00, 280_00]
    assert next_month.tax_fen == 140_00
    assert [row.net_fen for row in rows] == [1_360_00, 1_200_00, 1_220_00]
    assert broken_invariants() == {}


def test_the_month_ends_at_midnight_in_shanghai(earner):
    ask(earner, 1_500_00, "before", datetime(2026, 11, 30, 15, 59, tzinfo=UTC))
    after = ask(earner, 1_500_00, "after", datetime(2026, 11, 30, 16, 0, tzinfo=UTC))

    assert after.tax_fen == 140_00
    assert withdrawals.withholding.of_withdrawal(after.id).month == "2026-12"


def test_the_year_so_far_counts_where_that_is_the_method(earner):
    change(registry.TAX_METHOD, "cumulative")

    rows = [ask(earner, 1_999_00, f"tap-{n}") for n in range(5)]
    later = ask(earner, 1_999_00, "december", DECEMBER)

    # 80 % of 9,995 less 5,000 is 2,996; with December two times 5,000 come off.
    assert sum(row.tax_fen for row in rows) == 89_88
    assert later.tax_fen == 0
    kept = withdrawals.withholding.of_withdrawal(later.id)
    assert (kept.months, kept.allowance_fen, kept.version) == (2, 10_000_00, "2025-16")


def test_a_person_with_two_accounts_has_one_income(earner):
    second = make_member()
    identify(second)
    give_available(second, 2_000_00)
    ask(earner, 1_500_00, "tap")

    row = ask(second, 1_500_00, "tap")

    assert row.tax_fen == 300_00


def test_what_was_paid_before_tax_was_withheld_is_income_of_the_month(session):
    member = make_member()
    give_available(member, 400_00)
    change(registry.WITHDRAW_MAX_FEN, 1_999_99)
    ask(member, 200_00, "free")
    identify(member)
    give_available(member, 1_000_00)
    change(registry.TAX_METHOD, "monthly")

    assert ask(member, 1_000_00, "taxed").tax_fen == 80_00  # 20 % of 1,200 less 800


def test_a_released_withdrawal_is_no_income_and_later_ones_keep_their_figures(earner):
    first, second = ask(earner, 1_500_00, "one"), ask(earner, 1_500_00, "two")
    cancel(first)

    third = ask(earner, 1_500_00, "three")

    assert second.tax_fen == 300_00
    # 3,000 stand: 440 are due, 300 were withheld.
    assert third.tax_fen == 140_00
    assert withdrawals.withholding.of_withdrawal(first.id).reversed_at == NOON
    assert broken_invariants() == {}


def test_tax_is_posted_with_the_payout_and_not_with_a_failure(earner):
    gateway = FakeTransfers()
    gateway.on_send = ["SUCCESS", "FAIL"]
    paid, failed = ask(earner, 1_500_00, "one"), ask(earner, 1_500_00, "two")
    for row in (paid, failed):
        approve(row)
        approve(row, ADMIN2)
        withdrawals.pay(row.id, gateway=gateway, now=NOON)

    assert gateway.sent[0]["transfer_amount"] == 1_360_00
    assert ledger.system_balance_fen(AccountKind.TAX_PAYABLE) == 140_00
    assert ledger.wallet_of(earner.id) == Wallet(available_fen=18_500_00)
    assert withdrawals.withholding.of_withdrawal(failed.id).reversed_at == NOON
    assert broken_invariants() == {}


def test_without_an_identity_nothing_is_withdrawn_where_tax_is_withheld(monthly):
    member = make_member()
    give_available(member, 100_00)

    for attempt in (
        lambda: ask(member, 50_00, "tap"),
        lambda: withdrawals.preview_for(member.id, 50_00, now=NOON),
    ):
        with pytest.raises(IdentityNeeded):
            attempt()

    assert count(Withdrawal) == 0
    assert ledger.wallet_of(member.id) == Wallet(available_fen=100_00)


def test_an_identity_is_forgotten_until_tax_was_withheld(earner):
    row = ask(earner, 1_500_00, "tap")

    with pytest.raises(IdentityKept):
        forget(earner)
    assert tax.identity_of(earner.id).number == NUMBER

    cancel(row)
    forget(earner)
    assert tax.identity_of(earner.id) is None


def forget(member: Member) -> None:
    run_unit(withdrawals.withholding.forget_identity, member.id, actor=ADMIN, now=NOON)


def test_a_deleted_account_keeps_its_identity_for_ten_years_if_it_was_taxed(monthly):
    gateway = FakeTransfers()
    gateway.on_send = ["SUCCESS"]
    taxed, free = make_distributor(), make_distributor()
    for member in (taxed, free):
        identify(member)
    give_available(taxed, 90_00)
    row = ask(taxed, 90_00, "tap")
    approve(row)
    withdrawals.pay(row.id, gateway=gateway, now=NOON)

    for member in (taxed, free):
        run_unit(privacy.erase, member.id, actor=ADMIN, now=NOON)

    assert tax.identity_of(free.id) is None
    assert tax.identity_of(taxed.id).number == NUMBER
    assert run_unit(tidy, NOON + days(3650)) == 0
    assert run_unit(tidy, datetime(2037, 1, 2, tzinfo=UTC)) == 1
    assert tax.identity_of(taxed.id) is None


def test_the_calculation_is_said_line_by_line(earner):
    ask(earner, 1_999_00, "one")
    row = ask(earner, 1_999_00, "two")

    said = tax_steps(withdrawals.withholding.of_withdrawal(row.id))

    assert [(step.label, step.value, step.note) for step in said] == [
        ("本月收入", "¥3,998.00", "此前 ¥1,999.00 + 本次 ¥1,999.00"),
        ("减除费用", "-¥800.00", "收入不超过 ¥4,000.00，减除 ¥800.00"),
        ("应纳税所得额", "¥3,198.00", ""),
        ("应扣税额", "¥639.60", "¥3,198.00 × 20%"),
        ("此前已扣", "-¥239.80", ""),
        ("本次代扣", "¥399.80", "应扣税额 − 此前已扣"),
    ]


def test_w5_finds_tax_that_is_not_what_was_withheld(earner):
    row = ask(earner, 1_500_00, "tap")

    with unchecked():
        plant("UPDATE withdrawal_taxes SET tax_fen = 1")
        assert [*broken_invariants()] == ["W5"]
        plant("UPDATE withdrawal_taxes SET tax_fen = 14000, reversed_at = '2026-11-21 04:00:00'")
        assert [*broken_invariants()] == ["W5"]
        plant("UPDATE withdrawal_taxes SET reversed_at = NULL")
    assert broken_invariants() == {}
    assert row.tax_fen == 140_00


# --- the other rules ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value", "error", "says"),
    [
        (registry.WITHDRAW_DAY_COUNT, 1, AboveAllowance, "每天最多提现 1 次，请明天再来"),
        (
            registry.WITHDRAW_DAY_FEN,
            80_00,
            AboveAllowance,
            "今天最多提现 ¥80.00，还可提现 ¥30.00",
        ),
        (
            registry.WITHDRAW_MONTH_FEN,
            80_00,
            AboveAllowance,
            "本月最多提现 ¥80.00，还可提现 ¥30.00",
        ),
        (
            registry.WITHDRAW_OPEN_DAYS,
            "1,20,22",
            NotOpenToday,
            "今天不能申请提现，每月 1、20、22 日可以申请",
        ),
        (
            registry.WITHDRAW_FEE_FEN,
            49_91,
            NothingLeft,
            "扣除手续费和税后不足 ¥0.10，无法到账，请提高提现金额",
        ),
    ],
)
def test_a_rule_refuses_at_the_amount(session, setting, value, error, says):
    member = make_member()
    give_available(member, 200_00)
    ask(member, 50_00, "first")
    change(setting, value)

    with pytest.raises(error) as refused:
        ask(member, 50_00, "second")

    assert (refused.value.field, refused.value.message) == ("amount", says)
    assert (count(Withdrawal), count(Withholding)) == (1, 1)
    assert ledger.wallet_of(member.id) == Wallet(available_fen=150_00, frozen_fen=50_00)


def test_what_was_taken_back_does_not_count_and_tomorrow_is_another_day(session):
    member = make_member()
    give_available(member, 200_00)
    change(registry.WITHDRAW_DAY_COUNT, 1)
    cancel(ask(member, 50_00, "first"))

    ask(member, 50_00, "second")
    ask(member, 50_00, "third", NOON + days(1))

    assert count(Withdrawal) == 3


def test_the_fixed_fee_adds_to_the_share(session):
    member = make_member()
    give_available(member, 200_00)
    change(registry.WITHDRAW_FEE_FEN, 2_00)
    change(registry.WITHDRAW_FEE_BPS, 100)

    row = ask(member, 100_00, "tap")

    assert (row.fee_fen, row.net_fen) == (3_00, 97_00)
    assert broken_invariants() == {}
