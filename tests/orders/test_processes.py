"""Steps that speak to WeChat between two units of work."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import ledger, members, orders, outbox, settings
from app.catalog import Sku
from app.core.db import db, run_unit, transaction
from app.ledger import AccountKind
from app.orders import Order, OrderStatus, PaymentStatus, PrepayRefused
from app.orders.errors import NotPayable
from tests.factories import (
    ADMIN,
    NOON,
    SYSTEM,
    broken_invariants,
    make_member,
    make_sku,
    notice_for,
    place_order,
    take,
)
from tests.orders.fakes import FakePay


@pytest.fixture
def order(session) -> Order:
    return place_order(make_member(), make_sku(price_fen=100_00))


@pytest.fixture
def gateway() -> FakePay:
    return FakePay()


def sheet(order: Order, gateway: FakePay, now=NOON) -> dict[str, str]:
    return orders.paying_sheet(order.id, description="高山绿茶", gateway=gateway, now=now)


def number_of(order: Order) -> str:
    found = db.session.scalar(sa.select(orders.Payment).filter_by(order_id=order.id))
    return found.out_trade_no


def ask(order: Order, gateway: FakePay) -> str:
    found = db.session.scalar(sa.select(orders.Payment).filter_by(order_id=order.id))
    return orders.ask(found.id, gateway=gateway, now=NOON)


def close(order: Order, gateway: FakePay) -> str:
    return orders.close(order.id, actor=SYSTEM, gateway=gateway, now=NOON)


def stock() -> int:
    return db.session.scalar(sa.select(Sku.stock))


def test_the_sheet_is_made_from_what_the_order_costs(order, gateway):
    assert sheet(order, gateway) == {"package": f"prepay_id=wx-{number_of(order)}"}

    assert gateway.prepaid[number_of(order)] == {
        "amount_fen": 100_00,
        "description": "高山绿茶",
        "openid": members.get(order.member_id).openid,
        "expires_at": order.expires_at,
    }
    assert orders.open_payment(order.id).prepaid_at == NOON


def test_a_second_look_at_the_sheet_uses_the_same_prepay_id(order, gateway):
    first = sheet(order, gateway)

    assert sheet(order, gateway) == first

    assert gateway.calls == [("prepay", number_of(order))]


def test_a_prepay_id_that_wechat_forgot_is_asked_for_again_under_the_same_number(session, gateway):
    with transaction():
        settings.change("order.expire_minutes", 1440, actor=ADMIN, now=NOON)
    order = place_order(make_member(), make_sku(price_fen=100_00))
    sheet(order, gateway)

    sheet(order, gateway, now=NOON + timedelta(minutes=109))
    sheet(order, gateway, now=NOON + timedelta(minutes=111))

    assert gateway.calls == [("prepay", number_of(order))] * 2


def test_without_a_prepay_id_the_person_may_try_again_with_the_same_number(order, gateway):
    gateway.unclear = {"prepay"}
    with pytest.raises(PrepayRefused):
        sheet(order, gateway)
    assert orders.open_payment(order.id).prepay_id == ""
    assert order.status is OrderStatus.UNPAID

    gateway.unclear = set()
    sheet(order, gateway)

    assert gateway.calls == [("prepay", number_of(order))] * 2


def test_an_order_past_its_time_is_not_payable(order, gateway):
    with pytest.raises(NotPayable, match="订单已不能支付，请返回订单列表查看最新状态"):
        sheet(order, gateway, order.expires_at)

    sheet(order, gateway, order.expires_at - timedelta(seconds=1))
    assert len(gateway.calls) == 1


@pytest.mark.parametrize("state", ["paid", "closing", "closed"])
def test_an_order_that_is_not_unpaid_is_not_payable(order, gateway, state):
    if state == "paid":
        take(notice_for(order))
    else:
        run_unit(orders.begin_close, order.id, actor=SYSTEM, now=NOON)
    if state == "closed":
        run_unit(orders.finish_close, order.id, now=NOON)

    with pytest.raises(NotPayable):
        sheet(order, gateway)

    assert gateway.calls == []
    assert order.status.value == state


def test_a_query_that_finds_the_money_makes_the_order_paid(order, gateway):
    sheet(order, gateway)
    gateway.pay(number_of(order))

    assert ask(order, gateway) == "paid"
    assert ask(order, gateway) == "known"

    assert order.status is OrderStatus.PAID
    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == 100_00
    assert broken_invariants() == {}


def test_a_query_delivers_the_news_of_its_order_at_once(order, gateway):
    sheet(order, gateway)
    gateway.pay(number_of(order))

    ask(order, gateway)

    assert outbox.backlog() == (0, None)


@pytest.mark.parametrize(
    ("prepaid", "unclear", "answer"),
    [(True, False, "notpay"), (False, False, "unknown_number"), (True, True, "unclear")],
)
def test_a_query_without_money_changes_nothing_but_its_time(
    order, gateway, prepaid, unclear, answer
):
    if prepaid:
        sheet(order, gateway)
    if unclear:
        gateway.unclear = {"query"}

    assert ask(order, gateway) == answer

    assert order.status is OrderStatus.UNPAID
    assert orders.open_payment(order.id).queried_at == NOON
    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == 0
    assert broken_invariants() == {}


def test_a_query_whose_answer_contradicts_us_books_nothing(order, gateway):
    sheet(order, gateway)
    gateway.pay(number_of(order), amount_fen=1)

    assert ask(order, gateway) == "refused"

    assert order.status is OrderStatus.UNPAID
    assert orders.open_oddities() == 1
    assert broken_invariants() == {}


def test_a_payment_is_asked_about_from_a_minute_on_and_once_a_minute(order, gateway):
    minute = timedelta(seconds=60)
    assert orders.payments_to_query(NOON + minute) == []
    sheet(order, gateway)
    payment_id = orders.open_payment(order.id).id

    assert orders.payments_to_query(NOON) == []
    assert orders.payments_to_query(NOON + minute) == [payment_id]
    orders.ask(payment_id, gateway=gateway, now=NOON + minute)
    assert orders.payments_to_query(NOON + minute * 1.5) == []
    assert orders.payments_to_query(NOON + minute * 2) == [payment_id]


def test_closing_frees_the_stock_after_wechat_closed(order, gateway):
    sheet(order, gateway)

    assert close(order, gateway) == "closed"

    assert order.status is OrderStatus.CLOSED
    assert gateway.closed == {number_of(order)}
    assert orders.payment_by_number(number_of(order)).status is PaymentStatus.CLOSED
    assert stock() == 100
    assert broken_invariants() == {}


def test_an_unclear_close_keeps_the_stock_and_is_tried_again(order, gateway):
    sheet(order, gateway)
    gateway.unclear = {"close"}

    assert close(order, gateway) == "unclear"
    assert (order.status, stock()) == (OrderStatus.CLOSING, 99)
    assert orders.due_to_expire(NOON) == [order.id]
    gateway.unclear = set()
    assert close(order, gateway) == "closed"

    assert (order.status, stock()) == (OrderStatus.CLOSED, 100)
    assert broken_invariants() == {}


def test_money_that_came_while_closing_is_owed_back_and_the_order_closes(order, gateway):
    sheet(order, gateway)
    gateway.pay(number_of(order))

    assert close(order, gateway) == "refund_due"
    assert (order.status, stock()) == (OrderStatus.CLOSING, 99)
    assert close(order, gateway) == "closed"

    assert (order.status, stock()) == (OrderStatus.CLOSED, 100)
    assert ledger.system_balance_fen(AccountKind.REFUND_DUE) == 100_00
    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == 0
    assert orders.open_oddities() == 1
    assert broken_invariants() == {}


def test_money_that_came_while_closing_stays_open_when_the_query_is_unclear(order, gateway):
    sheet(order, gateway)
    gateway.pay(number_of(order))
    gateway.unclear = {"query"}

    assert close(order, gateway) == "unclear"

    assert (order.status, stock()) == (OrderStatus.CLOSING, 99)
    assert ledger.system_balance_fen(AccountKind.REFUND_DUE) == 0
    assert broken_invariants() == {}


@pytest.mark.parametrize("state", ["paid", "closed"])
def test_an_order_that_is_paid_or_closed_is_not_open_for_closing(order, gateway, state):
    if state == "paid":
        take(notice_for(order))
    else:
        close(order, gateway)
    gateway.calls.clear()
    left = stock()

    assert close(order, gateway) == "not_open"

    assert gateway.calls == []
    assert (order.status.value, stock()) == (state, left)
    assert broken_invariants() == {}


def test_orders_expire_when_their_time_is_over(order, gateway):
    assert orders.due_to_expire(order.expires_at - timedelta(seconds=1)) == []
    assert orders.due_to_expire(order.expires_at) == [order.id]
