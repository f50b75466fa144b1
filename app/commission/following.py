"""Commissions follow refunds (佣金冲回): by the money that went back, at every stage.

Source: reference/commission.md, "After a refund", and money.md, "Moves".
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from app import aftersales, ledger, orders, outbox
from app.commission import team
from app.commission.filing import file_now
from app.commission.models import Commission, CommissionStatus
from app.core.db import db, require_transaction
from app.core.rows import lock_one
from app.ledger import AccountKind, Move
from app.orders import Order, OrderStatus
from app.outbox import Handler

C = CommissionStatus


def follow(order_id: int, *, cause: str, now: datetime) -> None:
    """Bring every commission of an order to where its line stands now.

    A commission stands at `amount * (paid - refunded) // paid`, computed from the
    whole so that many small refunds do not drift. What is not settled goes back to
    the order (or the shop, once the order ended); what is settled is taken from
    `available` as far as that reaches, the rest becomes a debt. A refund that
    WeChat closed turns it all round. Lines with an open after-sale are held.

    It is computed from what stands, so it may run any number of times; `cause`
    makes the posting's key, one for each piece of news.
    """
    require_transaction()
    order = lock_one(Order, order_id, "订单不存在")
    rows = db.session.scalars(
        sa.select(Commission)
        .where(Commission.order_id == order_id)
        .order_by(Commission.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if not rows:
        return
    file_now(rows)
    lines = {
        line.id: line
        for line in db.session.scalars(
            sa.select(orders.OrderLine)
            .where(orders.OrderLine.order_id == order_id)
            .execution_options(populate_existing=True)
        )
    }
    open_lines = aftersales.open_line_ids(order_id)
    unsettled: dict[int, int] = defaultdict(int)
    settled: dict[int, int] = defaultdict(int)
    for row in rows:
        line = lines[row.order_line_id]
        target = row.amount_fen * (line.paid_fen - line.refunded_fen) // line.paid_fen
        back = row.standing_fen - target
        (settled if row.batch_id else unsettled)[row.member_id] += back
        row.reversed_fen = row.amount_fen - target
        row.status = _status(row, target, is_held=line.id in open_lines)
        if row.status is C.PENDING and order.finished_at is not None and order.guard_ends_at:
            row.mature_at = order.guard_ends_at
    moves = [*_unsettled_moves(order, unsettled), *settled_moves(settled)]
    if moves:
        ledger.post(
            f"order:{order_id}:followed:{cause}",
            event="commission_reversed",
            moves=moves,
            now=now,
            subject=("order", order_id),
        )
    team.refresh(order_id, now)


def _status(row: Commission, target: int, *, is_held: bool) -> CommissionStatus:
    if row.batch_id:
        return C.CLAWED if target == 0 else C.SETTLED
    if target == 0:
        return C.VOID
    return C.HELD if is_held else C.PENDING


def _unsettled_moves(order: Order, back: Mapping[int, int]) -> list[Move]:
    ended = order.status in (OrderStatus.FINISHED, OrderStatus.REFUNDED)
    source = ledger.system(AccountKind.SHOP if ended else AccountKind.ORDER_HOLD)
    moves = []
    for member_id, fen in sorted(back.items()):
        pending = ledger.member(AccountKind.PENDING, member_id)
        if fen > 0:
            moves.append(Move(pending, source, fen))
        elif fen < 0:
            moves.append(Move(source, pending, -fen))
    return moves


def settled_moves(back: Mapping[int, int]) -> list[Move]:
    """What takes so much back from wallets, by member; gives it where negative.

    From `available` as far as that reaches, a debt for the rest; back into
    `available`, which fills debt first. Locks the wallets.
    """
    shop = ledger.system(AccountKind.SHOP)
    changed = {member_id: fen for member_id, fen in back.items() if fen}
    wallets = ledger.lock_wallets(changed) if changed else {}
    moves = []
    for member_id, fen in sorted(changed.items()):
        available = ledger.member(AccountKind.AVAILABLE, member_id)
        debt = ledger.member(AccountKind.DEBT, member_id)
        if fen > 0:
            taken = min(fen, wallets[member_id].available_fen)
            owed = fen - taken
            moves += [Move(available, shop, taken)] if taken else []
            moves += [Move(debt, shop, owed)] if owed else []
        else:
            given, filled = -fen, min(-fen, wallets[member_id].debt_fen)
            moves.append(Move(shop, available, given))
            moves += [Move(available, debt, filled)] if filled else []
    return moves


def _of_aftersale(topic: str) -> Handler:
    def handle(aftersale_id: int, now: datetime) -> None:
        row = aftersales.aftersale_by_id(aftersale_id)
        follow(row.order_id, cause=f"{topic}:{aftersale_id}", now=now)

    return handle


def _of_refund(topic: str) -> Handler:
    def handle(refund_id: int, now: datetime) -> None:
        row = aftersales.refund_by_id(refund_id)
        follow(row.order_id, cause=f"{topic}:{refund_id}", now=now)

    return handle


def subscribe() -> None:
    """Register with the outbox; called once when the app is made."""
    for topic in ("aftersale_opened", "aftersale_ended"):
        outbox.subscribe(topic, "commission.follow", _of_aftersale(topic))
    for topic in ("refund_approved", "refund_closed"):
        outbox.subscribe(topic, "commission.follow", _of_refund(topic))
