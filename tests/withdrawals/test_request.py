"""Asking for money: what is refused, what freezes, what is released."""

import pytest
import sqlalchemy as sa

from app import audit, ledger, settings, withdrawals
from app.core.db import db, run_unit
from app.core.errors import DomainError, IllegalMove, InvalidInput, NotFound
from app.ledger import AccountKind, Wallet
from app.members import Member, MemberStatus
from app.withdrawals import Withdrawal, WithdrawalStatus
from app.withdrawals.errors import AboveBalance, AboveMaximum, BelowMinimum
from tests.factories import ADMIN, ADMIN2, NOON, broken_invariants, give_available, make_member
from tests.planting import plant
from tests.withdrawals.fakes import FakeTransfers, approve, request


def rich(fen: int) -> Member:
    member = make_member()
    give_available(member, fen)
    return member


def change(setting: settings.Setting, value: int) -> None:
    run_unit(settings.change, setting.key, value, actor=ADMIN, now=NOON)


def cancel(row: Withdrawal) -> None:
    run_unit(withdrawals.cancel, row.id, member_id=row.member_id, now=NOON)


def reject(row: Withdrawal, reason: str = "资料不全") -> None:
    run_unit(
        withdrawals.reject,
        row.id,
        reason=reason,
        actor=ADMIN,
        actor_member_id=None,
        now=NOON,
    )


def moves(row: Withdrawal) -> list[tuple[str, str, str]]:
    return [(m.from_state, m.to_state, m.actor) for m in audit.moves_of("withdrawal", row.id)]


def test_a_request_freezes_its_gross_at_once(session):
    member = rich(50_00)

    row = request(member, 30_00)

    assert row.status is WithdrawalStatus.SUBMITTED
    assert (row.gross_fen, row.net_fen, row.fee_fen, row.tax_fen, row.vat_fen) == (
        30_00,
        30_00,
        0,
        0,
        0,
    )
    assert ledger.wallet_of(member.id) == Wallet(available_fen=20_00, frozen_fen=30_00)
    assert moves(row) == [("", "submitted", f"member:{member.id}")]
    assert broken_invariants() == {}


def test_the_whole_balance_may_be_withdrawn(session):
    member = rich(50_00)

    request(member, 50_00)

    assert ledger.wallet_of(member.id) == Wallet(frozen_fen=50_00)
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    ("fen", "error", "code", "message"),
    [
        (0, BelowMinimum, "below_minimum", "提现金额必须大于 0"),
        (-1, BelowMinimum, "below_minimum", "提现金额必须大于 0"),
        (-200_00, BelowMinimum, "below_minimum", "提现金额必须大于 0"),
        (1, BelowMinimum, "below_minimum", "提现金额最低 ¥1.00"),
        (99, BelowMinimum, "below_minimum", "提现金额最低 ¥1.00"),
        (50_01, AboveBalance, "above_balance", "提现金额超过可提现余额 ¥50.00"),
        (200_00, AboveBalance, "above_balance", "提现金额超过可提现余额 ¥50.00"),
        (200_01, AboveMaximum, "above_maximum", "单笔提现最高 ¥200.00"),
        (10**15, AboveMaximum, "above_maximum", "单笔提现最高 ¥200.00"),
    ],
)
def test_an_amount_out_of_range_is_refused_and_nothing_changes(session, fen, error, code, message):
    member = rich(50_00)

    with pytest.raises(error) as refused:
        request(member, fen)

    assert refused.value.message == message
    assert (refused.value.field, refused.value.code, refused.value.status) == ("amount", code, 422)
    assert ledger.wallet_of(member.id) == Wallet(available_fen=50_00)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Withdrawal)) == 0
    assert broken_invariants() == {}


def test_a_member_without_an_account_is_told_that_nothing_is_there(session):
    member = make_member()

    with pytest.raises(AboveBalance, match=r"提现金额超过可提现余额 ¥0\.00"):
        request(member, 1_00)

    assert ledger.wallet_of(member.id) == Wallet()
    assert broken_invariants() == {}


def test_the_least_and_the_most_are_allowed(session):
    member = rich(201_00)

    request(member, 1_00, "least")
    request(member, 200_00, "most")

    assert ledger.wallet_of(member.id) == Wallet(frozen_fen=201_00)
    assert broken_invariants() == {}


def test_a_blocked_member_is_refused(session):
    member = rich(50_00)
    plant("UPDATE members SET status = :s WHERE id = :i", s=MemberStatus.BLOCKED, i=member.id)

    with pytest.raises(DomainError, match="账号已被限制，暂不能提现，请联系客服"):
        request(member, 10_00)

    assert ledger.wallet_of(member.id) == Wallet(available_fen=50_00)
    assert broken_invariants() == {}


def test_a_second_tap_freezes_once(session):
    member = rich(50_00)

    first = request(member, 30_00, "tap-1").id
    second = request(member, 30_00, "tap-1").id

    assert second == first
    assert ledger.wallet_of(member.id) == Wallet(available_fen=20_00, frozen_fen=30_00)
    assert broken_invariants() == {}


def test_a_second_tap_after_the_balance_is_gone_returns_the_first(session):
    member = rich(30_00)
    first = request(member, 30_00, "tap-1").id

    assert request(member, 30_00, "tap-1").id == first
    assert ledger.wallet_of(member.id) == Wallet(frozen_fen=30_00)
    assert broken_invariants() == {}


def test_two_members_may_use_the_same_key(session):
    one, other = rich(30_00), rich(30_00)

    assert request(one, 10_00, "k").id != request(other, 20_00, "k").id
    assert ledger.wallet_of(one.id) == Wallet(available_fen=20_00, frozen_fen=10_00)
    assert ledger.wallet_of(other.id) == Wallet(available_fen=10_00, frozen_fen=20_00)
    assert broken_invariants() == {}


def test_the_fee_comes_out_of_the_gross_and_rounds_down(session):
    change(settings.registry.WITHDRAW_FEE_BPS, 60)
    member = rich(50_00)

    row = request(member, 33_33)

    assert (row.gross_fen, row.fee_fen, row.net_fen) == (33_33, 19, 33_14)
    assert withdrawals.preview(member.id, 33_33, now=NOON).net_fen == 33_14
    assert ledger.wallet_of(member.id) == Wallet(available_fen=16_67, frozen_fen=33_33)
    assert broken_invariants() == {}


def test_the_fee_goes_to_the_shop_when_the_member_is_paid(session):
    change(settings.registry.WITHDRAW_FEE_BPS, 60)
    member, gateway = rich(50_00), FakeTransfers()
    row = request(member, 33_33)
    approve(row)
    withdrawals.pay(row.id, gateway=gateway, now=NOON)
    shop = ledger.system_balance_fen(AccountKind.SHOP)

    run_unit(
        withdrawals.report,
        gateway.end(gateway.sent[0]["out_bill_no"], "SUCCESS"),
        mchid=gateway.mchid,
        now=NOON,
    )

    assert gateway.sent[0]["transfer_amount"] == 33_14
    assert ledger.system_balance_fen(AccountKind.SHOP) - shop == 19
    assert ledger.wallet_of(member.id) == Wallet(available_fen=16_67)
    assert broken_invariants() == {}


def test_a_cancelled_request_frees_its_money(session):
    member = rich(50_00)
    row = request(member, 30_00)

    cancel(row)

    assert row.status is WithdrawalStatus.CANCELLED
    assert row.ended_at == NOON
    assert ledger.wallet_of(member.id) == Wallet(available_fen=50_00)
    assert moves(row)[-1] == ("submitted", "cancelled", f"member:{member.id}")
    assert broken_invariants() == {}


def test_a_cancelled_request_is_not_cancelled_again(session):
    member = rich(50_00)
    row = request(member, 30_00)
    cancel(row)

    with pytest.raises(IllegalMove, match="当前状态不能进行此操作，请刷新后查看"):
        cancel(row)

    assert ledger.wallet_of(member.id) == Wallet(available_fen=50_00)
    assert broken_invariants() == {}


def test_an_approved_request_cannot_be_taken_back(session):
    member = rich(50_00)
    row = request(member, 30_00)
    approve(row)

    with pytest.raises(IllegalMove):
        cancel(row)

    assert row.status is WithdrawalStatus.APPROVED
    assert ledger.wallet_of(member.id) == Wallet(available_fen=20_00, frozen_fen=30_00)
    assert broken_invariants() == {}


def test_somebody_elses_request_is_not_cancelled(session):
    row = request(rich(50_00), 30_00)
    stranger = make_member()

    with pytest.raises(ValueError, match="look the withdrawal up by its owner"):
        run_unit(withdrawals.cancel, row.id, member_id=stranger.id, now=NOON)
    with pytest.raises(NotFound, match="提现记录不存在"):
        withdrawals.withdrawal_of(stranger.id, row.number)

    assert row.status is WithdrawalStatus.SUBMITTED
    assert broken_invariants() == {}


def test_a_rejected_request_frees_its_money_and_keeps_the_reason(session):
    member = rich(50_00)
    row = request(member, 30_00)

    reject(row, " 收款信息有误 ")

    assert (row.status, row.note, row.reviewer) == (
        WithdrawalStatus.REJECTED,
        "收款信息有误",
        "admin:1",
    )
    assert ledger.wallet_of(member.id) == Wallet(available_fen=50_00)
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    ("reason", "says"), [("  ", "请填写拒绝原因，申请人会看到"), ("字" * 201, "最多 200 个字")]
)
def test_a_rejection_wants_a_reason_that_can_be_kept_whole(session, reason, says):
    member = rich(50_00)
    row = request(member, 30_00)

    with pytest.raises(InvalidInput, match=says) as refused:
        reject(row, reason)

    assert refused.value.field == "reason"
    assert row.status is WithdrawalStatus.SUBMITTED
    assert ledger.wallet_of(member.id) == Wallet(available_fen=20_00, frozen_fen=30_00)
    assert broken_invariants() == {}


def test_an_approved_request_cannot_be_rejected(session):
    member = rich(50_00)
    row = request(member, 30_00)
    approve(row, ADMIN2)

    with pytest.raises(IllegalMove):
        reject(row)

    assert row.status is WithdrawalStatus.APPROVED
    assert ledger.wallet_of(member.id) == Wallet(available_fen=20_00, frozen_fen=30_00)
    assert broken_invariants() == {}
