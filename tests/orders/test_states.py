"""Every move of an order, the legal ones and all others."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import aftersales, audit, ledger, orders, outbox, settings
from app.catalog import Sku
from app.core.db import db, run_unit
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.ledger import AccountKind
from app.orders import Order, OrderStatus
from tests.aftersales.fakes import FakeRefunds
from tests.aftersales.steps import refund_of, settle_news
from tests.factories import (
    ADMIN,
    NOON,
    SYSTEM,
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
from tests.planting import plant

S = OrderStatus
GUARD = NOON + days(15)


def ship(order: Order, carrier: str = "顺丰速运", number: str = "SF1234567890") -> Order:
    return run_unit(
        orders.ship, order.id, carrier=carrier, tracking_number=number, actor=ADMIN, now=NOON
    )


def receive(order: Order) -> Order:
    return run_unit(orders.receive, order.id, actor=SYSTEM, now=NOON)


def begin_close(order: Order) -> Order:
    return run_unit(orders.begin_close, order.id, actor=SYSTEM, now=NOON)


def finish_close(order: Order) -> None:
    run_unit(orders.finish_close, order.id, now=NOON)


def finish(order: Order) -> bool:
    return run_unit(orders.finish, order.id, now=GUARD)


def pay(order: Order) -> None:
    take(notice_for(order))
    outbox.drain(NOON)


def refund_all(order: Order) -> None:
    """The shop refunds every line of a paid order."""
    lines = [aftersales.Wanted(line.id, line.quantity) for line in order.lines]
    row = run_unit(
        aftersales.refund_now,
        order.id,
        wanted=lines,
        freight_fen=0,
        reason="缺货",
        actor=ADMIN,
        now=NOON,
    )
    gateway = FakeRefunds()
    gateway.on_send = ["SUCCESS"]
    settle_news()
    aftersales.carry_on(refund_of(row).id, gateway=gateway, now=NOON)
    settle_news()


def order_in(state: OrderStatus) -> Order:
    order = place_order(make_member(), make_sku(price_fen=100_00))
    closing: list[Callable[[Order], object]] = [begin_close, finish_close]
    selling: list[Callable[[Order], object]] = [pay, ship, receive, finish]
    steps = closing if state in (S.CLOSING, S.CLOSED) else selling
    if state is S.REFUNDED:
        steps = [pay, refund_all]
    for step in steps:
        if order.status is state:
            break
        step(order)
        outbox.drain(NOON)
    assert order.status is state
    return order


def stock_of(order: Order) -> int:
    return db.session.scalar(sa.select(Sku.stock).filter_by(id=order.lines[0].sku_id))


LEGAL = [
    (S.UNPAID, begin_close, S.CLOSING),
    (S.CLOSING, begin_close, S.CLOSING),
    (S.CLOSING, finish_close, S.CLOSED),
    (S.CLOSED, finish_close, S.CLOSED),
    (S.PAID, ship, S.SHIPPED),
    (S.SHIPPED, receive, S.RECEIVED),
    (S.RECEIVED, finish, S.FINISHED),
]


@pytest.mark.parametrize(
    ("state", "act", "after"), LEGAL, ids=[f"{s}-{a.__name__}" for s, a, _ in LEGAL]
)
def test_a_listed_move_is_made(session, state, act, after):
    order = order_in(state)

    act(order)

    assert order.status is after
    assert audit.moves_of("order", order.id)[-1].to_state == after.value
    assert broken_invariants() == {}


ILLEGAL = [
    (state, act)
    for state in OrderStatus
    for act in (begin_close, finish_close, ship, receive)
    if (state, act) not in {(s, a) for s, a, _ in LEGAL}
]


@pytest.mark.parametrize(("state", "act"), ILLEGAL, ids=[f"{s}-{a.__name__}" for s, a in ILLEGAL])
def test_any_other_move_is_refused_and_nothing_changes(session, state, act):
    order = order_in(state)
    before = (stock_of(order), len(audit.moves_of("order", order.id)))

    with pytest.raises(IllegalMove, match="当前状态不能进行此操作，请刷新后查看"):
        act(order)

    assert order.status is state
    assert (stock_of(order), len(audit.moves_of("order", order.id))) == before
    assert broken_invariants() == {}


@pytest.mark.parametrize("state", [s for s in OrderStatus if s is not S.RECEIVED])
def test_only_a_received_order_finishes(session, state):
    order = order_in(state)
    moves = len(audit.moves_of("order", order.id))

    assert finish(order) is False

    assert order.status is state
    assert len(audit.moves_of("order", order.id)) == moves
    assert broken_invariants() == {}


@pytest.mark.parametrize("act", [begin_close, ship, receive, finish_close, finish])
def test_an_unknown_order_is_not_found(session, act):
    with pytest.raises(NotFound, match="订单不存在"):
        act(Order(id=404))


def test_a_closed_order_gives_its_stock_back_once(session):
    order = order_in(S.UNPAID)
    assert stock_of(order) == 99

    begin_close(order)
    assert stock_of(order) == 99
    finish_close(order)
    finish_close(order)

    assert stock_of(order) == 100
    assert orders.open_payment(order.id) is None
    assert broken_invariants() == {}


def test_shipping_keeps_the_parcels_number(session):
    order = order_in(S.PAID)

    ship(order, " 中通快递 ", " ZT-20261121 ")

    assert (order.carrier, order.tracking_number, order.shipped_at) == (
        "中通快递",
        "ZT-20261121",
        NOON,
    )
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    ("carrier", "number", "field", "message"),
    [
        (" ", "SF1234567890", "carrier", "请填写快递公司"),
        ("快" * 31, "SF1234567890", "carrier", "请填写快递公司"),
        ("顺丰速运", "SF123", "tracking_number", "快递单号应为 6 到 40 位数字或字母"),
        ("顺丰速运", "1" * 41, "tracking_number", "快递单号应为 6 到 40 位数字或字母"),
        ("顺丰速运", "SF 1234567", "tracking_number", "快递单号应为 6 到 40 位数字或字母"),
        ("顺丰速运", "１２３４５６", "tracking_number", "快递单号应为 6 到 40 位数字或字母"),
    ],
)
def test_a_parcel_without_a_proper_number_is_refused(session, carrier, number, field, message):
    order = order_in(S.PAID)

    with pytest.raises(InvalidInput, match=message) as refused:
        ship(order, carrier, number)

    assert refused.value.field == field
    assert (order.status, order.tracking_number) == (S.PAID, "")
    assert broken_invariants() == {}


def test_the_guard_starts_when_the_goods_arrive_and_stays(session):
    order = order_in(S.RECEIVED)

    run_unit(settings.change, settings.registry.GUARD_DAYS.key, 30, actor=ADMIN, now=NOON)

    assert (order.received_at, order.guard_ends_at) == (NOON, GUARD)


def test_an_order_does_not_finish_while_its_guard_runs(session):
    order = order_in(S.RECEIVED)

    assert run_unit(orders.finish, order.id, now=GUARD - timedelta(seconds=1)) is False

    assert order.status is S.RECEIVED
    assert orders.due_to_finish(GUARD - timedelta(seconds=1)) == []
    assert orders.due_to_finish(GUARD) == [order.id]
    assert broken_invariants() == {}


@pytest.mark.parametrize("topic", ["order_paid", "order_received"])
def test_an_order_does_not_finish_while_its_news_is_undelivered(session, topic):
    order = order_in(S.RECEIVED)
    plant("UPDATE outbox SET state = 'waiting' WHERE topic = :t", t=topic)

    assert orders.due_to_finish(GUARD) == []
    assert finish(order) is False
    assert order.status is S.RECEIVED
    assert broken_invariants() == {}


def test_a_finished_order_has_earned_what_its_uplines_left(session):
    near, buyer = make_distributor(), make_member()
    bind(buyer, near)
    make_plan()
    order = place_order(buyer, make_sku(price_fen=100_00))
    for step in (pay, ship, receive):
        step(order)
        outbox.drain(NOON)

    assert finish(order) is True

    assert order.finished_at == GUARD
    assert ledger.system_balance_fen(AccountKind.SHOP) == 90_00
    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == 0
    assert ledger.wallet_of(near.id) == ledger.Wallet(pending_fen=10_00)
    assert broken_invariants() == {}
