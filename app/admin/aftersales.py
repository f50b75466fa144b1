"""After-sales at the desk: the lists, one of them, and what is answered to the buyer."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import aftersales, commission, ledger, members, orders, outbox, settings
from app.admin import auth, lists, people, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.orders import AFTERSALES
from app.admin.words import aftersales as said
from app.aftersales import AfterSale, AfterSaleKind, AfterSaleStatus, RefundStatus
from app.core import clock, web
from app.core.db import db, run_unit
from app.core.errors import DomainError, InvalidInput

S = AfterSaleStatus
BATCH_MAX = 100
_KINDS = [("", "全部"), *((str(kind), text) for kind, text in said.KIND.items())]
_TABS = [(key, title) for key, title, _ in said.TABS]


@bp.get("/aftersales", endpoint="aftersales")
@requires(Permission.AFTERSALE_VIEW)
def aftersales_list() -> ResponseReturnValue:
    if (led := tables.opening(AFTERSALES)) is not None:
        return led
    state, kind = lists.chosen(_TABS), lists.chosen(_KINDS, "kind")
    table = tables.show(AFTERSALES, state=state, kind=kind)
    found = aftersales.counts_by_status()
    counts = {
        key: sum(found.get(status, 0) for status in wanted or AfterSaleStatus)
        for key, _, wanted in said.TABS
    }
    return render_template(
        "admin/aftersales.html",
        table=table,
        tabs=lists.tabs(
            _TABS, state, counts, alerts=["applied", "returning", "returned", "abnormal"]
        ),
        state=state,
        kind=kind,
        kinds=_KINDS,
        number=table.given["number"].upper(),
        said=said,
        may_batch=state == "applied" and auth.allowed(Permission.AFTERSALE_REVIEW),
    )


@bp.post("/aftersales/batch")
@requires(Permission.AFTERSALE_REVIEW)
def aftersales_batch() -> ResponseReturnValue:
    """First a summary of what would be refunded, then the refunds."""
    numbers = dict.fromkeys(request.form.getlist("ids")[:BATCH_MAX])
    chosen = [aftersales.aftersale_by_number(number[:32]) for number in numbers]
    rows = [row for row in chosen if row.kind is AfterSaleKind.REFUND and row.status is S.APPLIED]
    if not rows:
        flash("请勾选待审核的仅退款申请；退货和换货需要逐笔处理", "warning")
        return redirect(url_for(".aftersales", state="applied"))
    if "confirmed" not in request.form:
        return render_template(
            "admin/aftersales_batch.html",
            rows=rows,
            left_out=len(chosen) - len(rows),
            said=said,
            orders=orders.by_ids(row.order_id for row in rows),
            buyers=members.names_of(row.member_id for row in rows),
            total_fen=sum(row.amount_fen for row in rows),
        )
    done, refused = _approve_each([(row.id, row.number) for row in rows])
    if done:
        flash(f"已同意 {done} 笔，退款由任务在一分钟内发往微信，余额支付的已退回余额")
    for number, message in refused[:5]:
        flash(f"{number}：{message}", "error")
    if len(refused) > 5:
        flash(f"另有 {len(refused) - 5} 笔未能处理", "error")
    return redirect(url_for(".aftersales", state="applied"))


def _approve_each(rows: list[tuple[int, str]]) -> tuple[int, list[tuple[str, str]]]:
    """One unit each, so that one refusal does not stop the others."""
    actor, now = auth.actor(), clock.now()
    done, refused = 0, []
    for row_id, number in rows:
        try:
            run_unit(aftersales.approve, row_id, actor=actor, now=now, note="批量审核")
        except DomainError as error:
            refused.append((number, error.message))
            continue
        tell_refund(row_id)
        done += 1
    return done, refused


@bp.get("/aftersales/<number>")
@requires(Permission.AFTERSALE_VIEW)
def aftersale(number: str) -> ResponseReturnValue:
    return _page(number)


@bp.post("/aftersales/<number>/approve")
@requires(Permission.AFTERSALE_REVIEW)
def aftersale_approve(number: str) -> ResponseReturnValue:
    row_id = _id(number)
    row = run_unit(
        aftersales.approve,
        row_id,
        actor=auth.actor(),
        now=clock.now(),
        note=web.form_text("note"),
    )
    refunds, to_balance = row.kind is AfterSaleKind.REFUND, _to_balance(row)
    tell_refund(row_id)
    outbox.drain(clock.now(), subject=("aftersale_approved", row_id))
    flash(
        f"已同意，{said.under_way(to_balance)}"
        if refunds
        else "已同意，买家会收到退货地址和寄回期限"
    )
    return _back(number)


@bp.post("/aftersales/<number>/reject")
@requires(Permission.AFTERSALE_REVIEW)
def aftersale_reject(number: str) -> ResponseReturnValue:
    row_id = _id(number)
    try:
        run_unit(
            aftersales.reject,
            row_id,
            reason=web.form_text("reason"),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(number, {error.field or "": error.message}), error.status
    for topic in ("aftersale_ended", "aftersale_rejected"):
        outbox.drain(clock.now(), subject=(topic, row_id))
    flash("已拒绝，买家会看到原因")
    return _back(number)


@bp.post("/aftersales/<number>/take-back")
@requires(Permission.AFTERSALE_REVIEW)
def aftersale_take_back(number: str) -> ResponseReturnValue:
    """The goods are here: a return is refunded, an exchange is sent next."""
    row_id = _id(number)
    row = run_unit(
        aftersales.take_back,
        row_id,
        is_restocked="is_restocked" in request.form,
        actor=auth.actor(),
        now=clock.now(),
    )
    is_return, to_balance = row.kind is AfterSaleKind.RETURN, _to_balance(row)
    tell_refund(row_id)
    refunded = said.under_way(to_balance)
    flash(f"已收到退货，{refunded}" if is_return else "已收到退货，请寄出换货商品")
    return _back(number)


@bp.post("/aftersales/<number>/send-again")
@requires(Permission.AFTERSALE_REVIEW)
def aftersale_send_again(number: str) -> ResponseReturnValue:
    """The new goods of an exchange are on their way."""
    row_id = _id(number)
    carrier = web.form_text("carrier", 30)
    try:
        run_unit(
            aftersales.send_again,
            row_id,
            carrier=web.form_text("other_carrier", 30) if carrier == "other" else carrier,
            tracking=web.form_text("tracking", 40),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        field = error.field or ""
        if field == "carrier" and carrier == "other":
            field = "other_carrier"
        return _page(number, {field: error.message}), error.status
    for topic in ("aftersale_ended", "aftersale_exchanged"):
        outbox.drain(clock.now(), subject=(topic, row_id))
    flash("换货已发出，买家会看到快递单号")
    return _back(number)


def tell_refund(aftersale_id: int) -> None:
    """Deliver the news of a refund just agreed to, so that commissions follow at once."""
    refund = aftersales.refund_of(aftersale_id)
    refund_id = refund.id if refund else None
    db.session.rollback()
    outbox.drain(clock.now(), subject=("aftersale_opened", aftersale_id))
    if refund_id is not None:
        outbox.drain(clock.now(), subject=("refund_approved", refund_id))


def _to_balance(row: AfterSale) -> bool:
    return orders.balance.paid_with_balance(orders.by_ids([row.order_id])[row.order_id])


def _page(number: str, errors: dict[str, str] | None = None) -> str:
    row = aftersales.aftersale_by_number(number)
    order = orders.by_ids([row.order_id])[row.order_id]
    lines = {line.id: line for line in order.lines}
    refund = aftersales.refund_of(row.id)
    sees_books = auth.allowed(Permission.LEDGER_VIEW)
    earned = commission.commissions_of_order(order.id)
    is_own = auth.current_admin().member_id == row.member_id
    may_review = auth.allowed(Permission.AFTERSALE_REVIEW) and not is_own
    may_refund = (
        refund is not None
        and not is_own
        and refund.status is RefundStatus.ABNORMAL
        and auth.allowed(Permission.AFTERSALE_REFUND)
    )
    waits_for_goods = row.status is S.RETURNING or (
        # Handed over in the shop, without a parcel.
        row.status is S.APPROVED and row.kind is not AfterSaleKind.REFUND
    )
    return render_template(
        "admin/aftersale.html",
        row=row,
        order=order,
        to_balance=orders.balance.paid_with_balance(order),
        items=[(item, lines[item.line_id]) for item in row.items],
        buyer=members.get(row.member_id),
        habit=aftersales.habit_of(row.member_id),
        earlier=[old for old in aftersales.aftersales_of_order(order.id) if old.id != row.id],
        refund=refund,
        losses=commission.losses(order.lines, {item.line_id: item.amount_fen for item in row.items})
        if row.status in (S.APPLIED, S.APPROVED, S.RETURNING)
        else [],
        postings=ledger.postings_of(("order", order.id)) if sees_books else [],
        people=members.names_of({row.member_id, *(found.member_id for found in earned)}),
        timeline=people.timeline("aftersale", row.id, said.STEP),
        said=said,
        may_decide=may_review and row.status is S.APPLIED,
        may_take_back=may_review and waits_for_goods,
        may_refuse_goods=may_review and row.status is S.RETURNING,
        may_send=may_review and row.status is S.RETURNED and row.kind is AfterSaleKind.EXCHANGE,
        may_refund=may_refund,
        is_own=is_own,
        first=people.names([row.manual_first]).get(row.manual_first, ""),
        is_first_mine=row.manual_first == auth.actor().ref,
        has_address=bool(settings.value(settings.registry.RETURN_ADDRESS)),
        carriers=words.orders.carrier_choices(),
        typed=request.form,
        errors=errors or {},
    )


def aftersale_page(number: str, errors: dict[str, str]) -> str:
    """The page with errors at its fields, for the views about its refund."""
    return _page(number, errors)


def _id(number: str) -> int:
    found: AfterSale = aftersales.aftersale_by_number(number)
    return found.id


def _back(number: str) -> ResponseReturnValue:
    db.session.rollback()
    return redirect(url_for(".aftersale", number=number))
