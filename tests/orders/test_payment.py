"""Taking WeChat's word that money came."""

import pytest
import sqlalchemy as sa

from app import audit, ledger, orders
from app.core.db import db, run_unit
from app.core.errors import InvalidInput, NotFound
from app.ledger import AccountKind, Posting
from app.orders import OddityKind, Order, OrderStatus, PaymentStatus, Taken
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


@pytest.fixture
def order(session) -> Order:
    return place_order(make_member(), make_sku(price_fen=100_00))


def postings() -> list[str]:
    return list(db.session.scalars(sa.select(Posting.event).order_by(Posting.id)))


def oddities() -> list[tuple[OddityKind, str]]:
    found = orders.oddities(is_resolved=False).items
    return [(o.kind, o.reference) for o in found]


def test_a_payment_makes_the_order_paid_and_books_it(order):
    notice = notice_for(order)

    assert take(notice) is Taken.PAID

    payment = orders.payment_by_number(notice.out_trade_no)
    assert (order.status, order.paid_at) == (OrderStatus.PAID, NOON)
    assert (payment.status, payment.transaction_id) == (
        PaymentStatus.SUCCESS,
        notice.transaction_id,
    )
    assert postings() == ["order_paid"]
    assert ledger.system_balance_fen(AccountKind.WORLD_WX) == -100_00
    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == 100_00
    assert [m.actor for m in audit.moves_of("order", order.id)][-1] == "system:wxpay"
    assert broken_invariants() == {}


def test_a_repeated_notice_is_known(order):
    notice = notice_for(order)
    take(notice)

    assert take(notice) is Taken.KNOWN

    assert postings() == ["order_paid"]
    assert oddities() == []
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"amount_fen": 99_99}, OddityKind.AMOUNT_DIFFERS),
        ({"amount_fen": 100_01}, OddityKind.AMOUNT_DIFFERS),
        ({"currency": "USD"}, OddityKind.AMOUNT_DIFFERS),
        ({"mchid": "1900000002"}, OddityKind.MERCHANT_DIFFERS),
        ({"appid": "wxother"}, OddityKind.APP_DIFFERS),
        ({"out_trade_no": "P000000UNKNOWN"}, OddityKind.UNKNOWN_NUMBER),
    ],
    ids=["less", "more", "currency", "merchant", "app", "number"],
)
def test_a_notice_that_contradicts_us_books_nothing_and_is_raised_once(order, wrong, kind):
    notice = notice_for(order, **wrong)

    assert take(notice) is Taken.REFUSED
    assert take(notice) is Taken.REFUSED

    assert order.status is OrderStatus.UNPAID
    assert orders.open_payment(order.id).status is PaymentStatus.CREATED
    assert postings() == []
    assert oddities() == [(kind, notice.transaction_id)]
    assert broken_invariants() == {}


def test_an_oddity_keeps_what_was_said_and_what_was_expected(order):
    notice = notice_for(order, amount_fen=1)
    take(notice)

    (found,) = orders.oddities(is_resolved=False).items

    assert found.order_id == order.id
    assert (found.facts["amount_fen"], found.facts["expected_fen"]) == (1, 100_00)


@pytest.mark.parametrize("finished", [False, True], ids=["closing", "closed"])
def test_money_that_comes_too_late_is_owed_back(order, finished):
    notice = notice_for(order)
    run_unit(orders.begin_close, order.id, actor=SYSTEM, now=NOON)
    if finished:
        run_unit(orders.finish_close, order.id, now=NOON)

    assert take(notice) is Taken.REFUND_DUE
    assert take(notice) is Taken.KNOWN

    assert order.status is (OrderStatus.CLOSED if finished else OrderStatus.CLOSING)
    assert order.paid_at is None
    assert postings() == ["paid_late"]
    assert ledger.system_balance_fen(AccountKind.REFUND_DUE) == 100_00
    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == 0
    assert oddities() == [(OddityKind.PAID_LATE, notice.transaction_id)]
    assert broken_invariants() == {}


def test_a_second_transaction_for_one_number_is_owed_back(order):
    first = notice_for(order)
    second = notice_for(order, transaction_id="4200999999999999999")
    take(first)

    assert take(second) is Taken.REFUND_DUE
    assert take(second) is Taken.REFUND_DUE

    assert order.status is OrderStatus.PAID
    assert postings() == ["order_paid", "paid_twice"]
    assert ledger.system_balance_fen(AccountKind.REFUND_DUE) == 100_00
    assert ledger.system_balance_fen(AccountKind.ORDER_HOLD) == 100_00
    assert oddities() == [(OddityKind.PAID_TWICE, "4200999999999999999")]
    assert broken_invariants() == {}


def test_a_second_number_of_a_paid_order_is_owed_back(order):
    second = orders.Payment(
        order_id=order.id, out_trade_no="P2", amount_fen=100_00, created_at=NOON
    )
    notice = notice_for(order)
    run_unit(db.session.add, second)
    take(notice)

    assert take(notice_for(order, out_trade_no="P2", transaction_id="42002")) is Taken.REFUND_DUE

    assert postings() == ["order_paid", "paid_twice"]
    assert ledger.system_balance_fen(AccountKind.REFUND_DUE) == 100_00
    assert oddities() == [(OddityKind.PAID_TWICE, "42002")]
    assert broken_invariants() == {}


def test_a_resolved_oddity_keeps_who_and_how(order):
    take(notice_for(order, amount_fen=1))
    (oddity,) = orders.oddities(is_resolved=False).items

    run_unit(orders.resolve_oddity, oddity.id, resolution=" 已联系微信 ", actor=ADMIN, now=NOON)

    assert (oddity.resolved_by, oddity.resolution) == ("admin:1", "已联系微信")
    assert orders.open_oddities() == 0


def test_an_oddity_is_not_resolved_without_words(order):
    take(notice_for(order, amount_fen=1))
    (oddity,) = orders.oddities(is_resolved=False).items

    with pytest.raises(InvalidInput, match="请写明处理结果，便于日后核对") as refused:
        run_unit(orders.resolve_oddity, oddity.id, resolution=" ", actor=ADMIN, now=NOON)

    assert refused.value.field == "resolution"
    assert orders.open_oddities() == 1


def test_an_unknown_oddity_is_not_found(session):
    with pytest.raises(NotFound, match="记录不存在"):
        run_unit(orders.resolve_oddity, 404, resolution="x", actor=ADMIN, now=NOON)
