"""Taking WeChat's word that money came, and booking it exactly once."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from app import audit, ledger, outbox
from app.core import reasons
from app.core.db import UTCDateTime, require_transaction
from app.core.rows import add_once, direct, lock_one, write
from app.ledger import AccountKind, Move
from app.orders import states
from app.orders.errors import NotPayable
from app.orders.models import Oddity, OddityKind, Order, OrderStatus, Payment, PaymentStatus
from app.orders.ports import PaidNotice

__all__ = [
    "PaidNotice",
    "Taken",
    "attach_prepay",
    "raise_oddity",
    "resolve_oddity",
    "take_payment",
]


@dataclass(frozen=True)
class Bill:
    """The payment of an order that may still be paid, with what WeChat is told of it."""

    id: int
    order_id: int
    out_trade_no: str
    amount_fen: int
    openid: str
    expires_at: datetime
    prepay_id: str = ""
    prepaid_at: datetime | None = None


class Taken(enum.StrEnum):
    """What came of WeChat's word on a payment."""

    PAID = "paid"  # the order is paid now
    KNOWN = "known"  # booked before; a repeat
    REFUND_DUE = "refund_due"  # booked, but the order cannot take it
    REFUSED = "refused"  # it contradicts what we asked for; nothing was booked


# Built once: every payment executes them.
_BY_NUMBER = sa.select(Payment.id, Payment.order_id, Payment.amount_fen).where(
    Payment.out_trade_no == sa.bindparam("number")
)
_ATTACH = (
    sa.update(Payment)
    .where(
        Payment.id == sa.bindparam("payment_id"),
        Payment.status == PaymentStatus.CREATED,
        sa.select(Order.status).where(Order.id == Payment.order_id).scalar_subquery()
        == OrderStatus.UNPAID,
    )
    .values(prepay_id=sa.bindparam("given"), prepaid_at=sa.bindparam("at", type_=UTCDateTime))
)


_LOCK_ORDER = (
    sa.select(Order.id, Order.number, Order.status, Order.paid_at)
    .where(Order.id == sa.bindparam("order_id"))
    .with_for_update()
)
_LOCK_PAYMENT = (
    sa.select(Payment.status, Payment.transaction_id)
    .where(Payment.id == sa.bindparam("payment_id"))
    .with_for_update()
)
_SUCCESS = (
    sa.update(Payment)
    .where(Payment.id == sa.bindparam("payment_id"), Payment.status != PaymentStatus.SUCCESS)
    .values(
        status=PaymentStatus.SUCCESS,
        transaction_id=sa.bindparam("transaction"),
        paid_at=sa.bindparam("at", type_=UTCDateTime),
        payer_openid=sa.bindparam("payer"),
    )
)
_PAID = (
    sa.update(Order)
    .where(Order.id == sa.bindparam("order_id"), Order.status == OrderStatus.UNPAID)
    .values(status=OrderStatus.PAID, paid_at=sa.bindparam("at", type_=UTCDateTime))
)

# What a payment is of (`_BY_NUMBER`), or an order (`_LOCK_ORDER`).
Row: TypeAlias = sa.Row[*tuple[Any, ...]]


def attach_prepay(payment_id: int, prepay_id: str, *, now: datetime) -> None:
    """Keep what WeChat answered to the prepay call.

    Raises NotPayable where the order was paid or closed meanwhile: whoever did so saw no
    number that a phone could have, and none may get one. See `give_up_unasked`.
    """
    require_transaction()
    if not write(_ATTACH, payment_id=payment_id, given=prepay_id, at=now).rowcount:
        raise NotPayable()


def give_up_unasked(order_id: int) -> None:
    """What WeChat was never asked for cannot be paid there.

    Of this and `attach_prepay` at the same time one finds the payment as the other left it.
    """
    write(_GIVE_UP, order_id=order_id)


_GIVE_UP = (
    sa.update(Payment)
    .where(
        Payment.order_id == sa.bindparam("order_id"),
        Payment.status == PaymentStatus.CREATED,
        Payment.prepay_id == "",
    )
    .values(status=PaymentStatus.CLOSED)
)


def give_up(payment_id: int) -> None:
    """WeChat closed a number: nobody can pay it any more."""
    require_transaction()
    payment = lock_one(Payment, payment_id, "支付单不存在")
    if payment.status is PaymentStatus.CREATED:
        payment.status = PaymentStatus.CLOSED


def take_payment(notice: PaidNotice, *, mchid: str, appid: str, now: datetime) -> Taken:
    """Book a payment that WeChat confirmed (支付成功).

    `mchid` and `appid` are ours: a notice about others' money is refused. What
    differs from what we asked for is refused and raised as an oddity.
    """
    require_transaction()
    bill = direct(_BY_NUMBER, number=notice.out_trade_no).one_or_none()
    trouble = _contradiction(notice, bill, mchid=mchid, appid=appid)
    if trouble is not None or bill is None:
        raise_oddity(
            trouble or OddityKind.UNKNOWN_NUMBER,
            reference=notice.transaction_id,
            order_id=bill.order_id if bill else None,
            facts=_facts(notice, bill),
            now=now,
        )
        return Taken.REFUSED
    # The order, then its payment: as everything does that changes both.
    if not write(_PAID, order_id=bill.order_id, at=notice.paid_at).rowcount:
        return _take_otherwise(bill, notice, now)
    _succeed(bill, notice)
    states.note_move(
        bill.order_id,
        OrderStatus.UNPAID,
        OrderStatus.PAID,
        actor=audit.Actor.system("wxpay"),
        now=now,
    )
    ledger.post(
        f"order:{bill.order_id}:paid",
        event="order_paid",
        moves=[
            Move(
                ledger.system(AccountKind.WORLD_WX),
                ledger.system(AccountKind.ORDER_HOLD),
                bill.amount_fen,
            )
        ],
        now=now,
        subject=("order", bill.order_id),
    )
    outbox.publish("order_paid", bill.order_id, now=now)
    return Taken.PAID


def _take_otherwise(bill: Row, notice: PaidNotice, now: datetime) -> Taken:
    """Take money that came for an order that does not wait for it (any more)."""
    order = direct(_LOCK_ORDER, order_id=bill.order_id).one()
    payment = direct(_LOCK_PAYMENT, payment_id=bill.id).one()
    if payment.status is PaymentStatus.SUCCESS:
        if payment.transaction_id == notice.transaction_id:
            return Taken.KNOWN
        return _owe_back(order, bill, notice, OddityKind.PAID_TWICE, now)
    _succeed(bill, notice)
    is_paid = order.paid_at is not None
    kind = OddityKind.PAID_TWICE if is_paid else OddityKind.PAID_LATE
    return _owe_back(order, bill, notice, kind, now)


def _succeed(bill: Row, notice: PaidNotice) -> None:
    """Note that this payment was paid; once, as whoever calls holds its order."""
    done = write(
        _SUCCESS,
        payment_id=bill.id,
        transaction=notice.transaction_id,
        at=notice.paid_at,
        payer=notice.openid,
    )
    if done.rowcount != 1:
        raise RuntimeError(f"payment {notice.out_trade_no} was paid before its order")


def raise_oddity(
    kind: OddityKind,
    *,
    reference: str,
    order_id: int | None,
    facts: dict[str, Any],
    now: datetime,
) -> None:
    """Put something about money before a person, once per kind and number."""
    require_transaction()
    add_once(Oddity(kind=kind, reference=reference, order_id=order_id, facts=facts, at=now))


def resolve_oddity(oddity_id: int, *, resolution: str, actor: audit.Actor, now: datetime) -> None:
    """Say what was done about an oddity. Raises NotFound, InvalidInput."""
    require_transaction()
    oddity = lock_one(Oddity, oddity_id, "记录不存在")
    said = reasons.given(resolution, "请写明处理结果，便于日后核对", field="resolution")
    if oddity.resolved_at is not None:
        return
    oddity.resolved_at, oddity.resolved_by = now, actor.ref
    oddity.resolution = said
    audit.record(
        "oddity.resolve",
        subject="oddity",
        subject_id=oddity.id,
        actor=actor,
        now=now,
        after={"resolution": oddity.resolution},
    )


def _contradiction(
    notice: PaidNotice, bill: Row | None, *, mchid: str, appid: str
) -> OddityKind | None:
    if notice.mchid != mchid:
        return OddityKind.MERCHANT_DIFFERS
    if notice.appid != appid:
        return OddityKind.APP_DIFFERS
    if bill is None:
        return OddityKind.UNKNOWN_NUMBER
    if notice.amount_fen != bill.amount_fen or notice.currency != "CNY":
        return OddityKind.AMOUNT_DIFFERS
    return None


def _owe_back(order: Row, bill: Row, notice: PaidNotice, kind: OddityKind, now: datetime) -> Taken:
    ledger.post(
        f"payment:{notice.transaction_id}:{kind}",
        event=kind.value,
        moves=[
            Move(
                ledger.system(AccountKind.WORLD_WX),
                ledger.system(AccountKind.REFUND_DUE),
                notice.amount_fen,
            )
        ],
        now=now,
        reason=f"订单 {order.number} 不能再收款",
    )
    raise_oddity(
        kind,
        reference=notice.transaction_id,
        order_id=order.id,
        facts=_facts(notice, bill),
        now=now,
    )
    return Taken.REFUND_DUE


def _facts(notice: PaidNotice, bill: Row | None) -> dict[str, Any]:
    return {
        "out_trade_no": notice.out_trade_no,
        "transaction_id": notice.transaction_id,
        "mchid": notice.mchid,
        "appid": notice.appid,
        "amount_fen": notice.amount_fen,
        "currency": notice.currency,
        "expected_fen": bill.amount_fen if bill else None,
    }
