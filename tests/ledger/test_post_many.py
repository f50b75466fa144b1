"""One posting for many members, in sets."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from app import ledger
from app.core.db import db, transaction
from app.ledger import AccountKind, Entry, Move, Posting
from app.members import Member
from tests.factories import NOON, give_available, make_member

K = AccountKind
WORLD, SHOP = ledger.system(K.WORLD_WX), ledger.system(K.SHOP)


def books() -> dict[str, list[str]]:
    """L1 to L3 only: `pending` without commissions is this file's own doing (P1)."""
    return {r.code: r.sample for r in ledger.verify() if r.offending and r.code[0] == "L"}


def give_pending(member: Member, fen: int) -> None:
    with transaction():
        ledger.post(
            f"test:pending:{member.id}",
            event="test",
            moves=[
                Move(WORLD, SHOP, fen),
                Move(SHOP, ledger.member(K.PENDING, member.id), fen),
            ],
            now=NOON,
        )


def owe(member: Member, fen: int) -> None:
    with transaction():
        ledger.post(
            f"test:debt:{member.id}",
            event="claw_back",
            moves=[Move(ledger.member(K.DEBT, member.id), SHOP, fen)],
            now=NOON,
        )


def settle(amounts: dict[Member, int]) -> Posting:
    rows = [
        sa.select(sa.literal(m.id).label("member_id"), sa.literal(fen).label("amount_fen"))
        for m, fen in amounts.items()
    ]
    listed = sa.union_all(*rows).subquery()
    with transaction():
        posting, count, total = ledger.post_many(
            "settlement:1",
            event="commission_settled",
            source=K.PENDING,
            target=K.AVAILABLE,
            amounts=sa.select(listed.c.member_id, listed.c.amount_fen),
            now=NOON,
        )
    assert (count, total) == (len(amounts), sum(amounts.values()))
    return posting


def test_many_members_are_paid_by_one_posting(session):
    members = [make_member() for _ in range(20)]
    for number, member in enumerate(members, start=1):
        give_pending(member, number * 1_00)

    posting = settle({m: n * 1_00 for n, m in enumerate(members, start=1)})

    assert [ledger.wallet_of(m.id) for m in members] == [
        ledger.Wallet(available_fen=n * 1_00) for n in range(1, 21)
    ]
    entries = db.session.scalars(sa.select(Entry).filter_by(posting_id=posting.id)).all()
    assert len(entries) == 40
    assert books() == {}


def test_what_arrives_fills_each_members_own_debt_first(session):
    free, partly, wholly, exactly = (make_member() for _ in range(4))
    for member in (free, partly, wholly, exactly):
        give_pending(member, 10_00)
    owe(partly, 4_00)
    owe(wholly, 25_00)
    owe(exactly, 10_00)

    settle(dict.fromkeys((free, partly, wholly, exactly), 10_00))

    assert ledger.wallet_of(free.id) == ledger.Wallet(available_fen=10_00)
    assert ledger.wallet_of(partly.id) == ledger.Wallet(available_fen=6_00)
    assert ledger.wallet_of(wholly.id) == ledger.Wallet(debt_fen=15_00)
    assert ledger.wallet_of(exactly.id) == ledger.Wallet()
    assert books() == {}


def test_a_posting_of_many_adds_to_what_was_there(session):
    member = make_member()
    give_available(member, 7_00)
    give_pending(member, 10_00)

    settle({member: 4_00})

    assert ledger.wallet_of(member.id) == ledger.Wallet(pending_fen=6_00, available_fen=11_00)
    assert books() == {}


def test_a_stale_claim_of_more_than_is_pending_changes_nothing(session):
    member = make_member()
    give_pending(member, 10_00)

    with pytest.raises(DBAPIError, match="balance_within_bounds"):
        settle({member: 10_01})

    assert ledger.wallet_of(member.id) == ledger.Wallet(pending_fen=10_00)
    assert books() == {}


def test_a_second_posting_of_many_under_the_same_key_is_an_error(session):
    member = make_member()
    give_pending(member, 10_00)
    settle({member: 4_00})

    with pytest.raises(IntegrityError):
        settle({member: 4_00})

    assert ledger.wallet_of(member.id) == ledger.Wallet(pending_fen=6_00, available_fen=4_00)
    assert books() == {}


def test_a_posting_of_many_leaves_other_members_alone(session):
    paid, other = make_member(), make_member()
    give_pending(paid, 10_00)
    give_pending(other, 3_00)
    owe(other, 5_00)

    settle({paid: 10_00})

    assert ledger.wallet_of(other.id) == ledger.Wallet(pending_fen=3_00, debt_fen=5_00)
    assert books() == {}
