"""Steps that speak to WeChat between two units of work.

Unlike services these open their own units: what we intend is committed, WeChat
is called, the outcome is committed under the same number. Dying in between
leaves a state from which the next try goes on.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from app import audit, members, outbox
from app.core.db import db, run_unit
from app.core.errors import IllegalMove
from app.core.rows import affected, direct
from app.orders import balance, payment, queries, service
from app.orders.errors import NotPayable
from app.orders.models import Order, OrderStatus, Payment, PaymentStatus
from app.orders.payment import Bill
from app.orders.ports import PaymentGateway, PrepayRefused

# WeChat keeps a prepay id for two hours; a person needs some minutes to pay.
PREPAY_LASTS = timedelta(minutes=110)


def paying_sheet(
    order_id: int,
    *,
    description: str,
    gateway: PaymentGateway,
    now: datetime,
    bill: Bill | None = None,
) -> dict[str, str]:
    """Signed parameters for the paying sheet of an unpaid order (调起支付).

    `bill` is that of an order placed a moment ago; without one it is looked up. The
    prepay id is used again while WeChat keeps it; after that it is asked for anew: the
    same number with the same data is the same bill at WeChat.

    Raises:
        NotPayable: the order is not unpaid any more, or its time is over.
        PrepayRefused: WeChat gave no prepay id; safe to try again.
    """
    bill = bill or _to_pay(order_id)
    if bill is None or bill.expires_at <= now:
        raise NotPayable()
    prepay_id = bill.prepay_id
    if bill.prepaid_at is None or bill.prepaid_at + PREPAY_LASTS <= now:
        prepay_id = gateway.prepay(
            description=description,
            out_trade_no=bill.out_trade_no,
            amount_fen=bill.amount_fen,
            openid=bill.openid,
            expires_at=bill.expires_at,
        )
        run_unit(payment.attach_prepay, bill.id, prepay_id, now=now)
    return gateway.sheet(prepay_id)


def _to_pay(order_id: int) -> Bill | None:
    found = direct(_TO_PAY, order_id=order_id).one_or_none()
    db.session.rollback()
    return None if found is None else Bill(*found)


_TO_PAY = (
    sa.select(
        Payment.id,
        Payment.order_id,
        Payment.out_trade_no,
        Payment.amount_fen,
        members.Member.openid,
        Order.expires_at,
        Payment.prepay_id,
        Payment.prepaid_at,
    )
    .join(Order, Order.id == Payment.order_id)
    .join(members.Member, members.Member.id == Order.member_id)
    .where(
        Order.id == sa.bindparam("order_id"),
        Order.status == OrderStatus.UNPAID,
        Payment.status == PaymentStatus.CREATED,
    )
    .order_by(Payment.id.desc())
    .limit(1)
)


def ask(payment_id: int, *, gateway: PaymentGateway, now: datetime) -> str:
    """Ask WeChat what became of a payment and book it; return what came of it."""
    number = run_unit(_note_asked, payment_id, now)
    try:
        answer = gateway.query(number)
    except PrepayRefused:
        return "unclear"
    if answer.notice is None:
        _close_of_paid(payment_id, number, gateway)
        return answer.state.lower() or "unclear"
    taken = run_unit(
        payment.take_payment,
        answer.notice,
        mchid=gateway.mchid,
        appid=gateway.appid,
        now=now,
    )
    order_id = db.session.scalar(sa.select(Payment.order_id).filter_by(id=payment_id))
    db.session.rollback()
    if order_id is not None:
        outbox.drain(now, subject=("order_paid", order_id))
    return taken.value


def pay_with_balance(
    member_id: int, order_id: int, *, gateway: PaymentGateway, now: datetime
) -> None:
    """Pay an order with its buyer's balance, then close its number at WeChat.

    A number that a phone has is asked about first: what was just paid there counts. Where WeChat gives no clear answer the query job closes the number; what was paid
    under it until then came twice and goes back. Raises what `balance.pay` raises.
    """
    found = queries.open_payment(order_id)
    payment_id, number = (found.id, found.out_trade_no) if found and found.prepay_id else (0, "")
    db.session.rollback()
    if number:
        ask(payment_id, gateway=gateway, now=now)
    run_unit(balance.pay, member_id, order_id, now=now)
    if number:
        _close_of_paid(payment_id, number, gateway)
    outbox.drain(now, subject=("order_paid", order_id))


def close(order_id: int, *, actor: audit.Actor, gateway: PaymentGateway, now: datetime) -> str:
    """Close an unpaid order: at WeChat first, then free its stock.

    It stays `closing`, to be tried again, until WeChat says that nobody can pay
    it any more. Returns `closed`, `unclear`, `not_open`, or what its payment
    turned out to be.
    """
    try:
        run_unit(service.begin_close, order_id, actor=actor, now=now)
    except IllegalMove:
        return "not_open"
    found = queries.open_payment(order_id)
    number, payment_id = (found.out_trade_no, found.id) if found else ("", 0)
    db.session.rollback()
    if number:
        try:
            closed = gateway.close(number)
        except PrepayRefused:
            return "unclear"
        if not closed:
            return ask(payment_id, gateway=gateway, now=now)
    run_unit(service.finish_close, order_id, now=now)
    return "closed"


def _close_of_paid(payment_id: int, number: str, gateway: PaymentGateway) -> None:
    """Close a number that nobody paid, of an order that was paid otherwise."""
    is_paid = db.session.scalar(
        sa.select(Order.paid_at.is_not(None))
        .join(Payment, Payment.order_id == Order.id)
        .where(Payment.id == payment_id)
    )
    db.session.rollback()
    if not is_paid:
        return
    try:
        if not gateway.close(number):
            return
    except PrepayRefused:
        return
    run_unit(payment.give_up, payment_id)


def _note_asked(payment_id: int, now: datetime) -> str:
    affected(sa.update(Payment).where(Payment.id == payment_id).values(queried_at=now))
    return db.session.execute(sa.select(Payment.out_trade_no).filter_by(id=payment_id)).scalar_one()
