"""Moving matured commissions into wallets, in chunks."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app import commission, distribution, ledger
from app.commission import Commission, Settled
from app.commission import CommissionStatus as C
from app.commission.models import CommissionDue, SettlementBatch
from app.core.db import db, run_unit, transaction
from app.jobs import tasks
from app.ledger import Posting, Wallet
from app.members import Member
from tests.commission import ground
from tests.commission.ground import finish, matured
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    broken_invariants,
    days,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    received_order,
)
from tests.planting import plant

GUARD = NOON + days(15)


def settle(now=GUARD) -> Settled:
    return run_unit(commission.settle_chunk, now)[0]


def suspend(member: Member) -> None:
    seat = distribution.distributor_of(member.id)
    run_unit(distribution.suspend, seat.id, reason="调查", actor=ADMIN, now=NOON)


def restore(member: Member) -> None:
    seat = distribution.distributor_of(member.id)
    run_unit(distribution.restore, seat.id, actor=ADMIN, now=NOON)


def test_a_chunk_settles_all_that_matured_with_one_posting(session):
    near = matured(count=3)
    other = matured(count=2)

    assert ground.settle(GUARD) == Settled(rows=5, members=2, amount_fen=50_00)

    assert ledger.wallet_of(near.id) == Wallet(available_fen=30_00)
    assert ledger.wallet_of(other.id) == Wallet(available_fen=20_00)
    batch = db.session.scalars(sa.select(SettlementBatch)).one()
    assert (batch.rows, batch.amount_fen, batch.at) == (5, 50_00, GUARD)
    posting = db.session.get_one(Posting, batch.posting_id)
    assert (posting.event, len(posting.entries)) == ("commission_settled", 4)
    rows = commission.commissions_of(near.id).items
    assert {(r.status, r.settled_fen, r.settled_at, r.batch_id) for r in rows} == {
        (C.SETTLED, 10_00, GUARD, batch.id)
    }
    assert broken_invariants() == {}


def test_nothing_settles_before_it_matured(session):
    near = matured(count=1)

    assert settle(now=GUARD - days(1)) == Settled()

    assert ledger.wallet_of(near.id) == Wallet(pending_fen=10_00)
    assert db.session.scalars(sa.select(SettlementBatch)).all() == []
    assert broken_invariants() == {}


def test_a_second_run_settles_nothing_twice(session):
    near = matured(count=2)
    settle()

    assert settle() == Settled()

    assert ledger.wallet_of(near.id) == Wallet(available_fen=20_00)
    assert broken_invariants() == {}


def chunk(after: int, limit: int) -> tuple[Settled, int | None]:
    return run_unit(commission.settle_chunk, GUARD, after=after, limit=limit)


def test_a_chunk_takes_whole_members_in_their_order(session):
    first, second, third = matured(count=2), matured(count=3), matured(count=1)

    part, after = chunk(0, limit=2)
    assert (part.rows, part.members, after) == (5, 2, second.id)
    assert ledger.wallet_of(first.id) == Wallet(available_fen=20_00)
    assert ledger.wallet_of(third.id) == Wallet(pending_fen=10_00)

    assert chunk(after, limit=2) == (Settled(rows=1, members=1, amount_fen=10_00), None)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SettlementBatch)) == 2
    assert broken_invariants() == {}


def test_a_chunk_that_another_run_took_does_not_end_the_run(session, monkeypatch):
    near, other = matured(count=1), matured(count=1)
    ends = iter([near.id, None])
    # The other run comes between the look at what is due and the claim.
    monkeypatch.setattr(commission.settlement, "_last_member", lambda *_: next(ends))
    hold(near)

    assert tasks.sales.settle_all(GUARD) == Settled(rows=1, members=1, amount_fen=10_00)
    assert ledger.wallet_of(other.id) == Wallet(available_fen=10_00)


def standing() -> list[str]:
    rows = db.session.execute(
        sa.select(Commission.batch_id, Commission.status, CommissionDue.batch_id)
        .outerjoin(CommissionDue, CommissionDue.commission_id == Commission.id)
        .order_by(Commission.id)
    )
    words = {
        (False, C.PENDING, False): "due",
        (False, C.PENDING, True): "taken",
        (False, C.HELD, None): "held",
        (True, C.SETTLED, None): "filed",
    }
    return [words[batch > 0, state, due and due > 0] for batch, state, due in rows]


def hold(member: Member) -> None:
    with transaction():
        db.session.execute(
            sa.update(Commission).where(Commission.member_id == member.id).values(status=C.HELD)
        )


def test_what_was_settled_is_filed_under_its_batch_and_what_is_due_is_not(session):
    matured(count=2)
    settle()
    matured(count=1)
    assert standing() == ["taken", "taken", "due"]
    assert broken_invariants() == {}

    assert tasks.sales.file_all() == 2

    assert standing() == ["filed", "filed", "due"]
    assert tasks.sales.file_all() == 0
    assert broken_invariants() == {}


def test_filing_goes_on_member_by_member(session):
    first, _ = matured(count=3), matured(count=1)
    settle()

    assert run_unit(commission.file_chunk, after=0, limit=2) == (3, first.id)
    assert run_unit(commission.file_chunk, after=first.id, limit=2) == (1, None)

    assert standing() == ["filed"] * 4


def test_what_is_not_filed_yet_is_settled_only_once(session):
    near = matured(count=2)
    settle()
    matured_later = matured(count=1)

    assert settle() == Settled(rows=1, members=1, amount_fen=10_00)

    assert ledger.wallet_of(near.id) == Wallet(available_fen=20_00)
    assert ledger.wallet_of(matured_later.id) == Wallet(available_fen=10_00)
    assert broken_invariants() == {}


@pytest.mark.parametrize("is_filed", [False, True])
def test_commissions_of_a_batch_are_found_filed_or_not(session, is_filed):
    near = matured(count=2)
    settle()
    [batch] = db.session.scalars(sa.select(SettlementBatch))
    matured(count=1)
    settle()
    if is_filed:
        tasks.sales.file_all()

    found = db.session.execute(sa.select(commission.settled_in([batch.id]))).all()

    assert [(row.member_id, row.settled_fen) for row in found] == [(near.id, 10_00)] * 2
    assert len(commission.settled_by(near.id, batch.posting_id).items) == 2
    assert commission.settled_by(near.id, batch.posting_id + 1).items == []


def test_what_is_held_is_not_due_until_it_is_released(session):
    near = matured(count=1)
    hold(near)
    assert (standing(), settle()) == (["held"], Settled())

    with transaction():
        db.session.execute(sa.update(Commission).values(status=C.PENDING))

    assert standing() == ["due"]
    assert settle() == Settled(rows=1, members=1, amount_fen=10_00)


@pytest.mark.parametrize(
    "values", [{"status": C.HELD}, {"reversed_fen": 1}, {"status": C.SETTLED, "batch_id": 99}]
)
def test_what_a_settlement_took_is_changed_by_nobody_before_it_is_filed(session, values):
    matured(count=1)
    settle()

    with pytest.raises(DBAPIError, match="changes only by being filed"), transaction():
        db.session.execute(sa.update(Commission).values(**values))

    assert standing() == ["taken"]
    assert broken_invariants() == {}


def test_what_the_version_before_settles_while_a_release_is_under_way_is_not_due(session):
    near = matured(count=1)
    with transaction():
        db.session.execute(
            sa.update(Commission).values(status=C.SETTLED, batch_id=7, settled_fen=10_00)
        )

    assert (standing(), settle()) == (["filed"], Settled())
    assert ledger.wallet_of(near.id) == Wallet(pending_fen=10_00)


def test_a_refund_between_settlement_and_filing_takes_the_money_back(session):
    near, buyer = make_distributor(), make_member()
    bind(buyer, near)
    make_plan()
    order = received_order(buyer, make_sku(price_fen=100_00))
    finish(order)
    settle()
    [line] = order.lines
    plant("UPDATE order_lines SET refunded_fen = 5000 WHERE id = :line", line=line.id)

    run_unit(commission.follow, order.id, cause="test", now=GUARD)

    assert ledger.wallet_of(near.id) == Wallet(available_fen=5_00)
    [row] = commission.commissions_of(near.id).items
    assert (row.status, row.settled_fen, row.standing_fen) == (C.SETTLED, 10_00, 5_00)
    assert (standing(), tasks.sales.file_all()) == (["filed"], 0)


def test_counting_what_is_due_changes_nothing(session):
    near = matured(count=2)

    assert commission.count_due(GUARD) == Settled(rows=2, members=1, amount_fen=20_00)

    assert ledger.wallet_of(near.id) == Wallet(pending_fen=20_00)
    assert settle() == Settled(rows=2, members=1, amount_fen=20_00)


def test_a_suspended_distributor_is_not_settled_until_restored(session):
    held, free = matured(count=1), matured(count=1)
    suspend(held)

    assert commission.count_due(GUARD) == Settled(rows=1, members=1, amount_fen=10_00)
    assert settle() == Settled(rows=1, members=1, amount_fen=10_00)
    assert ledger.wallet_of(held.id) == Wallet(pending_fen=10_00)
    assert ledger.wallet_of(free.id) == Wallet(available_fen=10_00)
    restore(held)
    assert settle() == Settled(rows=1, members=1, amount_fen=10_00)

    assert ledger.wallet_of(held.id) == Wallet(available_fen=10_00)
    assert broken_invariants() == {}


def test_a_dry_run_counts_and_changes_nothing(session):
    near, buyer = make_distributor(), make_member()
    bind(buyer, near)
    make_plan()
    received_order(buyer, make_sku(price_fen=100_00))

    assert tasks.sales.settle(GUARD, True) == {
        "orders": 1,
        "rows": 0,
        "members": 0,
        "amount_fen": 0,
    }

    assert ledger.wallet_of(near.id) == Wallet(pending_fen=10_00)
    assert broken_invariants() == {}


def test_what_was_settled_adds_up():
    assert Settled(1, 1, 5) + Settled(2, 1, 7) == Settled(3, 2, 12)
