"""W1 to W4 and S1 find what was written behind the services' back."""

import pytest

from app import ledger, withdrawals
from app.core.db import run_unit
from app.ledger import AccountKind, Move
from app.withdrawals import Withdrawal
from tests.factories import NOON, broken_invariants, make_member
from tests.planting import plant, unchecked
from tests.withdrawals.fakes import FakeTransfers, approved


@pytest.fixture
def row(session) -> Withdrawal:
    found = approved(50_00, available_fen=80_00)
    assert broken_invariants() == {}
    return found


@pytest.fixture
def paid(row) -> Withdrawal:
    gateway = FakeTransfers()
    gateway.on_send = ["SUCCESS"]
    withdrawals.pay(row.id, gateway=gateway, now=NOON)
    assert broken_invariants() == {}
    return row


def test_w1_finds_parts_that_do_not_add_up(row):
    with unchecked():
        plant("UPDATE withdrawals SET fee_fen = 1")
        assert [*broken_invariants()] == ["W1"]


def test_w1_finds_a_net_of_nothing(row):
    with unchecked():
        plant("UPDATE withdrawals SET net_fen = 0, fee_fen = gross_fen")
        assert [*broken_invariants()] == ["W1"]


def test_w2_finds_a_second_bill_that_may_still_pay(row):
    withdrawals.pay(row.id, gateway=FakeTransfers(), now=NOON)
    assert broken_invariants() == {}

    plant(
        "INSERT INTO transfer_bills (withdrawal_id, live_withdrawal_id, out_bill_no, openid,"
        " amount_fen, body, state, transfer_bill_no, package_info, fail_reason, sent_count,"
        " created_at) VALUES (:w, NULL, 'Bplanted', 'o', 5000, '{}', 'CREATED', '', '', '', 0,"
        " '2026-11-21 04:00:00')",
        w=row.id,
    )

    assert broken_invariants() == {"W2": [f"withdrawal={row.id}, bills=2"]}


def test_w3_finds_a_paid_withdrawal_without_a_bill_that_succeeded(paid):
    plant("UPDATE transfer_bills SET state = 'PROCESSING'")

    assert [*broken_invariants()] == ["W3"]


def test_w3_finds_a_bill_of_another_amount(paid):
    plant("UPDATE transfer_bills SET amount_fen = 4999")

    assert broken_invariants() == {"W3": [f"withdrawal={paid.id}, status=paid, bills=2"]}


def test_w3_finds_a_bill_that_succeeded_for_a_withdrawal_that_is_not_paid(row):
    withdrawals.pay(row.id, gateway=FakeTransfers(), now=NOON)
    plant("UPDATE transfer_bills SET state = 'SUCCESS'")

    assert [*broken_invariants()] == ["W3"]


def test_w3_finds_money_that_left_twice(paid):
    def again() -> None:
        ledger.post(
            "planted",
            event="withdrawal_paid",
            moves=[
                Move(
                    ledger.member(AccountKind.AVAILABLE, paid.member_id),
                    ledger.system(AccountKind.WORLD_WX),
                    10_00,
                )
            ],
            now=NOON,
            subject=("withdrawal", paid.id),
        )

    run_unit(again)

    assert broken_invariants() == {"W3": [f"withdrawal={paid.id}, net_fen=5000, left_fen=6000"]}


def test_w4_finds_frozen_money_without_a_withdrawal(row):
    plant("UPDATE withdrawals SET status = 'cancelled'")

    assert [*broken_invariants()] == ["S1", "W4", "W5"]


def test_w4_finds_an_open_withdrawal_whose_money_is_not_frozen(row):
    plant("UPDATE ledger_accounts SET balance_fen = 0 WHERE kind = 'frozen'")

    assert [*broken_invariants()] == ["L2", "W4"]


def test_w4_finds_an_open_withdrawal_of_a_member_who_never_froze_anything(session, row):
    plant("UPDATE withdrawals SET member_id = :m", m=make_member().id)

    found = broken_invariants()

    assert [*found] == ["W4"]
    assert f"withdrawal={row.id}" in found["W4"]


def test_s1_finds_a_state_without_its_move(row):
    plant("UPDATE withdrawals SET status = 'sending'")

    assert broken_invariants() == {
        "S1": [f"withdrawal={row.id}, status=sending, to_state=approved"]
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [("approved", "paid"), ("submitted", "approved"), ("approved", "submitted")],
    ids=["not listed", "not from where the last ended", "backwards"],
)
def test_s1_finds_an_illegal_move(row, before, after):
    plant(
        "INSERT INTO state_moves (subject, subject_id, from_state, to_state, actor, note, at)"
        " VALUES ('withdrawal', :i, :a, :b, 'planted', '', '2026-11-21 04:00:00')",
        i=row.id,
        a=before,
        b=after,
    )

    assert "S1" in broken_invariants()


def test_s1_finds_a_withdrawal_that_came_from_nowhere(session, row):
    plant(
        "INSERT INTO withdrawals (number, request_key, member_id, gross_fen, tax_fen, vat_fen,"
        " fee_fen, net_fen, status, needs_two, first_reviewer, reviewer, note, created_at)"
        " SELECT 'Wplanted', 'planted', member_id, gross_fen, 0, 0, 0, net_fen, 'rejected',"
        " 0, '', '', '', created_at FROM withdrawals"
    )

    assert [*broken_invariants()] == ["S1"]
