"""Postings that meet each other, on an engine with row locks."""

import pytest
import sqlalchemy as sa

from app import ledger
from app.core.db import db, run_unit
from app.ledger import AccountKind, Entry, InsufficientBalance, Move, Posting
from tests.factories import NOON, broken_invariants, give_available, make_member
from tests.threads import behind, together

pytestmark = pytest.mark.mariadb_only

K = AccountKind
SHOP = ledger.system(K.SHOP)


def take(member_id: int, fen: int, key: str) -> int:
    return ledger.post(
        key,
        event="test",
        moves=[Move(ledger.member(K.AVAILABLE, member_id), SHOP, fen)],
        now=NOON,
    )


def test_a_second_posting_of_a_key_waits_and_finds_the_first(live):
    member_id = make_rich(5_00)

    second = behind(
        live,
        lambda: take(member_id, 5_00, "once"),
        lambda: run_unit(take, member_id, 5_00, "once"),
    )

    assert second == db.session.scalar(sa.select(Posting.id).filter_by(idem_key="once"))
    assert ledger.wallet_of(member_id) == ledger.Wallet()
    assert broken_invariants() == {}


def test_a_second_debit_waits_and_sees_what_the_first_left(live):
    member_id = make_rich(5_00)

    second = behind(
        live,
        lambda: take(member_id, 3_00, "first"),
        lambda: run_unit(take, member_id, 3_00, "second"),
    )

    assert isinstance(second, InsufficientBalance)
    assert ledger.wallet_of(member_id) == ledger.Wallet(available_fen=2_00)
    assert broken_invariants() == {}


def test_twenty_postings_of_one_key_at_once_post_once(live):
    member_id = make_rich(5_00)

    found = together(live, [lambda: run_unit(take, member_id, 5_00, "once")] * 20)

    assert len(set(found)) == 1
    assert isinstance(found[0], int)
    assert ledger.wallet_of(member_id) == ledger.Wallet()
    assert broken_invariants() == {}


def test_twenty_threads_drain_one_account_to_exactly_zero(live):
    member_id = make_rich(20_00)

    found = together(
        live,
        [lambda n=n: run_unit(take, member_id, 1_00, f"piece-{n}") for n in range(20)],
    )

    assert all(isinstance(posting, int) for posting in found)
    assert len(set(found)) == 20
    assert ledger.wallet_of(member_id) == ledger.Wallet()
    assert broken_invariants() == {}


def test_twenty_threads_never_take_more_than_there_is(live):
    member_id = make_rich(7_50)

    found = together(
        live,
        [lambda n=n: run_unit(take, member_id, 1_00, f"piece-{n}") for n in range(20)],
    )

    assert sum(isinstance(posting, int) for posting in found) == 7
    assert sum(isinstance(posting, InsufficientBalance) for posting in found) == 13
    assert ledger.wallet_of(member_id) == ledger.Wallet(available_fen=50)
    assert broken_invariants() == {}


def test_money_sent_both_ways_between_two_members_meets_no_deadlock_that_lasts(live):
    one, other = make_rich(10_00), make_rich(10_00)

    def send(source: int, target: int, key: str) -> int:
        return ledger.post(
            key,
            event="test",
            moves=[
                Move(ledger.member(K.AVAILABLE, source), ledger.member(K.AVAILABLE, target), 1_00)
            ],
            now=NOON,
        )

    found = together(
        live,
        [lambda n=n: run_unit(send, one, other, f"to-{n}") for n in range(8)]
        + [lambda n=n: run_unit(send, other, one, f"fro-{n}") for n in range(8)],
    )

    assert all(isinstance(posting, int) for posting in found), found
    assert ledger.wallet_of(one) == ledger.wallet_of(other) == ledger.Wallet(available_fen=10_00)
    assert db.session.scalar(sa.select(sa.func.sum(Entry.amount_fen))) == 0
    assert broken_invariants() == {}


def test_a_settlement_waits_for_a_debt_that_is_being_written_and_fills_it(live):
    member = make_member()
    member_id = member.id
    give_available(member, 10_00)
    run_unit(owe, member_id, 1_00, "first")

    behind(
        live,
        lambda: owe(member_id, 3_00, "second"),
        lambda: run_unit(pay_back, member_id, 5_00),
    )

    # 10.00 went to `frozen` and back in part: what came back met the whole debt.
    assert ledger.wallet_of(member_id) == ledger.Wallet(
        pending_fen=0, available_fen=1_00, frozen_fen=5_00, debt_fen=0
    )
    assert [code for code in broken_invariants() if code[0] == "L"] == []


def owe(member_id: int, fen: int, key: str) -> None:
    ledger.post(
        key, event="claw_back", moves=[Move(ledger.member(K.DEBT, member_id), SHOP, fen)], now=NOON
    )


def pay_back(member_id: int, fen: int) -> None:
    ledger.post(
        "freeze",
        event="test",
        moves=[
            Move(ledger.member(K.AVAILABLE, member_id), ledger.member(K.FROZEN, member_id), 10_00)
        ],
        now=NOON,
    )
    ledger.post_many(
        "settlement:1",
        event="test",
        source=K.FROZEN,
        target=K.AVAILABLE,
        amounts=sa.select(sa.literal(member_id), sa.literal(fen)),
        now=NOON,
    )


def make_rich(fen: int) -> int:
    member = make_member()
    give_available(member, fen)
    member_id = member.id
    db.session.rollback()
    return member_id
