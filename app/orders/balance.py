"""Paying an order with what a member earned (余额支付): the whole of it, at once.

The money never leaves the shop, so WeChat is not asked: `available` > `order_hold` under
the key of the order's one pay-in. A payment of its own says so. The number that the order
has at WeChat may be open on a phone; what still comes for it is money that came twice.
Income tax is withheld where a member takes commissions out, and nobody has ruled how
spending them in the shop counts: while a tax method is in force this way is shut.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import audit, ledger, members, outbox, settings
from app.core import ids
from app.core.db import db, require_transaction
from app.core.errors import DomainError
from app.core.money import format_yuan
from app.core.rows import insert_now
from app.ledger import AccountKind, Move
from app.orders import states
from app.orders.errors import BalanceClosed, BalanceShort, InDebt, NotPayable
from app.orders.models import Order, OrderStatus, Payment, PaymentKind, PaymentStatus
from app.orders.payment import give_up_unasked
from app.settings import registry


@dataclass(frozen=True)
class Offer:
    """What a member may pay with, in fen; nothing while they owe."""

    available_fen: int
    debt_fen: int

    def reaches(self, amount_fen: int) -> bool:
        return not self.debt_fen and self.available_fen >= amount_fen


def offer(member_id: int) -> Offer | None:
    """The balance to show where an order is paid; None where there is nothing to show."""
    if _shut() is not None:
        return None
    wallet = ledger.wallet_of(member_id)
    if not wallet.available_fen:
        return None
    return Offer(wallet.available_fen, wallet.debt_fen)


def pay(member_id: int, order_id: int, *, now: datetime) -> Payment:
    """Pay a whole order out of its buyer's balance.

    A second tap returns the payment of the first.

    Raises:
        NotFound: it is somebody else's order.
        NotPayable: it is paid otherwise, closing or closed, or its time is over.
        BalanceClosed: the shop does not offer it, or income tax is withheld.
        InDebt, BalanceShort.
        DomainError: the member is blocked.
    """
    require_transaction()
    # The member, then the order, then the accounts: as placing and withdrawing do.
    member = members.locked(member_id)
    order = states.locked(order_id)
    states.must_be_of(order, member_id)
    if (paid := _paid(order_id)) is not None:
        return paid
    if order.status is not OrderStatus.UNPAID or order.expires_at <= now:
        raise NotPayable()
    if (why := _shut()) is not None:
        raise BalanceClosed(why)
    if member.status is not members.MemberStatus.ACTIVE:
        raise DomainError("账号已被限制，暂不能用余额支付，请联系客服")
    wallet = ledger.lock_wallets([member_id])[member_id]
    if wallet.debt_fen:
        raise InDebt(debt_fen=wallet.debt_fen)
    if wallet.available_fen < order.payable_fen:
        raise BalanceShort(
            f"余额不足，可用 ¥{format_yuan(wallet.available_fen)}，请用微信支付",
            available_fen=wallet.available_fen,
        )
    payment = Payment(
        order_id=order.id,
        kind=PaymentKind.BALANCE,
        out_trade_no=ids.public_number("P", now),
        amount_fen=order.payable_fen,
        status=PaymentStatus.SUCCESS,
        created_at=now,
        paid_at=now,
    )
    insert_now(payment)
    give_up_unasked(order.id)
    states.move(order, OrderStatus.PAID, actor=audit.Actor.member(member_id), now=now)
    order.paid_at = now
    ledger.post(
        f"order:{order.id}:paid",
        event="order_paid",
        moves=[
            Move(
                ledger.member(AccountKind.AVAILABLE, member_id),
                ledger.system(AccountKind.ORDER_HOLD),
                order.payable_fen,
            )
        ],
        now=now,
        subject=("order", order.id),
    )
    outbox.publish("order_paid", order.id, now=now)
    return payment


def paid_with_balance(order: Order) -> bool:
    """Whether an order was paid out of its buyer's balance, so that refunds go back there."""
    return order.is_paid and _paid(order.id) is not None


def _paid(order_id: int) -> Payment | None:
    return db.session.scalar(
        sa.select(Payment).filter_by(order_id=order_id, kind=PaymentKind.BALANCE)
    )


def _shut() -> str | None:
    """Why nobody may pay with the balance, None where they may."""
    is_on, method = settings.several(registry.BALANCE_PAY_ON, registry.TAX_METHOD)
    if not is_on:
        return "商家没有开通余额支付，请用微信支付"
    if method != "none":
        return "佣金需要代扣个人所得税，不能直接抵付订单，请用微信支付"
    return None
