"""Withdrawals that meet each other, on an engine with row locks."""

import pytest
import sqlalchemy as sa

from app import ledger, withdrawals
from app.core.db import db, run_unit
from app.core.errors import IllegalMove
from app.ledger import Wallet
from app.settings import change
from app.withdrawals import Channel, PayoutLine, TransferBill, Withdrawal, WithdrawalStatus
from app.withdrawals.errors import AboveBalance, NothingToPay, SamePerson
from tests.factories import (
    ADMIN,
    ADMIN2,
    MCHID,
    NOON,
    broken_invariants,
    give_available,
    make_member,
)
from tests.tax.test_identity import identify
from tests.threads import behind, together
from tests.withdrawals.byhand import open_channel, to_pay
from tests.withdrawals.fakes import FakeTransfers, approved, request

pytestmark = pytest.mark.mariadb_only


def rich(fen: int) -> int:
    member = make_member()
    give_available(member, fen)
    member_id = member.id
    db.session.rollback()
    return member_id


def take(member_id: int, fen: int, key: str) -> int:
    return withdrawals.request(member_id, amount_fen=fen, request_key=key, now=NOON).id


def approve(row_id: int, actor) -> bool:
    return withdrawals.approve(row_id, actor=actor, actor_member_id=None, now=NOON)


def status_of(row_id: int) -> WithdrawalStatus:
    return db.session.get_one(Withdrawal, row_id, populate_existing=True).status


def approved_id(fen: int) -> int:
    row_id = approved(fen).id
    db.session.rollback()
    return row_id


def test_of_fifty_who_withdraw_the_same_balance_exactly_one_succeeds(live):
    member_id = rich(100_00)

    found = together(
        live,
        [lambda n=n: run_unit(take, member_id, 100_00, f"tap-{n}") for n in range(50)],
    )

    taken = [row for row in found if isinstance(row, int)]
    refused = [row for row in found if isinstance(row, AboveBalance)]
    assert (len(taken), len(refused)) == (1, 49), found
    assert {str(error) for error in refused} == {"提现金额超过可提现余额 ¥0.00"}
    assert {error.field for error in refused} == {"amount"}
    assert db.session.scalars(sa.select(Withdrawal.id)).all() == taken
    assert ledger.wallet_of(member_id) == Wallet(frozen_fen=100_00)
    assert broken_invariants() == {}


def test_twenty_taps_with_one_key_freeze_once(live):
    member_id = rich(100_00)

    found = together(live, [lambda: run_unit(take, member_id, 30_00, "tap")] * 20)

    assert len(set(found)) == 1, found
    assert isinstance(found[0], int)
    assert ledger.wallet_of(member_id) == Wallet(available_fen=70_00, frozen_fen=30_00)
    assert broken_invariants() == {}


def test_a_second_request_waits_and_sees_what_the_first_left(live):
    member_id = rich(100_00)

    second = behind(
        live,
        lambda: take(member_id, 60_00, "first"),
        lambda: run_unit(take, member_id, 60_00, "second"),
    )

    assert isinstance(second, AboveBalance)
    assert second.message == "提现金额超过可提现余额 ¥40.00"
    assert ledger.wallet_of(member_id) == Wallet(available_fen=40_00, frozen_fen=60_00)
    assert broken_invariants() == {}


def test_a_second_approval_waits_and_is_refused(live):
    member = make_member()
    give_available(member, 50_00)
    row_id = request(member, 50_00).id
    db.session.rollback()

    second = behind(live, lambda: approve(row_id, ADMIN), lambda: run_unit(approve, row_id, ADMIN2))

    assert isinstance(second, IllegalMove)
    assert db.session.get_one(Withdrawal, row_id).reviewer == "admin:1"
    assert broken_invariants() == {}


def test_one_persons_two_clicks_do_not_approve_for_two(live):
    member = make_member()
    give_available(member, 150_00)
    row_id = request(member, 150_00).id
    db.session.rollback()

    second = behind(live, lambda: approve(row_id, ADMIN), lambda: run_unit(approve, row_id, ADMIN))

    assert isinstance(second, SamePerson)
    assert status_of(row_id) is WithdrawalStatus.SUBMITTED
    assert broken_invariants() == {}


def test_a_cancel_that_waits_for_an_approval_is_refused(live):
    member = make_member()
    give_available(member, 50_00)
    row_id, member_id = request(member, 50_00).id, member.id
    db.session.rollback()

    second = behind(
        live,
        lambda: approve(row_id, ADMIN),
        lambda: run_unit(withdrawals.cancel, row_id, member_id=member_id, now=NOON),
    )

    assert isinstance(second, IllegalMove)
    assert status_of(row_id) is WithdrawalStatus.APPROVED
    assert ledger.wallet_of(member_id) == Wallet(frozen_fen=50_00)
    assert broken_invariants() == {}


def test_ten_workers_send_one_bill_once(live):
    row_id, gateway = approved_id(50_00), FakeTransfers()

    found = together(live, [lambda: withdrawals.pay(row_id, gateway=gateway, now=NOON)] * 10)

    assert sorted(found) == ["WAIT_USER_CONFIRM", *["taken"] * 9]
    assert len(gateway.sent) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(TransferBill)) == 1
    assert broken_invariants() == {}


def test_a_notice_a_query_and_a_repeat_at_once_pay_once(live):
    row_id, gateway = approved_id(50_00), FakeTransfers()
    withdrawals.pay(row_id, gateway=gateway, now=NOON)
    bill_id = withdrawals.current_bill(row_id).id
    db.session.rollback()
    word = gateway.end(gateway.sent[0]["out_bill_no"], "SUCCESS")

    found = together(
        live,
        [lambda: run_unit(withdrawals.report, word, mchid=MCHID, now=NOON)] * 6
        + [lambda: withdrawals.ask(bill_id, gateway=gateway, now=NOON)] * 6,
    )

    assert found == [True] * 6 + ["SUCCESS"] * 6
    assert status_of(row_id) is WithdrawalStatus.PAID
    # What the shop earned for the test is at WeChat, less what was paid out.
    assert ledger.system_balance_fen(ledger.AccountKind.WORLD_WX) == 0
    assert broken_invariants() == {}


def test_two_accounts_of_one_person_are_taxed_one_after_the_other(live):
    run_unit(change, "tax.method", "monthly", actor=ADMIN, now=NOON)
    run_unit(change, "withdraw.max_fen", 1_500_00, actor=ADMIN, now=NOON)
    ids = []
    for _ in range(2):
        member = make_member()
        identify(member)
        give_available(member, 1_500_00)
        ids.append(member.id)
    db.session.rollback()

    second = behind(
        live,
        lambda: take(ids[0], 1_500_00, "one"),
        lambda: run_unit(take, ids[1], 1_500_00, "two"),
    )

    taxes = db.session.scalars(sa.select(Withdrawal.tax_fen).order_by(Withdrawal.id)).all()
    assert isinstance(second, int)
    assert taxes == [140_00, 300_00]
    assert broken_invariants() == {}


# --- batches of payouts by hand -----------------------------------------------------


def batch(channel: Channel, actor, most: int) -> int:
    return withdrawals.byhand.make_batch(channel, actor=actor, now=NOON, most=most).id


def to_pay_by_hand(channel: Channel, count: int) -> set[int]:
    open_channel(channel, fee_bps=0, fee_fen=0)
    ids = {to_pay(500_00, channel).id for _ in range(count)}
    db.session.rollback()
    return ids


def lines() -> dict[int, list[int]]:
    """The withdrawals of each batch."""
    db.session.rollback()
    found: dict[int, list[int]] = {}
    for line in db.session.scalars(sa.select(PayoutLine).order_by(PayoutLine.id)):
        found.setdefault(line.batch_id, []).append(line.withdrawal_id)
    return found


@pytest.mark.parametrize("channel", [Channel.BANK, Channel.ALIPAY])
def test_two_batches_at_once_hold_each_withdrawal_once(live, channel):
    wanted = to_pay_by_hand(channel, 6)

    found = together(
        live, [lambda a=a: run_unit(batch, channel, a, 4) for a in (ADMIN, ADMIN2, ADMIN, ADMIN2)]
    )

    made = [row for row in found if isinstance(row, int)]
    assert all(isinstance(row, NothingToPay) for row in found if row not in made), found
    held = lines()
    assert set(held) == set(made)
    taken = [row for rows in held.values() for row in rows]
    assert len(taken) == len(set(taken))
    # What nobody took goes into the next one; nothing is lost between the two.
    rest = wanted - set(taken)
    assert {status_of(row) for row in taken} == {WithdrawalStatus.SENDING}
    assert all(status_of(row) is WithdrawalStatus.APPROVED for row in rest)
    assert broken_invariants() == {}


def test_a_second_batch_waits_and_takes_what_the_first_left(live):
    first_two = sorted(to_pay_by_hand(Channel.BANK, 3))

    second = behind(
        live,
        lambda: batch(Channel.BANK, ADMIN, 2),
        lambda: run_unit(batch, Channel.BANK, ADMIN2, 3),
    )

    held = lines()
    assert sorted(held.values()) == [first_two[:2], first_two[2:]]
    assert held[second] == first_two[2:]
    assert broken_invariants() == {}
