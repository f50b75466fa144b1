"""Booking commissions when an order is paid, and dating them when it moves on."""

import pytest
import sqlalchemy as sa

from app import commission, distribution, ledger, orders, outbox
from app.commission import Commission, CommissionStatus
from app.commission.models import NEVER
from app.core.db import db, run_unit
from app.core.errors import NotFound
from app.ledger import AccountKind, Wallet
from app.orders import Order
from tests.factories import (
    ADMIN,
    NOON,
    PLAN,
    bind,
    broken_invariants,
    days,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    paid_order,
    place_order,
    received_order,
    take,
)


def rows_of(order: Order) -> list[tuple[int, int, int]]:
    found = commission.commissions_of_order(order.id)
    return [(row.member_id, row.depth, row.amount_fen) for row in found]


def bound_buyer():
    near, buyer = make_distributor(), make_member()
    bind(buyer, near)
    return near, buyer


def test_a_row_keeps_the_rule_the_inputs_and_the_result(session):
    near, buyer = bound_buyer()
    plan = make_plan({**PLAN, "line_cap_bps": 500})

    order = paid_order(buyer, make_sku(price_fen=128_00))

    (row,) = commission.commissions_of_order(order.id)
    assert (row.member_id, row.plan_id, row.depth) == (near.id, plan.id, 1)
    assert (row.base_fen, row.rate, row.source) == (128_00, {"bps": 1000}, "default")
    assert (row.uncapped_fen, row.amount_fen, row.reversed_fen) == (12_80, 6_40, 0)
    assert (row.status, row.mature_at, row.batch_id) == (CommissionStatus.PENDING, NEVER, 0)
    assert broken_invariants() == {}


def test_accruing_twice_books_once(session):
    near, buyer = bound_buyer()
    make_plan()
    order = paid_order(buyer, make_sku(price_fen=100_00))

    run_unit(commission.accrue, order.id, NOON)
    run_unit(commission.accrue, order.id, NOON)

    assert rows_of(order) == [(near.id, 1, 10_00)]
    assert ledger.wallet_of(near.id) == Wallet(pending_fen=10_00)
    assert broken_invariants() == {}


def test_without_a_plan_nothing_is_booked(session):
    near, buyer = bound_buyer()

    order = paid_order(buyer, make_sku(price_fen=100_00))

    assert rows_of(order) == []
    assert ledger.wallet_of(near.id) == Wallet()
    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == 100_00
    assert broken_invariants() == {}


def test_a_plan_that_begins_after_the_payment_books_nothing(session):
    _, buyer = bound_buyer()
    make_plan(now=NOON + days(1))

    order = paid_order(buyer, make_sku(price_fen=100_00))

    assert rows_of(order) == []
    assert broken_invariants() == {}


def test_the_plan_at_payment_counts_and_not_the_one_at_delivery(session):
    near, buyer = bound_buyer()
    make_plan()
    order = place_order(buyer, make_sku(price_fen=100_00))
    take(notice_for(order))
    make_plan({**PLAN, "default": {"1": {"bps": 1}}}, now=NOON + days(1))

    outbox.drain(NOON + days(2))

    assert rows_of(order) == [(near.id, 1, 10_00)]
    assert broken_invariants() == {}


def test_news_that_comes_after_the_goods_dates_what_it_books(session):
    near, buyer = bound_buyer()
    make_plan()
    order = place_order(buyer, make_sku(price_fen=100_00))
    take(notice_for(order))
    run_unit(
        orders.ship, order.id, carrier="顺丰", tracking_number="SF1234567890", actor=ADMIN, now=NOON
    )
    run_unit(orders.receive, order.id, actor=ADMIN, now=NOON)
    outbox.drain(NOON, subject=("order_received", order.id))

    outbox.drain(NOON)

    (row,) = commission.commissions_of_order(order.id)
    assert (row.member_id, row.expected_at) == (near.id, NOON + days(15))


def test_a_buyer_without_uplines_earns_nobody_anything(session):
    make_plan()

    order = paid_order(make_member(), make_sku())

    assert rows_of(order) == []
    assert broken_invariants() == {}


def test_an_upline_suspended_after_checkout_earns_and_is_held_at_settlement(session):
    near, buyer = bound_buyer()
    make_plan()
    order = place_order(buyer, make_sku(price_fen=100_00))
    run_unit(
        distribution.suspend,
        distribution.distributor_of(near.id).id,
        reason="调查",
        actor=ADMIN,
        now=NOON,
    )
    take(notice_for(order))
    outbox.drain(NOON)

    assert rows_of(order) == [(near.id, 1, 10_00)]
    assert broken_invariants() == {}


def test_a_suspended_upline_at_checkout_keeps_an_empty_seat(session):
    top = make_distributor()
    near, buyer = make_distributor(under=top), make_member()
    bind(buyer, near)
    make_plan()
    run_unit(
        distribution.suspend,
        distribution.distributor_of(near.id).id,
        reason="调查",
        actor=ADMIN,
        now=NOON,
    )

    order = paid_order(buyer, make_sku(price_fen=100_00))

    assert rows_of(order) == [(top.id, 2, 5_00)]
    assert broken_invariants() == {}


def test_an_order_that_is_not_paid_is_not_booked(session):
    order = place_order(make_member(), make_sku())

    with pytest.raises(RuntimeError, match="is not paid"):
        run_unit(commission.accrue, order.id, NOON)

    assert rows_of(order) == []


def test_an_order_that_is_not_finished_does_not_mature(session):
    near, buyer = bound_buyer()
    make_plan()
    order = received_order(buyer, make_sku())

    with pytest.raises(RuntimeError, match="is not finished"):
        run_unit(commission.mature, order.id, NOON)

    (row,) = commission.commissions_of_order(order.id)
    assert (row.member_id, row.mature_at) == (near.id, NEVER)


def test_distributors_see_when_to_expect_their_money(session):
    _, buyer = bound_buyer()
    make_plan()

    order = received_order(buyer, make_sku())

    (row,) = commission.commissions_of_order(order.id)
    assert (row.expected_at, row.mature_at) == (NOON + days(15), NEVER)


def test_a_finished_orders_commissions_mature_at_the_end_of_the_guard(session):
    _, buyer = bound_buyer()
    make_plan()
    order = received_order(buyer, make_sku())

    run_unit(orders.finish, order.id, now=NOON + days(20))
    outbox.drain(NOON + days(20))

    (row,) = commission.commissions_of_order(order.id)
    assert row.mature_at == NOON + days(15)
    assert broken_invariants() == {}


def test_the_database_itself_refuses_a_second_row_of_a_depth(session):
    _, buyer = bound_buyer()
    make_plan()
    order = paid_order(buyer, make_sku())
    (row,) = commission.commissions_of_order(order.id)

    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(
            sa.insert(Commission).values(
                order_id=order.id,
                order_line_id=row.order_line_id,
                member_id=row.member_id,
                plan_id=row.plan_id,
                depth=1,
                base_fen=1,
                rate={},
                source="x",
                uncapped_fen=1,
                amount_fen=1,
                created_at=NOON,
            )
        )

    db.session.rollback()
    assert len(commission.commissions_of_order(order.id)) == 1


def test_a_commission_belongs_to_its_member_only(session):
    near, buyer = bound_buyer()
    make_plan()
    order = paid_order(buyer, make_sku())
    (row,) = commission.commissions_of_order(order.id)

    assert commission.commission_of(near.id, row.id).id == row.id
    with pytest.raises(NotFound, match="佣金记录不存在"):
        commission.commission_of(buyer.id, row.id)
