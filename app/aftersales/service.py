"""What members ask for and what admins answer (申请、审核、退货、换货)."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from app import audit, orders, outbox, settings
from app.aftersales import limits, queries, refunds, states, stock
from app.aftersales.errors import AlreadyOpen, NotAskable
from app.aftersales.limits import Wanted
from app.aftersales.models import (
    AfterSale,
    AfterSaleItem,
    AfterSaleKind,
    AfterSaleStatus,
)
from app.core import ids, reasons
from app.core.db import db, require_transaction
from app.core.errors import InvalidInput
from app.core.rows import add_once, lock_one
from app.orders import Order

S = AfterSaleStatus
REASONS: dict[AfterSaleKind, tuple[str, ...]] = {
    AfterSaleKind.REFUND: (
        "不想要了",
        "拍错了，重新下单",
        "一直没有发货",
        "没有收到货",
        "少发、漏发",
        "商品破损",
        "其他",
    ),
    AfterSaleKind.RETURN: (
        "七天无理由退货",
        "商品破损",
        "质量问题",
        "与描述不符",
        "发错商品",
        "其他",
    ),
    AfterSaleKind.EXCHANGE: ("商品破损", "质量问题", "发错商品", "换规格", "其他"),
}
PICTURES_MAX = 6
_REASON_MAX = 40
_TRACKING = re.compile(r"[0-9A-Za-z-]{6,40}", re.ASCII)


def apply(
    member_id: int,
    order_id: int,
    *,
    kind: AfterSaleKind,
    wanted: Sequence[Wanted],
    reason: str,
    description: str = "",
    pictures: Sequence[str] = (),
    now: datetime,
) -> AfterSale:
    """Ask for a refund, a return or an exchange (申请售后).

    The order does not finish, and its commissions do not settle, before it ended.

    Raises:
        NotFound: somebody else's order.
        NotAskable: the time is over, or this kind does not fit where the order is.
        AlreadyOpen: an after-sale of one of these lines is open.
        InvalidInput, AmountTooHigh: see `limits.parts_of`.
    """
    order = lock_one(Order, order_id, "订单不存在")
    orders.must_be_of(order, member_id)
    if kind not in limits.kinds_for(order, now):
        raise NotAskable()
    if reason not in REASONS[kind]:
        raise InvalidInput("reason", "请选择原因")
    if len(description) > 500:
        raise InvalidInput("description", "说明最多 500 个字")
    if len(pictures) > PICTURES_MAX:
        raise InvalidInput("pictures", f"最多上传 {PICTURES_MAX} 张图片")
    parts = limits.parts_of(order, kind, wanted)
    return _open(
        order,
        kind,
        parts,
        freight_fen=0 if kind is AfterSaleKind.EXCHANGE else limits.freight_of(order, parts),
        reason=reason,
        description=description.strip(),
        pictures=pictures,
        actor=audit.Actor.member(member_id),
        now=now,
    )


def refund_now(
    order_id: int,
    *,
    wanted: Sequence[Wanted],
    freight_fen: int,
    reason: str,
    actor: audit.Actor,
    now: datetime,
    seen_refunded_fen: int | None = None,
) -> AfterSale:
    """Refund on the shop's own word (主动退款), in any paid state, finished ones too.

    `seen_refunded_fen` is what had been refunded of the order when somebody decided:
    a second click, or two people at once, refund once.

    Raises: OwnAfterSale, NotAskable, AlreadyOpen, InvalidInput, AmountTooHigh, NotFound.
    """
    order = lock_one(Order, order_id, "订单不存在")
    states.never_own(order, actor)
    if seen_refunded_fen not in (None, limits.refunded_of(order)):
        raise NotAskable("这笔订单刚刚有了新的退款，请核对后重新填写")
    parts = _parts_to_refund(order, wanted, freight_fen=freight_fen, reason=reason)
    row = _open(
        order,
        AfterSaleKind.REFUND,
        parts,
        freight_fen=freight_fen,
        reason=reason.strip(),
        description="",
        pictures=(),
        actor=actor,
        now=now,
    )
    states.move(row, S.APPROVED, actor=actor, now=now)
    refunds.begin(order, row, actor=actor, now=now)
    return row


def check_refund(order: Order, *, wanted: Sequence[Wanted], freight_fen: int, reason: str) -> int:
    """What `refund_now` would refund of the goods now, in fen; raises what it would raise."""
    parts = _parts_to_refund(order, wanted, freight_fen=freight_fen, reason=reason)
    if queries.open_line_ids(order.id) & {part.line.id for part in parts}:
        raise AlreadyOpen()
    return sum(part.amount_fen for part in parts)


def withdraw(member_id: int, aftersale_id: int, *, now: datetime) -> None:
    """The member thinks better of it (撤销申请). Raises NotFound, IllegalMove."""
    order, row = states.locked(aftersale_id)
    orders.must_be_of(order, member_id)
    states.move(row, S.WITHDRAWN, actor=audit.Actor.member(member_id), now=now)
    states.end(order, row, now)


def give_up_waiting(aftersale_id: int, *, now: datetime) -> bool:
    """End a return whose goods were never sent back; False if they were meanwhile."""
    order, row = states.locked(aftersale_id)
    if row.status is not S.APPROVED or row.send_back_by is None or row.send_back_by > now:
        return False
    actor = audit.Actor.system("aftersale")
    states.move(row, S.WITHDRAWN, actor=actor, now=now, note="超时没有寄回，自动关闭")
    states.end(order, row, now)
    return True


def approve(aftersale_id: int, *, actor: audit.Actor, now: datetime, note: str = "") -> AfterSale:
    """Agree (同意): money goes back at once where no goods must.

    Raises NotFound, OwnAfterSale, IllegalMove, InvalidInput.
    """
    order, row = states.locked(aftersale_id)
    states.never_own(order, actor)
    row.decision_note = reasons.if_any(note)
    states.move(row, S.APPROVED, actor=actor, now=now, note=row.decision_note)
    if row.kind is AfterSaleKind.REFUND:
        refunds.begin(order, row, actor=actor, now=now)
    else:
        days = settings.value(settings.registry.RETURN_SEND_DAYS)
        row.send_back_by = now + timedelta(days=days)
        outbox.publish("aftersale_approved", row.id, now=now)
    return row


def reject(aftersale_id: int, *, reason: str, actor: audit.Actor, now: datetime) -> None:
    """Refuse an application, or goods that came back wrong (拒绝).

    Raises NotFound, OwnAfterSale, IllegalMove, InvalidInput.
    """
    order, row = states.locked(aftersale_id)
    states.never_own(order, actor)
    row.decision_note = reasons.given(reason, "请填写拒绝原因，买家会看到")
    states.move(row, S.REJECTED, actor=actor, now=now, note=row.decision_note)
    states.end(order, row, now)
    outbox.publish("aftersale_rejected", row.id, now=now)


def send_back(
    member_id: int, aftersale_id: int, *, carrier: str, tracking: str, now: datetime
) -> None:
    """The member sent the goods back (填写退货单号). Raises NotFound, IllegalMove, InvalidInput."""
    order, row = states.locked(aftersale_id)
    orders.must_be_of(order, member_id)
    row_carrier, row_tracking = _parcel(carrier, tracking)
    states.move(row, S.RETURNING, actor=audit.Actor.member(member_id), now=now)
    row.return_carrier, row.return_tracking = row_carrier, row_tracking


def take_back(
    aftersale_id: int, *, is_restocked: bool, actor: audit.Actor, now: datetime
) -> AfterSale:
    """The goods are here (确认收到退货): a return is refunded, an exchange is sent next.

    Goods that were handed over in the shop skip the parcel.

    Raises NotFound, OwnAfterSale, IllegalMove.
    """
    order, row = states.locked(aftersale_id)
    states.never_own(order, actor)
    if row.status is S.APPROVED and row.kind is not AfterSaleKind.REFUND:
        states.move(row, S.RETURNING, actor=actor, now=now, note="当面退货")
    states.move(row, S.RETURNED, actor=actor, now=now)
    row.is_restocked = is_restocked
    if is_restocked:
        stock.put_back(row, "退货入库", now)
    if row.kind is AfterSaleKind.RETURN:
        refunds.begin(order, row, actor=actor, now=now)
    return row


def send_again(
    aftersale_id: int, *, carrier: str, tracking: str, actor: audit.Actor, now: datetime
) -> None:
    """Send the new goods of an exchange (换货发出).

    Raises NotFound, OwnAfterSale, IllegalMove, InvalidInput, OutOfStock.
    """
    order, row = states.locked(aftersale_id)
    states.never_own(order, actor)
    row_carrier, row_tracking = _parcel(carrier, tracking)
    states.move(row, S.EXCHANGED, actor=actor, now=now)
    row.resend_carrier, row.resend_tracking = row_carrier, row_tracking
    stock.take_again(row, now)
    states.end(order, row, now)
    outbox.publish("aftersale_exchanged", row.id, now=now)


def _parts_to_refund(
    order: Order, wanted: Sequence[Wanted], *, freight_fen: int, reason: str
) -> list[limits.Part]:
    if not order.is_paid:
        raise NotAskable("订单没有付款，不能退款")
    reasons.given(reason, "请填写退款原因，买家会看到", most=_REASON_MAX)
    if not 0 <= freight_fen <= order.freight_fen - order.freight_refunded_fen:
        raise InvalidInput("freight", "退回的运费不能超过还没退的运费")
    parts = limits.parts_of(order, AfterSaleKind.REFUND, wanted) if wanted else []
    if not parts and not freight_fen:
        raise InvalidInput("items", "请填写要退款的金额")
    return parts


def _open(
    order: Order,
    kind: AfterSaleKind,
    parts: Sequence[limits.Part],
    *,
    freight_fen: int,
    reason: str,
    description: str,
    pictures: Sequence[str],
    actor: audit.Actor,
    now: datetime,
) -> AfterSale:
    require_transaction()
    row = AfterSale(
        number=ids.public_number("S", now),
        order_id=order.id,
        member_id=order.member_id,
        kind=kind,
        status=S.APPLIED,
        reason=reason,
        description=description,
        pictures=list(pictures),
        goods_fen=sum(part.amount_fen for part in parts),
        freight_fen=freight_fen,
        created_at=now,
    )
    db.session.add(row)
    db.session.flush()
    for part in parts:
        item = AfterSaleItem(
            aftersale_id=row.id,
            line_id=part.line.id,
            open_line_id=part.line.id,
            quantity=part.quantity,
            amount_fen=part.amount_fen,
        )
        if not add_once(item):
            raise AlreadyOpen()
    states.record(row, "", S.APPLIED, actor=actor, now=now, note=reason)
    orders.aftersale_opened(order)
    outbox.publish("aftersale_opened", row.id, now=now)
    db.session.refresh(row)
    return row


def _parcel(carrier: str, tracking: str) -> tuple[str, str]:
    carrier, tracking = carrier.strip(), tracking.strip()
    if not 1 <= len(carrier) <= 30:
        raise InvalidInput("carrier", "请填写快递公司")
    if not _TRACKING.fullmatch(tracking):
        raise InvalidInput("tracking", "快递单号应为 6 到 40 位数字或字母")
    return carrier, tracking
