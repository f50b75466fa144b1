"""L1 to L3 find what was written behind the services' back."""

import pytest

from app import ledger
from app.core.db import transaction
from app.ledger import AccountKind, Move
from tests.factories import NOON, broken_invariants, give_available, make_member
from tests.planting import invert, plant, unchecked

K = AccountKind


def plant_posting(key: str) -> None:
    plant(
        "INSERT INTO ledger_postings (idem_key, event, subject, subject_id, content_hash,"
        " reason, at) VALUES (:key, 'planted', '', 0, '', '', '2026-11-21 04:00:00')",
        key=key,
    )


def plant_entry(key: str, kind: str, fen: int, owner: int = 0) -> None:
    plant(
        "INSERT INTO ledger_entries (posting_id, account_id, amount_fen)"
        " SELECT p.id, a.id, :fen FROM ledger_postings p, ledger_accounts a"
        " WHERE p.idem_key = :key AND a.kind = :kind AND a.owner_id = :owner",
        key=key,
        kind=kind,
        fen=fen,
        owner=owner,
    )


@pytest.fixture
def member(session):
    found = make_member()
    give_available(found, 10_00)
    assert broken_invariants() == {}
    return found


def test_l1_finds_a_posting_without_entries(member):
    plant_posting("empty")

    assert [*broken_invariants()] == ["L1"]
    assert "idem_key=empty" in broken_invariants()["L1"][0]


def test_l1_finds_a_posting_with_one_entry(member):
    plant_posting("one-sided")
    plant_entry("one-sided", "shop", 5_00)

    assert [*broken_invariants()] == ["L1"]


def test_l1_finds_a_posting_that_does_not_sum_to_zero(member):
    plant_posting("uneven")
    plant_entry("uneven", "world_wx", -5_00)
    plant_entry("uneven", "shop", 5_01)

    assert [*broken_invariants()] == ["L1"]


def test_l1_finds_a_posting_that_turns_money_into_points(member):
    with transaction():
        ledger.post(
            "points",
            event="points",
            moves=[Move(ledger.system(K.POINTS_ISSUED), ledger.member(K.POINTS, member.id), 8)],
            now=NOON,
        )
    assert broken_invariants() == {}

    plant_posting("exchange")
    plant_entry("exchange", "points_issued", -5_00)
    plant_entry("exchange", "shop", 5_00)

    assert [*broken_invariants()] == ["L1"]


def test_l2_finds_a_cached_balance_that_its_entries_do_not_give(member):
    plant("UPDATE ledger_accounts SET balance_fen = 1001 WHERE kind = 'available'")

    found = broken_invariants()

    assert [*found] == ["L2"]
    assert "balance_fen=1001" in found["L2"][0]
    assert "entries_fen=1000" in found["L2"][0]


def test_l2_finds_an_entry_that_no_balance_followed(member):
    plant_posting("late")
    plant_entry("late", "shop", -5_00)
    plant_entry("late", "available", 5_00, owner=member.id)

    assert [*broken_invariants()] == ["L2", "L3"]


def test_l3_finds_a_members_balance_below_zero(member):
    with unchecked():
        plant("UPDATE ledger_accounts SET balance_fen = -1 WHERE kind = 'available'")
        assert [*broken_invariants()] == ["L2", "L3"]


def test_l3_finds_a_debt_above_zero(member):
    with transaction():
        ledger.post(
            "debt",
            event="claw_back",
            moves=[Move(ledger.member(K.DEBT, member.id), ledger.system(K.SHOP), 3_00)],
            now=NOON,
        )
    with unchecked():
        plant("UPDATE ledger_accounts SET balance_fen = 1 WHERE kind = 'debt'")
        assert [*broken_invariants()] == ["L2", "L3"]


def test_l3_finds_a_system_account_below_zero_that_may_not_be(member):
    invert(1, source="shop", target="world_wx", key="overspent")

    found = broken_invariants()

    assert [*found] == ["L3"]
    assert "entries_fen=-1" in found["L3"][0]


def test_the_doors_to_the_world_may_be_below_zero(member):
    assert ledger.system_balance_fen(K.WORLD_WX) == -10_00
    assert broken_invariants() == {}


def test_a_report_counts_all_and_shows_five(session):
    for number in range(7):
        plant_posting(f"empty-{number}")

    (found,) = [r for r in ledger.verify() if r.code == "L1"]

    assert (found.offending, len(found.sample)) == (7, 5)
