"""Settlements and accruals that meet each other, on an engine with row locks."""

import pytest
import sqlalchemy as sa

from app import commission, ledger, orders
from app.commission import Commission
from app.core.db import db, run_unit
from app.jobs.tasks.sales import file_all, settle_all
from app.ledger import Wallet
from tests.commission.ground import matured
from tests.factories import (
    NOON,
    bind,
    broken_invariants,
    days,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    place_order,
    take,
)
from tests.threads import behind, together

pytestmark = pytest.mark.mariadb_only

GUARD = NOON + days(15)


def settle() -> int:
    return commission.settle_chunk(GUARD)[0].rows


def test_a_second_settlement_waits_and_finds_nothing_left(live):
    near_id = matured(count=3).id
    db.session.rollback()

    second = behind(live, settle, lambda: run_unit(settle))

    assert second == 0
    assert ledger.wallet_of(near_id) == Wallet(available_fen=30_00)
    assert broken_invariants() == {}


def test_settlements_at_once_settle_each_row_once(live, monkeypatch):
    near_ids = [matured(count=3).id for _ in range(4)]
    db.session.rollback()
    monkeypatch.setattr(
        commission.settlement.settle_chunk, "__kwdefaults__", {"after": 0, "limit": 1}
    )

    found = together(live, [lambda: settle_all(GUARD).rows] * 3)

    assert sum(found) == 12, found
    assert [ledger.wallet_of(member_id) for member_id in near_ids] == [
        Wallet(available_fen=30_00)
    ] * 4
    assert broken_invariants() == {}


def test_two_accruals_of_one_order_at_once_book_once(live):
    near, buyer = make_distributor(), make_member()
    near_id = near.id
    bind(buyer, near)
    make_plan()
    order = place_order(buyer, make_sku(price_fen=100_00))
    order_id = order.id
    take(notice_for(order))

    together(live, [lambda: run_unit(commission.accrue, order_id, NOON)] * 2)

    db.session.rollback()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Commission)) == 1
    assert ledger.wallet_of(near_id) == Wallet(pending_fen=10_00)
    assert broken_invariants() == {}


def refund_half(order_id: int) -> None:
    db.session.execute(
        sa.update(orders.OrderLine)
        .where(orders.OrderLine.order_id == order_id)
        .values(refunded_fen=50_00)
    )
    commission.follow(order_id, cause="refunded", now=GUARD)


def test_a_refund_behind_a_settlement_takes_back_what_that_brought(live):
    near_id = matured(count=1).id
    order_id = db.session.scalar(sa.select(orders.Order.id))
    db.session.rollback()

    found = behind(live, settle, lambda: run_unit(refund_half, order_id))

    assert found is None
    assert ledger.wallet_of(near_id) == Wallet(available_fen=5_00)
    row = db.session.scalars(sa.select(Commission)).one()
    assert (row.settled_fen, row.reversed_fen, row.status) == (10_00, 5_00, "settled")


def test_a_settlement_behind_a_refund_brings_what_that_left(live):
    near_id = matured(count=1).id
    order_id = db.session.scalar(sa.select(orders.Order.id))
    db.session.rollback()

    found = behind(live, lambda: refund_half(order_id), lambda: run_unit(settle))

    assert found == 1
    assert ledger.wallet_of(near_id) == Wallet(available_fen=5_00)


def test_filings_at_once_file_each_row_once(live):
    matured(count=3)
    run_unit(settle)
    db.session.rollback()

    assert sum(together(live, [file_all] * 3)) == 3
    assert broken_invariants() == {}
