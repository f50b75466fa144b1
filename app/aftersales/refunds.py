"""Money on its way back: booked, sent, ended by WeChat's word. money.md, "Moves"."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from app import audit, ledger, orders, outbox
from app.aftersales import states, stock
from app.aftersales.errors import NotAskable, SamePerson
from app.aftersales.models import FINAL, AfterSale, AfterSaleStatus, Refund, RefundStatus
from app.aftersales.ports import RefundWord
from app.core import ids, reasons
from app.core.db import db, require_transaction
from app.core.errors import IllegalMove
from app.core.rows import lock_one
from app.ledger import AccountKind, Move
from app.orders import Oddity, OddityKind, Order, OrderStatus, Payment, PaymentKind

S, R = AfterSaleStatus, RefundStatus
_SYSTEM = audit.Actor.system("refund")
_LATE_MONEY = (OddityKind.PAID_LATE, OddityKind.PAID_TWICE)


def begin(order: Order, row: AfterSale, *, actor: audit.Actor, now: datetime) -> Refund:
    """Book an approved after-sale and save its refund, to be sent after the commit."""
    states.move(row, S.REFUNDING, actor=actor, now=now)
    payment = orders.payment_that_paid(order.id)
    for item in row.items:
        orders.add_refund(item.line_id, fen=item.amount_fen, pieces=item.quantity)
    order.freight_refunded_fen += row.freight_fen
    ledger.post(
        f"aftersale:{row.id}:approved",
        event="refund_approved",
        moves=[Move(_earned(order), ledger.system(AccountKind.REFUND_DUE), row.amount_fen)],
        now=now,
        subject=("order", order.id),
    )
    refund = Refund(
        out_refund_no=ids.public_number("R", now),
        order_id=order.id,
        payment_id=payment.id,
        aftersale_id=row.id,
        amount_fen=row.amount_fen,
        total_fen=payment.amount_fen,
        reason=row.reason,
        next_at=now,
        created_at=now,
    )
    db.session.add(refund)
    db.session.flush()
    outbox.publish("refund_approved", refund.id, now=now)
    if payment.kind is PaymentKind.BALANCE:
        # Back to where it came from: no bill, nobody to wait for.
        refund.status = R.SUCCESS
        _succeed(order, row, refund, _to_balance(order, refund), now)
    return refund


def begin_late(oddity_id: int, *, actor: audit.Actor, now: datetime) -> Refund:
    """Send late or double money back to where it came from (原路退回).

    It was booked to `refund_due` when it came, and nobody chooses how much: the buyer
    may be the one who sends it. Raises NotFound, NotAskable.
    """
    require_transaction()
    oddity = lock_one(Oddity, oddity_id, "记录不存在")
    known = db.session.scalar(sa.select(Refund).filter_by(oddity_id=oddity_id))
    if known is not None:
        return known
    payment = db.session.scalar(
        sa.select(Payment).filter_by(out_trade_no=str(oddity.facts.get("out_trade_no", "")))
    )
    if (
        oddity.kind not in _LATE_MONEY
        or oddity.resolved_at is not None
        or oddity.order_id is None
        or payment is None
    ):
        raise NotAskable("这条异常没有可退回的钱")
    refund = Refund(
        out_refund_no=ids.public_number("R", now),
        order_id=oddity.order_id,
        payment_id=payment.id,
        oddity_id=oddity.id,
        amount_fen=payment.amount_fen,
        total_fen=payment.amount_fen,
        reason="订单已关闭或重复付款，原路退回",
        next_at=now,
        created_at=now,
    )
    db.session.add(refund)
    db.session.flush()
    audit.record(
        "oddity.refund",
        subject="oddity",
        subject_id=oddity.id,
        actor=actor,
        now=now,
        after={"amount_fen": refund.amount_fen},
    )
    return refund


def report(word: RefundWord, *, mchid: str, now: datetime) -> bool:
    """Take WeChat's word on a refund.

    A repeat, or an older word after a final one, changes nothing. What contradicts
    the refund is refused (False) and raised as an oddity.
    """
    require_transaction()
    found = db.session.execute(
        sa.select(Refund.id, Payment.out_trade_no)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.out_refund_no == word.out_refund_no)
    ).first()
    if found is None:
        _raise_oddity(word, None, now)
        return False
    order, row, refund = _locked(found.id)
    if (
        word.amount_fen != refund.amount_fen
        or word.total_fen != refund.total_fen
        or word.out_trade_no not in (None, found.out_trade_no)
        or word.mchid not in (None, mchid)
    ):
        _raise_oddity(word, refund, now)
        return False
    if refund.status in FINAL:
        return True
    refund.refund_id = word.refund_id or refund.refund_id
    refund.status = R(word.status)
    refund.next_at = now + _patience(refund.tries)
    if refund.status is not R.ABNORMAL:
        refund.fail_reason = ""
    if row is not None and row.status is S.ABNORMAL and refund.status is not R.ABNORMAL:
        states.move(row, S.REFUNDING, actor=_SYSTEM, now=now)
    match refund.status:
        case R.SUCCESS:
            _succeed(order, row, refund, _to_world(AccountKind.WORLD_WX, refund), now)
        case R.ABNORMAL:
            refund.fail_reason = refund.fail_reason or "ABNORMAL"
            if row is not None and row.status is S.REFUNDING:
                states.move(row, S.ABNORMAL, actor=_SYSTEM, now=now, note=refund.fail_reason)
        case R.CLOSED:
            _take_back(order, row, refund, now)
    return True


def refused(refund_id: int, *, code: str, now: datetime) -> None:
    """WeChat will not make this refund as it stands: a person must look."""
    _, row, refund = _locked(refund_id)
    if refund.status in FINAL:
        return
    refund.status, refund.fail_reason = R.ABNORMAL, code[:100]
    if row is not None and row.status is S.REFUNDING:
        states.move(row, S.ABNORMAL, actor=_SYSTEM, now=now, note=refund.fail_reason)


def postpone(refund_id: int, *, why: str, now: datetime) -> None:
    """No clear answer: try again later, less and less often."""
    refund = lock_one(Refund, refund_id, "退款单不存在")
    refund.tries += 1
    refund.next_at, refund.fail_reason = now + _patience(refund.tries), why[:100]


def retry(refund_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Send an abnormal refund again under the same number.

    Raises:
        NotFound. IllegalMove: it is not abnormal. NotAskable: somebody says that it
            was paid by hand, and money must not leave by both ways.
    """
    _, row, refund = _locked(refund_id)
    if refund.status is not R.ABNORMAL:
        raise IllegalMove(state=refund.status.value)
    if row is not None and row.manual_first:
        raise NotAskable("已有管理员登记线下退款，不能再发起微信退款")
    refund.status, refund.next_at, refund.tries = R.CREATED, now, 0
    if row is not None:
        states.move(row, S.REFUNDING, actor=actor, now=now, note="重新发起退款")


def pay_by_hand(refund_id: int, *, note: str, actor: audit.Actor, now: datetime) -> bool:
    """Say that an abnormal refund was paid by bank transfer (线下退款), by two people.

    The first word is kept, the second, by somebody else, books it; returns whether
    it is booked now.

    Raises:
        InvalidInput: no note. IllegalMove: it is not abnormal. OwnAfterSale, SamePerson.
    """
    order, row, refund = _locked(refund_id)
    states.never_own(order, actor)
    if row is None or refund.status is not R.ABNORMAL:
        raise IllegalMove(state=refund.status.value)
    if not row.manual_first:
        row.manual_note = reasons.given(note, "请写明转账方式和凭证号，便于日后核对", field="note")
        row.manual_first = actor.ref
        audit.record(
            "aftersale.manual_first",
            subject="aftersale",
            subject_id=row.id,
            actor=actor,
            now=now,
            after={"amount_fen": refund.amount_fen},
            reason=row.manual_note,
        )
        return False
    if row.manual_first == actor.ref:
        raise SamePerson()
    states.move(row, S.MANUAL, actor=actor, now=now, note=row.manual_note)
    refund.status = R.MANUAL
    _succeed(order, row, refund, _to_world(AccountKind.WORLD_BANK, refund), now)
    return True


def conclude(refund_id: int, now: datetime) -> None:
    """The money is back: free the lines and end a wholly refunded order (refund_succeeded).

    Waits until the commissions followed: what is left of the order is only known then.
    """
    if db.session.scalar(
        outbox.undelivered("refund_approved").where(outbox.OutboxRow.subject_id == refund_id)
    ):
        raise RuntimeError(f"commissions have not followed refund {refund_id} yet")
    order, row, _ = _locked(refund_id)
    if row is None:
        return
    states.end(order, row, now)
    orders.end_refunded(order, now=now)


def _succeed(
    order: Order, row: AfterSale | None, refund: Refund, moves: list[Move], now: datetime
) -> None:
    refund.ended_at = now
    ledger.post(
        f"refund:{refund.out_refund_no}:paid",
        event="refund_succeeded",
        moves=moves,
        now=now,
        subject=("order", refund.order_id),
    )
    if row is not None:
        stock.release_unsent(order, row, now)
        if row.status is S.REFUNDING:
            states.move(row, S.SUCCESS, actor=_SYSTEM, now=now)
    if refund.oddity_id is not None:
        orders.resolve_oddity(refund.oddity_id, resolution="已原路退回", actor=_SYSTEM, now=now)
    outbox.publish("refund_succeeded", refund.id, now=now)


def _to_world(door: AccountKind, refund: Refund) -> list[Move]:
    return [Move(ledger.system(AccountKind.REFUND_DUE), ledger.system(door), refund.amount_fen)]


def _to_balance(order: Order, refund: Refund) -> list[Move]:
    """To the buyer's balance; what they came to owe since they paid is filled first."""
    available = ledger.member(AccountKind.AVAILABLE, order.member_id)
    filled = min(
        refund.amount_fen, ledger.lock_wallets([order.member_id])[order.member_id].debt_fen
    )
    moves = [Move(ledger.system(AccountKind.REFUND_DUE), available, refund.amount_fen)]
    if filled:
        moves.append(Move(available, ledger.member(AccountKind.DEBT, order.member_id), filled))
    return moves


def _take_back(order: Order, row: AfterSale | None, refund: Refund, now: datetime) -> None:
    """WeChat closed the refund: the books are as before it. Late money stays owed."""
    if row is None:
        refund.status, refund.fail_reason = R.ABNORMAL, "CLOSED"
        return
    refund.ended_at = now
    for item in row.items:
        orders.add_refund(item.line_id, fen=-item.amount_fen, pieces=-item.quantity)
    order.freight_refunded_fen -= row.freight_fen
    ledger.post(
        f"refund:{refund.out_refund_no}:closed",
        event="refund_closed",
        moves=[Move(ledger.system(AccountKind.REFUND_DUE), _earned(order), refund.amount_fen)],
        now=now,
        subject=("order", order.id),
    )
    states.move(row, S.CLOSED, actor=_SYSTEM, now=now)
    states.end(order, row, now)
    outbox.publish("refund_closed", refund.id, now=now)


def _earned(order: Order) -> ledger.Ref:
    """Where an order's money is: held until it ended, the shop's afterwards."""
    ended = order.status in (OrderStatus.FINISHED, OrderStatus.REFUNDED)
    return ledger.system(AccountKind.SHOP if ended else AccountKind.ORDER_HOLD)


def _locked(refund_id: int) -> tuple[Order, AfterSale | None, Refund]:
    """The order, the after-sale and the refund, locked in this order everywhere."""
    refund = db.session.get_one(Refund, refund_id)
    if refund.aftersale_id is not None:
        order, row = states.locked(refund.aftersale_id)
        return order, row, lock_one(Refund, refund_id, "退款单不存在")
    order = lock_one(Order, refund.order_id, "订单不存在")
    return order, None, lock_one(Refund, refund_id, "退款单不存在")


def _patience(tries: int) -> timedelta:
    return timedelta(minutes=min(2**tries, 360))


def _raise_oddity(word: RefundWord, refund: Refund | None, now: datetime) -> None:
    orders.raise_oddity(
        OddityKind.REFUND_DIFFERS,
        reference=word.out_refund_no[:64],
        order_id=refund.order_id if refund else None,
        facts={
            "out_refund_no": word.out_refund_no,
            "state": word.status,
            "amount_fen": word.amount_fen,
            "mchid": word.mchid,
            "expected_fen": refund.amount_fen if refund else None,
        },
        now=now,
    )
