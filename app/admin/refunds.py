"""Money given back on the shop's own word: refunds of orders, of late money, by hand."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import aftersales, commission, members, orders
from app.admin import aftersales as desk
from app.admin import auth
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.words import aftersales as said
from app.aftersales import Refund, Wanted
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import InvalidInput, NotFound
from app.core.money import parse_yuan
from app.orders import Order, OrderStatus


@bp.get("/orders/<number>/refund")
@requires(Permission.AFTERSALE_REFUND)
def refund_order(number: str) -> ResponseReturnValue:
    """The form of a refund that the shop makes by itself (主动退款)."""
    return _form(orders.order_by_number(number))


@bp.post("/orders/<number>/refund")
@requires(Permission.AFTERSALE_REFUND)
def refund_order_make(number: str) -> ResponseReturnValue:
    """First what it would do, distributors included; then, confirmed, the refund."""
    order = orders.order_by_number(number)
    order_id, to_balance = order.id, orders.balance.paid_with_balance(order)
    try:
        wanted, freight_fen = _typed(order)
        if "confirmed" not in request.form:
            return _summary(order, wanted, freight_fen)
        row = run_unit(
            aftersales.refund_now,
            order_id,
            wanted=wanted,
            freight_fen=freight_fen,
            reason=web.form_text("reason", 40),
            actor=auth.actor(),
            now=clock.now(),
            seen_refunded_fen=web.whole_number(request.form.get("seen_fen", "")) or 0,
        )
    except InvalidInput as error:
        db.session.rollback()
        found = orders.order_by_number(number)
        return _form(found, {error.field or "": error.message}), error.status
    made = row.number
    desk.tell_refund(row.id)
    flash("已退款，钱已退回买家的余额" if to_balance else "已退款，由任务在一分钟内发往微信")
    return redirect(url_for(".aftersale", number=made))


@bp.post("/aftersales/<number>/retry")
@requires(Permission.AFTERSALE_REFUND)
def refund_retry(number: str) -> ResponseReturnValue:
    """Send an abnormal refund again, under the same number."""
    run_unit(aftersales.retry, _refund(number).id, actor=auth.actor(), now=clock.now())
    flash("已重新发起，由任务在一分钟内发往微信")
    return redirect(url_for(".aftersale", number=number))


@bp.post("/aftersales/<number>/by-hand")
@requires(Permission.AFTERSALE_REFUND)
def refund_by_hand(number: str) -> ResponseReturnValue:
    """Two people say that an abnormal refund was paid by bank transfer."""
    try:
        is_booked = run_unit(
            aftersales.pay_by_hand,
            _refund(number).id,
            note=web.form_text("note"),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        db.session.rollback()
        return desk.aftersale_page(number, {error.field or "": error.message}), error.status
    if is_booked:
        flash("已确认线下退款，售后完成")
    else:
        flash("已登记，需要另一位管理员确认后才算退款完成", "warning")
    return redirect(url_for(".aftersale", number=number))


@bp.post("/oddities/<int:oddity_id>/refund")
@requires(Permission.AFTERSALE_REFUND)
def refund_oddity(oddity_id: int) -> ResponseReturnValue:
    """Send late or double money back, or once more where WeChat refused it."""
    now = clock.now()
    known = aftersales.refund_of_oddity(oddity_id)
    if known is None:
        run_unit(aftersales.begin_late, oddity_id, actor=auth.actor(), now=now)
        flash("已发起退款，由任务在一分钟内发往微信，原路退回买家")
    else:
        run_unit(aftersales.retry, known.id, actor=auth.actor(), now=now)
        flash("已重新发起，由任务在一分钟内发往微信")
    return redirect(url_for(".oddities"))


def _refund(number: str) -> Refund:
    found = aftersales.refund_of(aftersales.aftersale_by_number(number).id)
    if found is None:
        raise NotFound("这笔售后还没有退款单")
    return found


def _typed(order: Order) -> tuple[list[Wanted], int]:
    """What was typed of lines and freight. Raises InvalidInput."""
    wanted = []
    for line in order.lines:
        amount = web.form_text(f"amount-{line.id}", 20).strip()
        if not amount:
            continue
        pieces = web.whole_number(web.form_text(f"quantity-{line.id}", 4).strip() or "0")
        if pieces is None:
            raise InvalidInput(f"quantity-{line.id}", "请填写整数")
        fen = parse_yuan(amount, field=f"amount-{line.id}", label="退款金额")
        if fen:
            wanted.append(Wanted(line.id, pieces, fen))
    freight = web.form_text("freight", 20).strip()
    return wanted, parse_yuan(freight, field="freight", label="运费") if freight else 0


def _form(order: Order, errors: dict[str, str] | None = None) -> str:
    if not order.is_paid:
        raise aftersales.NotAskable("订单没有付款，不能退款")
    return render_template(
        "admin/refund.html",
        order=order,
        to_balance=orders.balance.paid_with_balance(order),
        said=said,
        open_lines=aftersales.open_line_ids(order.id),
        freight_left=order.freight_fen - order.freight_refunded_fen,
        refunded_fen=aftersales.refunded_of(order),
        is_unsent=order.status is OrderStatus.PAID,
        pieces_left=aftersales.pieces_left,
        typed=request.form,
        errors=errors or {},
        summary=None,
    )


def _summary(order: Order, wanted: list[Wanted], freight_fen: int) -> str:
    """What the refund would do. Raises InvalidInput, NotAskable."""
    goods_fen = aftersales.check_refund(
        order, wanted=wanted, freight_fen=freight_fen, reason=web.form_text("reason", 40)
    )
    lines = {line.id: line for line in order.lines}
    losses = commission.losses(order.lines, {want.line_id: want.amount_fen or 0 for want in wanted})
    return render_template(
        "admin/refund_confirm.html",
        order=order,
        to_balance=orders.balance.paid_with_balance(order),
        buyer=members.get(order.member_id),
        rows=[(want, lines[want.line_id]) for want in wanted],
        freight_fen=freight_fen,
        total_fen=goods_fen + freight_fen,
        refunded_fen=aftersales.refunded_of(order),
        reason=web.form_text("reason", 40).strip(),
        losses=losses,
        lost_fen=sum(loss.lost_fen for loss in losses),
        people=members.names_of(loss.row.member_id for loss in losses),
        typed=request.form,
        said=said,
    )
