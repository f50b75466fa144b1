"""Commissions follow refunded money at every stage, to the fen."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import aftersales, commission, ledger, orders, outbox, withdrawals
from app.commission import Commission, CommissionStatus
from app.core.db import db, run_unit
from app.jobs import tasks
from app.ledger import AccountKind, Wallet
from app.orders import OrderStatus
from tests.aftersales.steps import afresh, sale, settle_news
from tests.factories import (
    ADMIN,
    NOON,
    broken_invariants,
    days,
    make_sku,
    notice_for,
    place_order,
    take,
)

pytestmark = pytest.mark.usefixtures("session")
C = CommissionStatus
LATER = NOON + days(15)


def stand(order) -> list[tuple[int, CommissionStatus, int]]:
    """Depth, state and what stands, nearest first."""
    db.session.expire_all()
    rows = db.session.scalars(
        sa.select(Commission).filter_by(order_id=order.id).order_by(Commission.depth)
    )
    return [(row.depth, row.status, row.standing_fen) for row in rows]


def settled(sold) -> None:
    tasks.sales.settle(LATER, False)
    settle_news(LATER)
    assert stand(sold.order) == [(1, C.SETTLED, 10_00), (2, C.SETTLED, 5_00)]


def test_pending_commissions_follow_a_part_refund():
    sold = sale()

    sold.refund(33_33)

    assert stand(sold.order) == [(1, C.PENDING, 6_66), (2, C.PENDING, 3_33)]
    assert ledger.wallet_of(sold.near.id) == Wallet(pending_fen=6_66)
    assert ledger.system_balance_fen(AccountKind.WORLD_WX) == -66_67
    assert broken_invariants() == {}


def test_they_are_held_while_the_after_sale_is_open_and_freed_by_its_end():
    sold = sale(received=True)

    row = sold.ask(fen=10_00)
    held = stand(sold.order)
    run_unit(aftersales.withdraw, sold.buyer.id, row.id, now=NOON)
    settle_news()

    assert held == [(1, C.HELD, 10_00), (2, C.HELD, 5_00)]
    assert stand(sold.order) == [(1, C.PENDING, 10_00), (2, C.PENDING, 5_00)]
    assert broken_invariants() == {}


def test_an_open_after_sale_keeps_its_order_from_finishing():
    sold = sale(received=True)
    row = sold.ask(fen=10_00)

    waiting = tasks.sales.settle(LATER, False)
    run_unit(aftersales.withdraw, sold.buyer.id, row.id, now=LATER)
    settle_news(LATER)
    done = tasks.sales.settle(LATER, False)

    assert (waiting["orders"], waiting["rows"]) == (0, 0)
    assert (done["orders"], done["rows"], done["amount_fen"]) == (1, 2, 15_00)


def test_a_whole_refund_voids_them_and_ends_the_order():
    sold = sale()

    sold.refund(100_00)

    assert stand(sold.order) == [(1, C.VOID, 0), (2, C.VOID, 0)]
    assert afresh(sold.order).status is OrderStatus.REFUNDED
    assert ledger.wallet_of(sold.near.id) == Wallet()
    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == 0
    assert ledger.system_balance_fen(AccountKind.WORLD_WX) == 0
    assert broken_invariants() == {}


def test_settled_ones_are_taken_from_the_wallet():
    sold = sale(received=True)
    settled(sold)

    sold.shop_refunds(50_00, now=LATER)

    assert stand(sold.order) == [(1, C.SETTLED, 5_00), (2, C.SETTLED, 2_50)]
    assert ledger.wallet_of(sold.near.id) == Wallet(available_fen=5_00)
    # 85 earned, 50 refunded, 7.50 of commissions come back.
    assert ledger.system_balance_fen(AccountKind.SHOP) == 42_50
    assert broken_invariants() == {}


def test_what_the_wallet_no_longer_has_becomes_a_debt_that_income_fills_first():
    sold = sale(received=True)
    settled(sold)
    run_unit(withdrawals.request, sold.near.id, amount_fen=8_00, request_key="tap", now=LATER)

    sold.shop_refunds(50_00, now=LATER)

    assert ledger.wallet_of(sold.near.id) == Wallet(frozen_fen=8_00, debt_fen=3_00)
    assert broken_invariants() == {}


def test_a_wholly_refunded_settled_order_is_clawed_back():
    sold = sale(received=True)
    settled(sold)

    sold.shop_refunds(100_00, now=LATER)

    assert stand(sold.order) == [(1, C.CLAWED, 0), (2, C.CLAWED, 0)]
    assert ledger.wallet_of(sold.near.id) == Wallet()
    assert ledger.system_balance_fen(AccountKind.SHOP) == 0
    # A finished order stays finished: its guard was over.
    assert afresh(sold.order).status is OrderStatus.FINISHED
    assert broken_invariants() == {}


def test_finished_but_unsettled_ones_go_back_to_the_shop():
    sold = sale(received=True)
    run_unit(orders.finish, sold.order.id, now=LATER)
    settle_news(LATER)

    sold.shop_refunds(50_00, now=LATER)
    tasks.sales.settle(LATER, False)

    assert stand(sold.order) == [(1, C.SETTLED, 5_00), (2, C.SETTLED, 2_50)]
    assert ledger.system_balance_fen(AccountKind.SHOP) == 42_50
    assert broken_invariants() == {}


def test_a_refund_before_the_accrual_is_followed_by_it():
    sold = sale()

    order = place_order(sold.buyer, make_sku(price_fen=100_00))
    take(notice_for(order))
    sold.order = order
    run_unit(
        aftersales.refund_now,
        order.id,
        wanted=[aftersales.Wanted(order.lines[0].id, 0, 50_00)],
        freight_fen=0,
        reason="少发",
        actor=ADMIN,
        now=NOON,
    )

    settle_news()

    assert stand(order) == [(1, C.HELD, 5_00), (2, C.HELD, 2_50)]
    assert broken_invariants() == {}


def test_a_refund_that_wechat_closed_gives_them_back():
    sold = sale(received=True)
    settled(sold)
    row = run_unit(
        aftersales.refund_now,
        sold.order.id,
        wanted=[aftersales.Wanted(sold.line_id, 0, 50_00)],
        freight_fen=0,
        reason="协商",
        actor=ADMIN,
        now=LATER,
    )
    settle_news(LATER)
    sold.send(row, now=LATER)

    sold.end(row, "CLOSED", now=LATER)

    assert stand(sold.order) == [(1, C.SETTLED, 10_00), (2, C.SETTLED, 5_00)]
    assert ledger.wallet_of(sold.near.id) == Wallet(available_fen=10_00)
    assert ledger.system_balance_fen(AccountKind.SHOP) == 85_00
    assert afresh(sold.order).lines[0].refunded_fen == 0
    assert broken_invariants() == {}


def test_a_closed_refund_fills_the_debt_that_it_made():
    sold = sale(received=True)
    settled(sold)
    run_unit(withdrawals.request, sold.near.id, amount_fen=8_00, request_key="tap", now=LATER)
    row = run_unit(
        aftersales.refund_now,
        sold.order.id,
        wanted=[aftersales.Wanted(sold.line_id, 0, 50_00)],
        freight_fen=0,
        reason="协商",
        actor=ADMIN,
        now=LATER,
    )
    settle_news(LATER)
    sold.send(row, now=LATER)

    sold.end(row, "CLOSED", now=LATER)

    assert ledger.wallet_of(sold.near.id) == Wallet(available_fen=2_00, frozen_fen=8_00)
    assert broken_invariants() == {}


def test_a_pending_commission_that_was_void_lives_again_and_settles():
    sold = sale(received=True)
    row = sold.ask(fen=100_00)
    sold.agree(row)
    sold.send(row)
    voided = stand(sold.order)

    sold.end(row, "CLOSED")
    done = tasks.sales.settle(LATER, False)

    assert voided == [(1, C.VOID, 0), (2, C.VOID, 0)]
    assert (done["orders"], done["amount_fen"]) == (1, 15_00)
    assert broken_invariants() == {}


def test_the_same_news_twice_moves_nothing():
    sold = sale()
    sold.refund(50_00)
    before = ledger.system_balance_fen(AccountKind.ORDER_HOLD)

    run_unit(commission.follow, sold.order.id, cause="again", now=NOON)

    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == before
    assert outbox.waiting() == 0


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(1, 99_99), min_size=1, max_size=4))
def test_refunds_in_any_parts_end_at_the_same_place(parts):
    sold = sale(price_fen=100_01)
    left = 100_01

    for fen in parts:
        part = min(fen, left - 1)
        if part > 0:
            sold.refund(part)
            left -= part

    standing = [amount * left // 100_01 for amount in (10_00, 5_00)]
    assert stand(sold.order) == [
        (depth, C.PENDING if fen else C.VOID, fen) for depth, fen in enumerate(standing, start=1)
    ]
    assert broken_invariants() == {}
