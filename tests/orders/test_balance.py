"""Orders paid out of what their buyers earned, and what comes back of them."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from app import aftersales, commission, ledger, members, orders, outbox, withdrawals
from app.core.db import db, run_unit, transaction
from app.core.errors import DomainError, NotFound
from app.ledger import AccountKind, Move
from app.orders import (
    Oddity,
    OddityKind,
    Order,
    OrderStatus,
    Payment,
    PaymentKind,
    PaymentStatus,
    Taken,
)
from app.orders.errors import BalanceClosed, BalanceShort, InDebt, NotPayable
from app.settings import change
from tests.aftersales.fakes import FakeRefunds
from tests.aftersales.steps import Sale, refund_of, settle_news
from tests.factories import (
    ADMIN,
    NOON,
    SYSTEM,
    bind,
    broken_invariants,
    days,
    give_available,
    make_distributor,
    make_distributor_of,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    place_order,
    take,
)
from tests.orders.fakes import FakePay
from tests.threads import behind, together

A = AccountKind


def switch(*, on: bool = True, tax: str = "none") -> None:
    with transaction():
        change("order.balance_pay_on", on, actor=ADMIN, now=NOON)
        change("tax.method", tax, actor=ADMIN, now=NOON)


def available(member) -> int:
    return ledger.balance_fen(A.AVAILABLE, member.id)


def owe(member, fen: int) -> None:
    with transaction():
        ledger.post(
            f"test:owe:{member.id}:{fen}",
            event="commission_reversed",
            moves=[Move(ledger.member(A.DEBT, member.id), ledger.system(A.SHOP), fen)],
            now=NOON,
        )


def pay(order: Order, gateway: FakePay | None = None, *, now=NOON, member_id: int = 0) -> None:
    payer = member_id or order.member_id
    orders.pay_with_balance(payer, order.id, gateway=gateway or FakePay(), now=now)


def stand(order: Order) -> tuple:
    """Everything that a refusal must leave as it was."""
    db.session.rollback()
    payments = db.session.execute(
        sa.select(Payment.kind, Payment.status).filter_by(order_id=order.id).order_by(Payment.id)
    ).all()
    return (
        orders.order_by_number(order.number).status,
        ledger.wallet_of(order.member_id),
        ledger.held_for(A.ORDER_HOLD, ("order", order.id)),
        [tuple(row) for row in payments],
    )


@pytest.fixture
def order(session) -> Order:
    """¥100.00 to pay by a member who has ¥150.00."""
    switch()
    buyer = make_member("王芳")
    give_available(buyer, 150_00)
    return place_order(buyer, make_sku(price_fen=100_00))


def test_the_whole_order_is_paid_and_its_news_told(order):
    pay(order)

    paid = orders.order_by_number(order.number)
    assert (paid.status, paid.paid_at) == (OrderStatus.PAID, NOON)
    assert orders.balance.paid_with_balance(paid)
    assert ledger.wallet_of(order.member_id).available_fen == 50_00
    assert ledger.held_for(A.ORDER_HOLD, ("order", order.id)) == 100_00
    kinds = [(row.kind, row.status) for row in orders.payments_of(order.id)]
    assert kinds == [
        (PaymentKind.WECHAT, PaymentStatus.CLOSED),
        (PaymentKind.BALANCE, PaymentStatus.SUCCESS),
    ]
    assert db.session.scalar(outbox.undelivered("order_paid")) is None
    assert broken_invariants() == {}


def test_a_second_tap_pays_once(order):
    pay(order)
    pay(order)

    assert ledger.wallet_of(order.member_id).available_fen == 50_00
    assert len(orders.payments_of(order.id)) == 2
    assert broken_invariants() == {}


def _off(order: Order) -> None:
    switch(on=False)


def _taxed(order: Order) -> None:
    switch(tax="monthly")


def _owing(order: Order) -> None:
    owe(members.get(order.member_id), 1)


def _short(order: Order) -> None:
    with transaction():
        ledger.post(
            "test:spend",
            event="bonus",
            moves=[Move(ledger.member(A.AVAILABLE, order.member_id), ledger.system(A.SHOP), 50_01)],
            now=NOON,
        )


def _closing(order: Order) -> None:
    run_unit(orders.begin_close, order.id, actor=SYSTEM, now=NOON)


def _paid(order: Order) -> None:
    take(notice_for(order))


def _blocked(order: Order) -> None:
    with transaction():
        members.get(order.member_id).status = members.MemberStatus.BLOCKED


@pytest.mark.parametrize(
    ("before", "error", "said"),
    [
        (_off, BalanceClosed, "商家没有开通余额支付"),
        (_taxed, BalanceClosed, "代扣个人所得税"),
        (_owing, InDebt, "有待追回的佣金"),
        (_short, BalanceShort, "可用 ¥99.99"),
        (_closing, NotPayable, "不能支付"),
        (_paid, NotPayable, "不能支付"),
        (_blocked, DomainError, "账号已被限制"),
    ],
)
def test_what_is_refused_changes_nothing(order, before, error, said):
    before(order)
    was = stand(order)

    with pytest.raises(error, match=said):
        pay(order)

    assert stand(order) == was
    assert broken_invariants() == {}


def test_neither_too_late_nor_by_anybody_else(order):
    other = make_member("钱宁")
    give_available(other, 500_00)
    was = stand(order)

    with pytest.raises(NotPayable):
        pay(order, now=order.expires_at)
    with pytest.raises(NotFound):
        pay(order, member_id=other.id)

    assert stand(order) == was
    assert available(other) == 500_00


def test_nothing_is_offered_where_it_could_not_be_used(order):
    buyer = order.member_id
    assert orders.balance.offer(buyer) == orders.balance.Offer(150_00, 0)
    assert orders.balance.offer(make_member("钱宁").id) is None
    owe(members.get(buyer), 7)
    assert not orders.balance.offer(buyer).reaches(1)
    switch(tax="cumulative")
    assert orders.balance.offer(buyer) is None


@pytest.fixture
def on_a_phone(order):
    """The order's number at WeChat is open on a phone."""
    gateway = FakePay()
    orders.paying_sheet(order.id, description="高山绿茶", gateway=gateway, now=NOON)
    notice = notice_for(order)
    return SimpleNamespace(order=order, gateway=gateway, notice=notice)


def test_the_number_on_a_phone_is_closed_at_wechat(on_a_phone):
    pay(on_a_phone.order, on_a_phone.gateway)

    assert on_a_phone.gateway.closed == {on_a_phone.notice.out_trade_no}
    assert stand(on_a_phone.order)[3] == [
        (PaymentKind.WECHAT, PaymentStatus.CLOSED),
        (PaymentKind.BALANCE, PaymentStatus.SUCCESS),
    ]


def test_the_job_closes_what_wechat_did_not_answer_about(on_a_phone):
    order, gateway = on_a_phone.order, on_a_phone.gateway
    gateway.unclear = {"query", "close"}
    pay(order, gateway)
    assert stand(order)[3][0] == (PaymentKind.WECHAT, PaymentStatus.CREATED)

    gateway.unclear = set()
    (open_id,) = orders.payments_to_query(NOON + days(1))
    orders.ask(open_id, gateway=gateway, now=NOON)

    assert stand(order)[3][0] == (PaymentKind.WECHAT, PaymentStatus.CLOSED)
    assert orders.payments_to_query(NOON + days(2)) == []


def test_what_was_just_paid_at_wechat_counts(on_a_phone):
    on_a_phone.gateway.pay(on_a_phone.notice.out_trade_no)

    with pytest.raises(NotPayable):
        pay(on_a_phone.order, on_a_phone.gateway)

    status, wallet, held, _ = stand(on_a_phone.order)
    assert (status, wallet.available_fen, held) == (OrderStatus.PAID, 150_00, 100_00)
    assert not orders.balance.paid_with_balance(orders.order_by_number(on_a_phone.order.number))


def test_what_comes_at_wechat_afterwards_came_twice_and_goes_back(on_a_phone):
    on_a_phone.gateway.unclear = {"query", "close"}
    pay(on_a_phone.order, on_a_phone.gateway)

    assert take(on_a_phone.notice) is Taken.REFUND_DUE

    oddity = db.session.scalars(sa.select(Oddity)).one()
    assert oddity.kind is OddityKind.PAID_TWICE
    late = run_unit(aftersales.begin_late, oddity.id, actor=ADMIN, now=NOON)
    assert late.amount_fen == 100_00
    refunds = FakeRefunds()
    aftersales.carry_on(late.id, gateway=refunds, now=NOON)
    assert refunds.sent == [late.out_refund_no]
    assert broken_invariants() == {}


def test_a_sheet_that_comes_after_the_balance_is_not_handed_out(order):
    """Between asking WeChat for a prepay id and keeping it the order was paid."""
    gateway = FakePay()
    prepay = gateway.prepay

    def slow(**facts):
        pay(order)
        return prepay(**facts)

    gateway.prepay = slow
    with pytest.raises(NotPayable):
        orders.paying_sheet(order.id, description="高山绿茶", gateway=gateway, now=NOON)

    assert stand(order)[0] is OrderStatus.PAID


# --- back --------------------------------------------------------------------------


@pytest.fixture
def sale(session) -> Sale:
    """Three pieces for ¥100.01 by a distributor's own balance, two uplines above."""
    switch()
    top = make_distributor("林杰")
    near = make_distributor("陈梅", under=top)
    buyer = make_member("王芳")
    bind(buyer, near)
    make_plan()
    give_available(buyer, 300_03)
    made = place_order(buyer, make_sku(price_fen=100_01), 3)
    pay(made)
    settle_news()
    return Sale(orders.order_by_number(made.number), buyer, near, top, FakeRefunds())


def test_uplines_earn_as_from_any_order(sale):
    earned = commission.commissions_of_order(sale.order.id)

    assert [(row.member_id, row.amount_fen) for row in earned] == [
        (sale.near.id, 30_00),
        (sale.top.id, 15_00),
    ]


def test_refunds_go_back_to_the_balance_to_the_fen(sale):
    for fen in (1, 99_99, 200_03):
        row = sale.ask(fen=fen)
        sale.agree(row)
        settle_news()
        assert (row.status, refund_of(row).status) == ("success", "SUCCESS")

    assert available(sale.buyer) == 300_03
    assert sale.gateway.sent == []
    assert aftersales.refunds_due(NOON + days(1)) == []
    assert orders.order_by_number(sale.order.number).status is OrderStatus.REFUNDED
    assert ledger.system_balance_fen(A.REFUND_DUE) == 0
    assert ledger.wallet_of(sale.near.id).pending_fen == 0
    assert broken_invariants() == {}


def test_carrying_such_a_refund_on_asks_nobody(sale):
    row = sale.ask(fen=50_00)
    sale.agree(row)

    assert sale.send(row) == "SUCCESS"
    assert sale.gateway.sent == []
    assert available(sale.buyer) == 50_00


def test_a_refund_fills_a_debt_first(sale):
    owe(sale.buyer, 20_00)

    sale.agree(sale.ask(fen=50_00))

    wallet = ledger.wallet_of(sale.buyer.id)
    assert (wallet.available_fen, wallet.debt_fen) == (30_00, 0)
    assert broken_invariants() == {}


def test_a_distributors_own_purchase_follows_the_rules_of_the_plan(session):
    """The same order paid both ways earns the same."""
    switch()
    make_plan()
    buyer = make_member("王芳")
    make_distributor_of(buyer)
    give_available(buyer, 100_00)
    sku = make_sku(price_fen=100_00)
    by_balance, by_wechat = place_order(buyer, sku), place_order(buyer, sku)
    pay(by_balance)
    take(notice_for(by_wechat))
    settle_news()

    first, second = (
        [(row.depth, row.member_id, row.amount_fen) for row in commission.commissions_of_order(n)]
        for n in (by_balance.id, by_wechat.id)
    )
    assert first == second


# --- at once -----------------------------------------------------------------------


@pytest.mark.mariadb_only
@pytest.mark.parametrize("asked", ["tap", "orders", "withdrawal"])
def test_twenty_at_once_spend_the_balance_once(live, asked):
    """Twenty taps on an order, twenty orders, or orders against withdrawals of the same money."""
    switch()
    buyer, sku = make_member("王芳"), make_sku(price_fen=100_00, stock=100)
    give_available(buyer, 150_00)
    buyer_id = buyer.id
    made = [place_order(buyer, sku).id for _ in range(1 if asked == "tap" else 20)]
    db.session.rollback()

    def work(place: int):
        if asked == "withdrawal" and place % 2:
            return lambda: run_unit(
                withdrawals.request,
                buyer_id,
                amount_fen=100_00,
                request_key=f"tap-{place}",
                now=NOON,
            )
        order_id = made[0 if asked == "tap" else place]
        return lambda: run_unit(orders.balance.pay, buyer_id, order_id, now=NOON)

    found = together(live, [work(place) for place in range(20)])

    errors = [row for row in found if isinstance(row, Exception)]
    assert len(errors) == (0 if asked == "tap" else 19), errors
    assert {type(row).__name__ for row in errors} <= {
        "BalanceShort",
        "AboveBalance",
        "AboveAllowance",
    }
    wallet = ledger.wallet_of(buyer_id)
    assert (wallet.available_fen, wallet.frozen_fen % 100_00) == (50_00, 0)
    outbox.drain(NOON)
    assert broken_invariants() == {}


@pytest.mark.mariadb_only
def test_a_prepay_id_that_comes_while_the_balance_pays_is_not_kept(live):
    order = rich_order()

    found = behind(
        live,
        lambda: orders.balance.pay(order.member_id, order.id, now=NOON),
        lambda: run_unit(orders.attach_prepay, order.payment_id, "wx1", now=NOON),
    )

    assert isinstance(found, NotPayable)
    assert payment_of(order) == (PaymentStatus.CLOSED, "")


@pytest.mark.mariadb_only
def test_a_number_that_a_phone_gets_while_the_balance_pays_stays_open_to_be_closed(live):
    order = rich_order()

    behind(
        live,
        lambda: orders.attach_prepay(order.payment_id, "wx1", now=NOON),
        lambda: run_unit(orders.balance.pay, order.member_id, order.id, now=NOON),
    )

    assert payment_of(order) == (PaymentStatus.CREATED, "wx1")
    assert orders.payments_to_query(NOON + days(1)) == [order.payment_id]


@dataclass(frozen=True)
class RichOrder:
    """An order that its buyer's balance reaches for."""

    id: int
    member_id: int
    payment_id: int


def rich_order() -> RichOrder:
    switch()
    buyer, sku = make_member("王芳"), make_sku(price_fen=100_00)
    give_available(buyer, 150_00)
    order = place_order(buyer, sku)
    payment = orders.open_payment(order.id)
    assert payment is not None
    made = RichOrder(order.id, buyer.id, payment.id)
    db.session.rollback()
    return made


def payment_of(order: RichOrder) -> tuple[PaymentStatus, str]:
    db.session.rollback()
    found = db.session.get_one(Payment, order.payment_id)
    return found.status, found.prepay_id
