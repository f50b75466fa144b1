"""C1 to C4 and P1 find what was written behind the services' back."""

import pytest

from app.members import Member
from tests.commission.ground import matured, settle
from tests.factories import (
    NOON,
    bind,
    broken_invariants,
    days,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    paid_order,
)
from tests.planting import plant, unchecked


@pytest.fixture
def pending(session) -> Member:
    near, buyer = make_distributor(), make_member()
    bind(buyer, near)
    make_plan()
    paid_order(buyer, make_sku(price_fen=100_00))
    assert broken_invariants() == {}
    return near


@pytest.fixture
def settled(session) -> Member:
    near = matured(count=2)
    settle(NOON + days(15))
    assert broken_invariants() == {}
    return near


def test_c1_finds_a_line_whose_commissions_exceed_its_cap(pending):
    plant("UPDATE commissions SET amount_fen = 3001")

    found = broken_invariants()

    assert [*found] == ["C1", "P1"]
    assert "total_fen=3001" in found["C1"][0]


def test_c1_allows_exactly_the_cap(pending):
    plant("UPDATE commissions SET amount_fen = 3000")

    assert [*broken_invariants()] == ["P1"]


@pytest.mark.parametrize("depth", [0, 4])
def test_c1_finds_a_depth_beyond_the_hard_cap(pending, depth):
    with unchecked():
        plant("UPDATE commissions SET depth = :d", d=depth)

        assert [*broken_invariants()] == ["C1"]


def test_c1_finds_a_depth_that_its_plan_does_not_pay(pending):
    plant("UPDATE commissions SET depth = 3")

    found = broken_invariants()

    assert [*found] == ["C1"]
    assert "depth=3" in found["C1"][0]


@pytest.mark.parametrize("refunded", [1, 50_00, 100_00])
def test_c2_finds_a_refund_that_no_commission_followed(pending, refunded):
    plant("UPDATE order_lines SET refunded_fen = :r", r=refunded)

    # Nor does any after-sale tell of it.
    assert [*broken_invariants()] == ["C2", "R1"]


@pytest.mark.parametrize(("refunded", "back"), [(1, 1), (50_00, 5_00), (99_89, 9_99), (9, 1)])
def test_c2_allows_a_commission_that_followed_to_the_fen(pending, refunded, back):
    plant("UPDATE order_lines SET refunded_fen = :r", r=refunded)
    plant("UPDATE commissions SET reversed_fen = :b", b=back)

    assert "C2" not in broken_invariants()


def test_c2_finds_a_commission_that_was_taken_back_too_far(pending):
    plant("UPDATE order_lines SET refunded_fen = 5000")
    plant("UPDATE commissions SET reversed_fen = 501")

    assert "C2" in broken_invariants()


def test_c3_finds_what_was_settled_before_the_guard_ended(settled):
    plant("UPDATE settlement_batches SET at = '2026-12-06 03:59:59'")

    assert [*broken_invariants()] == ["C3"]


def test_c3_finds_what_was_settled_for_an_order_without_a_guard(settled):
    plant("UPDATE orders SET guard_ends_at = NULL")

    assert [*broken_invariants()] == ["C3"]


def test_c4_finds_a_row_that_is_not_in_its_entry(settled):
    plant("UPDATE commissions SET settled_fen = 999 WHERE order_id = (SELECT MIN(id) FROM orders)")

    found = broken_invariants()

    assert [*found] == ["C4"]
    assert "settled_fen=1999" in found["C4"][0]
    assert "booked_fen=2000" in found["C4"][0]


def test_c4_finds_a_batch_without_a_posting(settled):
    plant("UPDATE settlement_batches SET posting_id = NULL")

    assert [*broken_invariants()] == ["C4"]


def test_c4_finds_a_batch_with_another_number_of_rows(settled):
    plant("UPDATE settlement_batches SET `rows` = 3")

    assert [*broken_invariants()] == ["C4"]


def test_c4_finds_a_row_that_belongs_to_no_batch_of_its_member(settled):
    plant("UPDATE commissions SET member_id = :m", m=make_member().id)

    assert [*broken_invariants()] == ["C4"]


def test_p1_finds_pending_money_without_commissions(pending):
    plant("UPDATE commissions SET status = 'void'")

    assert [*broken_invariants()] == ["P1"]


def test_p1_finds_commissions_whose_money_is_not_pending(pending):
    plant("UPDATE ledger_accounts SET balance_fen = 999 WHERE kind = 'pending'")

    assert [*broken_invariants()] == ["L2", "P1"]


def test_p1_finds_commissions_of_a_member_without_an_account(pending):
    plant("UPDATE commissions SET member_id = :m", m=make_member().id)

    found = broken_invariants()

    # What may be settled is still the other member's.
    assert [*found] == ["C5", "P1"]
    assert any(row.startswith("commission=") for row in found["P1"])


@pytest.mark.parametrize(
    "planted",
    [
        "DELETE FROM commission_dues",
        "UPDATE commission_dues SET amount_fen = amount_fen + 1",
        "UPDATE commission_dues SET mature_at = '2026-11-21 00:00:00'",
        "INSERT INTO commission_dues SELECT member_id, 999, 1, mature_at, 0 FROM commissions",
    ],
)
def test_c5_finds_what_may_be_settled_and_is_not_pending_as_it_stands(pending, planted):
    plant(planted)

    assert [*broken_invariants()] == ["C5"]
