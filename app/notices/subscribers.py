"""What happened, turned into notices: one function a topic of the outbox."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import aftersales, audit, commission, distribution, members, outbox, settings, withdrawals
from app.aftersales import AfterSale
from app.commission import Commission, SettlementBatch
from app.core.db import db
from app.distribution import levels
from app.notices.kinds import KINDS
from app.notices.processes import confirm_draft
from app.notices.service import TOPIC, Draft, write
from app.orders import Order
from app.withdrawals import Withdrawal

_CHUNK = 500


def order_paid(order_id: int, now: datetime) -> None:
    order = db.session.get_one(Order, order_id)
    _tell(
        "order_paid",
        order_id,
        order.member_id,
        f"/orders/{order.number}",
        now,
        number=order.number,
        goods=goods_of(order),
        amount=order.payable_fen,
        time=_time(order.paid_at),
    )


def order_shipped(order_id: int, now: datetime) -> None:
    order = db.session.get_one(Order, order_id)
    _tell(
        "order_shipped",
        order_id,
        order.member_id,
        f"/orders/{order.number}",
        now,
        number=order.number,
        goods=goods_of(order),
        carrier=order.carrier or ("无需快递" if order.is_virtual else "到店自提"),
        tracking=order.tracking_number,
        time=_time(order.shipped_at),
    )


def commissions_accrued(order_id: int, now: datetime) -> None:
    """One notice a sale, for the direct upline; the others read the weekly digest."""
    order = db.session.get_one(Order, order_id)
    earned = db.session.execute(
        sa.select(
            Commission.member_id,
            sa.func.sum(Commission.amount_fen - Commission.reversed_fen),
            sa.func.min(Commission.id),
        )
        .where(Commission.order_id == order_id, Commission.depth == 1)
        .group_by(Commission.member_id)
    ).all()
    for member_id, amount_fen, commission_id in earned:
        is_own = member_id == order.member_id
        _tell(
            "commission_earned",
            order_id,
            member_id,
            f"/me/distribution/commissions/{commission_id}",
            now,
            buyer="你自己" if is_own else members.get(order.member_id).masked_name,
            goods=goods_of(order),
            amount=int(amount_fen),
            expected=f"确认收货 {settings.value(settings.registry.GUARD_DAYS)} 天后",
            time=_time(order.paid_at),
        )


def commissions_settled(batch_id: int, now: datetime) -> None:
    """One notice a member and settlement."""
    settled_at = db.session.get_one(SettlementBatch, batch_id).at
    taken = commission.settled_in([batch_id])
    rows = db.session.execute(
        sa.select(taken.c.member_id, sa.func.sum(taken.c.settled_fen), sa.func.count())
        .group_by(taken.c.member_id)
        .order_by(taken.c.member_id)
    ).all()
    drafts = [
        Draft(
            key=f"commission_settled:{batch_id}:{member_id}",
            member_id=member_id,
            values={
                "amount": int(amount_fen),
                "count": count,
                "time": _time(settled_at),
                "state": _state("commission_settled"),
            },
            path="/me/wallet",
        )
        for member_id, amount_fen, count in rows
        if amount_fen > 0
    ]
    for first in range(0, len(drafts), _CHUNK):
        write("commission_settled", drafts[first : first + _CHUNK], now=now)


def refund_succeeded(refund_id: int, now: datetime) -> None:
    """Of an after-sale, or of money that came late or twice."""
    refund = aftersales.refund_by_id(refund_id)
    order = db.session.get_one(Order, refund.order_id)
    path = f"/orders/{order.number}"
    if refund.aftersale_id is not None:
        path = f"/me/aftersales/{aftersales.aftersale_by_id(refund.aftersale_id).number}"
    _tell(
        "order_refunded",
        refund_id,
        order.member_id,
        path,
        now,
        number=order.number,
        goods=goods_of(order),
        amount=refund.amount_fen,
        time=_time(refund.ended_at),
    )


def aftersale_approved(aftersale_id: int, now: datetime) -> None:
    """Only of what must be sent back: a refund alone tells of itself when it is there."""
    row = aftersales.aftersale_by_id(aftersale_id)
    _about_aftersale(
        "aftersale_approved",
        row,
        now,
        address=settings.value(settings.registry.RETURN_ADDRESS) or "请点开查看或联系客服",
        deadline=_time(row.send_back_by),
    )


def aftersale_rejected(aftersale_id: int, now: datetime) -> None:
    row = aftersales.aftersale_by_id(aftersale_id)
    _about_aftersale(
        "aftersale_rejected", row, now, reason=row.decision_note, time=_time(row.ended_at)
    )


def aftersale_exchanged(aftersale_id: int, now: datetime) -> None:
    row = aftersales.aftersale_by_id(aftersale_id)
    _about_aftersale(
        "aftersale_exchanged",
        row,
        now,
        carrier=row.resend_carrier,
        tracking=row.resend_tracking,
        time=_time(row.ended_at),
    )


def withdrawal_approved(withdrawal_id: int, now: datetime) -> None:
    row = db.session.get_one(Withdrawal, withdrawal_id)
    _about_withdrawal(
        "withdrawal_approved",
        row,
        now,
        amount=row.gross_fen,
        net=row.net_fen,
        time=_time(row.reviewed_at),
    )


def withdrawal_wait_confirm(withdrawal_id: int, now: datetime) -> None:
    row = db.session.get_one(Withdrawal, withdrawal_id)
    bill = withdrawals.current_bill(withdrawal_id)
    asked_at = bill.created_at if bill else now
    lost = withdrawals.lost_its_grant(withdrawal_id)
    note = "免确认已关闭，请点开确认收款" if lost else ""
    draft = confirm_draft("withdrawal_to_confirm", row, asked_at, note=note)
    write("withdrawal_to_confirm", [draft], now=now)


def withdrawal_paid(withdrawal_id: int, now: datetime) -> None:
    row = db.session.get_one(Withdrawal, withdrawal_id)
    _about_withdrawal("withdrawal_paid", row, now, net=row.net_fen, time=_time(row.ended_at))


def withdrawal_failed(withdrawal_id: int, now: datetime) -> None:
    _returned("withdrawal_failed", withdrawal_id, now)


def withdrawal_returned(withdrawal_id: int, now: datetime) -> None:
    # It was said to be paid, so nobody was told before that it failed.
    _returned("withdrawal_failed", withdrawal_id, now)


def withdrawal_rejected(withdrawal_id: int, now: datetime) -> None:
    _returned("withdrawal_rejected", withdrawal_id, now)


def distributor_approved(distributor_id: int, now: datetime) -> None:
    found = distribution.distributor_by_id(distributor_id)
    _tell(
        "application_approved",
        distributor_id,
        found.member_id,
        "/me/distribution",
        now,
        name=members.get(found.member_id).display_name,
        time=_time(found.approved_at),
    )


def distributor_rejected(move_id: int, now: datetime) -> None:
    """The subject is the state move: somebody may be refused more than once."""
    move = audit.move_by_id(move_id)
    found = distribution.distributor_by_id(move.subject_id)
    _tell(
        "application_rejected",
        move_id,
        found.member_id,
        "/me/distribution",
        now,
        name=members.get(found.member_id).display_name,
        reason=move.note,
        time=_time(move.at),
    )


def distributor_invited(move_id: int, now: datetime) -> None:
    _about_standing("distributor_invited", move_id, now, says_why=True)


def distributor_suspended(move_id: int, now: datetime) -> None:
    _about_standing("distributor_suspended", move_id, now, says_why=True)


def distributor_restored(move_id: int, now: datetime) -> None:
    _about_standing("distributor_restored", move_id, now)


def distributor_closed(move_id: int, now: datetime) -> None:
    _about_standing("distributor_closed", move_id, now)


def _about_standing(kind: str, move_id: int, now: datetime, *, says_why: bool = False) -> None:
    move = audit.move_by_id(move_id)
    found = distribution.distributor_by_id(move.subject_id)
    why = {"reason": move.note} if says_why else {}
    _tell(kind, move_id, found.member_id, "/me/distribution", now, time=_time(move.at), **why)


def member_moved(attempt_id: int, now: datetime) -> None:
    """Only of what an admin did; an appeal's answer tells of itself."""
    row = distribution.attempt_by_id(attempt_id)
    if row.source is not distribution.BindingSource.ADMIN or distribution.appeals.led_to(row):
        return
    _tell(
        "inviter_changed",
        attempt_id,
        row.member_id,
        "/me/inviter",
        now,
        reason=row.note,
        time=_time(row.at),
    )


def appeal_answered(appeal_id: int, now: datetime) -> None:
    row = distribution.appeals.get(appeal_id)
    is_granted = row.status is distribution.models.AppealStatus.ACCEPTED
    _tell(
        "appeal_accepted" if is_granted else "appeal_refused",
        appeal_id,
        row.member_id,
        "/me/inviter",
        now,
        reason=row.answer,
        time=_time(row.answered_at),
    )


def level_reached(change_id: int, now: datetime) -> None:
    """The subject is the step: somebody may reach the same level again."""
    change = levels.change_by_id(change_id)
    level = levels.ladder().at(change.to_level)
    _tell(
        "level_reached",
        change_id,
        distribution.distributor_by_id(change.distributor_id).member_id,
        "/me/distribution/level",
        now,
        level=level.name,
        benefits=level.benefits,
        time=_time(change.at),
    )


_BY_TOPIC: dict[str, Callable[[int, datetime], None]] = {
    "order_paid": order_paid,
    "order_shipped": order_shipped,
    "commissions_accrued": commissions_accrued,
    "commissions_settled": commissions_settled,
    "refund_succeeded": refund_succeeded,
    "aftersale_approved": aftersale_approved,
    "aftersale_rejected": aftersale_rejected,
    "aftersale_exchanged": aftersale_exchanged,
    "withdrawal_approved": withdrawal_approved,
    "withdrawal_wait_confirm": withdrawal_wait_confirm,
    "withdrawal_paid": withdrawal_paid,
    "withdrawal_failed": withdrawal_failed,
    "withdrawal_returned": withdrawal_returned,
    "withdrawal_rejected": withdrawal_rejected,
    "distributor_approved": distributor_approved,
    "distributor_rejected": distributor_rejected,
    "distributor_invited": distributor_invited,
    "distributor_suspended": distributor_suspended,
    "distributor_restored": distributor_restored,
    "distributor_closed": distributor_closed,
    "member_moved": member_moved,
    "appeal_answered": appeal_answered,
    "level_reached": level_reached,
}


def subscribe(send: outbox.Handler) -> None:
    """Register with the outbox; `send` carries one queued notice to WeChat."""
    for topic, tell in _BY_TOPIC.items():
        outbox.subscribe(topic, "notices", tell, holds_up=False)
    outbox.subscribe(TOPIC, "notices.send", send, calls_network=True)


def goods_of(order: Order) -> str:
    """What was bought, in one line."""
    return _goods([(line.title, line.quantity) for line in order.lines])


def _goods(lines: Sequence[tuple[str, int]]) -> str:
    first, pieces = lines[0][0], sum(quantity for _, quantity in lines)
    return first if pieces <= 1 else f"{first} 等 {pieces} 件"


def _returned(kind: str, withdrawal_id: int, now: datetime) -> None:
    row = db.session.get_one(Withdrawal, withdrawal_id)
    _about_withdrawal(
        kind,
        row,
        now,
        amount=row.gross_fen,
        reason=withdrawals.reason_of(row, withdrawals.current_bill(row.id)),
        time=_time(row.ended_at),
    )


def _about_aftersale(kind: str, row: AfterSale, now: datetime, **values: Any) -> None:
    order = db.session.get_one(Order, row.order_id)
    titles = {line.id: line.title for line in order.lines}
    goods = [(titles[item.line_id], item.quantity) for item in row.items]
    path = f"/me/aftersales/{row.number}"
    _tell(
        kind,
        row.id,
        row.member_id,
        path,
        now,
        number=row.number,
        # One of the freight alone has no items.
        goods=_goods(goods) if goods else goods_of(order),
        **values,
    )


def _about_withdrawal(kind: str, row: Withdrawal, now: datetime, **values: Any) -> None:
    path = f"/me/wallet/withdrawals/{row.number}"
    _tell(kind, row.id, row.member_id, path, now, number=row.number, **values)


def _tell(
    kind: str, subject_id: int, member_id: int, path: str, now: datetime, **values: Any
) -> None:
    draft = Draft(
        key=f"{kind}:{subject_id}",
        member_id=member_id,
        values={**values, "state": _state(kind)},
        path=path,
    )
    write(kind, [draft], now=now)


def _state(kind: str) -> str | int:
    """The word for where the matter stands, the same for each notice of a kind."""
    return KINDS[kind].sources["state"].example


def _time(at: datetime | None) -> str:
    return at.isoformat() if at else ""
