"""Notices that come three times, late and out of order leave the same books."""

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from app import commission, ledger, members, orders, outbox, wechat, withdrawals
from app.core import clock
from app.core.db import db, run_unit
from app.ledger import AccountKind
from tests.factories import (
    ADMIN,
    SYSTEM,
    bind,
    broken_invariants,
    give_available,
    make_distributor,
    make_distributor_of,
    make_plan,
    make_sku,
    place_order,
)
from tests.stack import Stack, wait_for

WANG = "oSandbox_wangfang_0000000003"
CHEN = "oSandbox_chenmei_00000000002"


def enter(openid: str) -> members.Member:
    return run_unit(members.enter, openid, now=clock.now())


@pytest.fixture
def held(stack: Stack) -> Iterator[Stack]:
    """Notices wait until a test delivers them."""
    stack.control("/notices/hold")
    yield stack
    stack.control("/settings", notices_held=False)


def deliver_thrice_and_shuffled(stack: Stack, seed: int) -> None:
    """Every notice there is, three times, in a random but repeatable order."""
    ids = [n["id"] for n in stack.look("/notices")["notices"]] * 3
    random.Random(seed).shuffle(ids)
    for notice_id in ids:
        stack.control(f"/notices/{notice_id}/deliver")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_repeated_and_shuffled_notices_book_once(held: Stack, seed: int):
    now = clock.now()
    make_plan(now=now - timedelta(minutes=1))
    near = make_distributor("林杰", now=now)
    buyer = enter(WANG)
    bind(buyer, near, now=now)
    sku = make_sku(price_fen=100_00)
    pay = wechat.current().pay
    placed = [place_order(buyer, sku, now=now) for _ in range(3)]
    for order in placed:
        sheet = orders.paying_sheet(order.id, description="绿茶", gateway=pay, now=now)
        prepay_id = sheet["package"].removeprefix("prepay_id=")
        held.control(f"/persons/{WANG}/pay", prepay_id=prepay_id)

    deliver_thrice_and_shuffled(held, seed)

    outbox.drain(clock.now())
    db.session.rollback()
    states = {orders.order_by_number(order.number).status for order in placed}
    assert states == {orders.OrderStatus.PAID}
    assert ledger.system_balance_fen(AccountKind.WORLD_WX) == -300_00
    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == 270_00
    assert ledger.wallet_of(near.id) == ledger.Wallet(pending_fen=30_00)
    assert orders.open_oddities() == 0
    assert broken_invariants() == {}


def test_the_answers_and_notices_of_a_transfer_in_any_order_pay_once(held: Stack):
    now = clock.now()
    make_plan(now=now - timedelta(minutes=1))
    chen = enter(CHEN)
    give_available(chen, 50_00, now=now)
    row = run_unit(withdrawals.request, chen.id, amount_fen=50_00, request_key="tap", now=now)
    run_unit(withdrawals.approve, row.id, actor=ADMIN, actor_member_id=None, now=now)
    gateway = wechat.current().transfers
    # The answer to the first call is lost after WeChat acted on it.
    held.control("/faults", target="/v3/fund-app/mch-transfer/transfer-bills", kind="drop", times=1)

    lost = withdrawals.pay(row.id, gateway=gateway, now=now)
    bill = withdrawals.current_bill(row.id)
    assert bill is not None
    held.control(f"/transfers/{bill.out_bill_no}/confirm")
    wait_for(lambda: held.look("/notices")["notices"])
    deliver_thrice_and_shuffled(held, seed=7)
    asked = withdrawals.ask(bill.id, gateway=gateway, now=now + timedelta(minutes=2))

    db.session.rollback()
    assert (lost, asked) == ("unclear", "SUCCESS")
    assert withdrawals.withdrawal_by_number(row.number).status.value == "paid"
    assert ledger.wallet_of(chen.id) == ledger.Wallet()
    assert ledger.system_balance_fen(AccountKind.WORLD_WX) == 0
    assert broken_invariants() == {}


def test_a_lost_answer_still_lets_the_member_confirm(stack: Stack):
    """Only the answer to the sending carries the package: it is fetched again."""
    now = clock.now()
    chen = enter(CHEN)
    give_available(chen, 50_00, now=now)
    row = run_unit(withdrawals.request, chen.id, amount_fen=50_00, request_key="tap", now=now)
    run_unit(withdrawals.approve, row.id, actor=ADMIN, actor_member_id=None, now=now)
    gateway = wechat.current().transfers
    stack.control(
        "/faults", target="/v3/fund-app/mch-transfer/transfer-bills", kind="drop", times=1
    )

    withdrawals.pay(row.id, gateway=gateway, now=now)
    bill = withdrawals.current_bill(row.id)
    assert bill is not None
    withdrawals.ask(bill.id, gateway=gateway, now=now)

    db.session.rollback()
    found = withdrawals.current_bill(row.id)
    assert found is not None
    assert (found.id, found.sent_count) == (bill.id, 2)
    assert found.package_info != ""
    assert withdrawals.withdrawal_by_number(row.number).status.value == "wait_confirm"
    assert len(stack.look("/transfers")["transfers"]) == 1
    assert broken_invariants() == {}


def test_a_lost_notice_is_made_good_by_the_query_job(held: Stack):
    now = clock.now()
    buyer = enter(WANG)
    order = place_order(buyer, make_sku(price_fen=39_90), now=now)
    sheet = orders.paying_sheet(order.id, description="杏", gateway=wechat.current().pay, now=now)
    held.control(f"/persons/{WANG}/pay", prepay_id=sheet["package"].removeprefix("prepay_id="))

    result = held.job("query-payments", (now + timedelta(minutes=1)).isoformat())

    assert result == {"due": 1, "paid": 1}
    assert orders.order_by_number(order.number).status is orders.OrderStatus.PAID
    assert broken_invariants() == {}


def test_an_unpaid_order_is_closed_at_wechat_before_its_stock_is_free(stack: Stack):
    now = clock.now()
    buyer = enter(WANG)
    sku = make_sku(stock=5)
    order = place_order(buyer, sku, 2, now=now)
    orders.paying_sheet(order.id, description="茶", gateway=wechat.current().pay, now=now)

    result = stack.job("expire-orders", (now + timedelta(minutes=31)).isoformat())

    db.session.rollback()
    assert result == {"due": 1, "closed": 1}
    assert orders.order_by_number(order.number).status is orders.OrderStatus.CLOSED
    assert [t["trade_state"] for t in stack.look("/transactions")["transactions"]] == ["CLOSED"]
    db.session.refresh(sku)
    assert sku.stock == 5
    assert broken_invariants() == {}


def test_a_sale_settles_and_is_paid_out(stack: Stack):
    """The whole life of one commission over real HTTP, without pages."""
    now = clock.now()
    make_plan(now=now - timedelta(minutes=1))
    chen = enter(CHEN)
    make_distributor_of(chen, now=now)
    buyer = enter(WANG)
    bind(buyer, chen, now=now)
    order = place_order(buyer, make_sku(price_fen=200_00), now=now)
    sheet = orders.paying_sheet(order.id, description="茶", gateway=wechat.current().pay, now=now)
    stack.control(f"/persons/{WANG}/pay", prepay_id=sheet["package"].removeprefix("prepay_id="))

    def is_paid() -> bool:
        db.session.rollback()
        return orders.order_by_number(order.number).is_paid

    wait_for(is_paid)
    stack.job("outbox")
    run_unit(
        orders.ship,
        order.id,
        carrier="顺丰速运",
        tracking_number="SF1234567890",
        actor=ADMIN,
        now=now,
    )
    run_unit(orders.receive, order.id, actor=SYSTEM, now=now)

    settled = stack.job("settle", (now + timedelta(days=15, minutes=1)).isoformat())
    row = run_unit(withdrawals.request, chen.id, amount_fen=20_00, request_key="tap", now=now)
    run_unit(withdrawals.approve, row.id, actor=ADMIN, actor_member_id=None, now=now)
    sent = stack.job("pay-withdrawals")
    bill = withdrawals.current_bill(row.id)
    assert bill is not None
    stack.control(f"/transfers/{bill.out_bill_no}/confirm")

    def is_paid_out() -> bool:
        db.session.rollback()
        return withdrawals.withdrawal_by_number(row.number).status.value == "paid"

    wait_for(is_paid_out)
    assert settled == {"orders": 1, "rows": 1, "members": 1, "amount_fen": 20_00}
    assert sent == {"due": 1, "WAIT_USER_CONFIRM": 1}
    assert ledger.wallet_of(chen.id) == ledger.Wallet()
    assert ledger.system_balance_fen(AccountKind.WORLD_WX) == -180_00
    assert commission.count_due(now + timedelta(days=99)).rows == 0
    assert broken_invariants() == {}
