"""Orders: the list, the facts of one, shipping."""

from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import aftersales, audit, commission, ledger, members, orders
from app.admin import auth, lists, people, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables import masks
from app.admin.tables.orders import ORDERS
from app.core import clock, web
from app.core.crypto import mask_phone
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.orders import OrderStatus

_TABS = [
    ("", "全部"),
    *(
        (status.value, words.orders.ORDER[status][0])
        for status in (
            OrderStatus.PAID,
            OrderStatus.SHIPPED,
            OrderStatus.RECEIVED,
            OrderStatus.FINISHED,
            OrderStatus.REFUNDED,
            OrderStatus.UNPAID,
            OrderStatus.CLOSING,
            OrderStatus.CLOSED,
        )
    ),
]


@bp.get("/orders", endpoint="orders")
@requires(Permission.ORDER_VIEW)
def orders_list() -> ResponseReturnValue:
    if (led := tables.opening(ORDERS)) is not None:
        return led
    state = lists.chosen(_TABS)
    table = tables.show(ORDERS, state=state)
    counts = {status.value: count for status, count in orders.counts_for_desk().items()}
    return render_template(
        "admin/orders.html",
        table=table,
        tabs=lists.tabs(
            _TABS, state, counts | {"": sum(counts.values())}, alerts=[OrderStatus.PAID]
        ),
        state=state,
        number=table.given["number"].upper(),
    )


@bp.get("/orders/<number>")
@requires(Permission.ORDER_VIEW)
def order(number: str) -> ResponseReturnValue:
    return _page(number)


@bp.post("/orders/<number>/phone")
@requires(Permission.PERSONAL_DATA_VIEW)
def order_phone(number: str) -> ResponseReturnValue:
    """Show the receiver's phone once; a POST, so that who looked is kept."""
    found = orders.order_by_number(number)
    run_unit(
        audit.record,
        "order.reveal_phone",
        subject="order",
        subject_id=found.id,
        actor=auth.actor(),
        now=clock.now(),
    )
    return _page(number, show_phone=True)


@bp.post("/orders/<number>/ship")
@requires(Permission.ORDER_SHIP)
def order_ship(number: str) -> ResponseReturnValue:
    found = orders.order_by_number(number)
    carrier = web.form_text("carrier", 30)
    try:
        run_unit(
            orders.ship,
            found.id,
            carrier=web.form_text("other_carrier", 30) if carrier == "other" else carrier,
            tracking_number=web.form_text("tracking_number", 40),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        field = error.field or ""
        if field == "carrier" and carrier == "other":
            field = "other_carrier"
        return _page(number, errors={field: error.message}), error.status
    flash(f"订单 {number} 已发货")
    return redirect(url_for(".order", number=number))


@bp.post("/orders/<number>/deliver")
@requires(Permission.ORDER_SHIP)
def order_deliver(number: str) -> ResponseReturnValue:
    """Hand virtual goods over: what is typed here the buyer reads."""
    found, now = orders.order_by_number(number), clock.now()
    try:
        run_unit(
            orders.deliver,
            found.id,
            note=web.form_text("note", 600),
            actor=auth.actor(),
            now=now,
        )
    except InvalidInput as error:
        return _page(number, errors={error.field or "": error.message}), error.status
    flash(f"订单 {number} 已交付，买家可以看到交付内容")
    return redirect(url_for(".order", number=number))


@bp.post("/orders/<number>/ready")
@requires(Permission.ORDER_SHIP)
def order_ready(number: str) -> ResponseReturnValue:
    """The goods of a pick-up wait at the shop."""
    found, now = orders.order_by_number(number), clock.now()
    run_unit(orders.pickups.ready, found.id, actor=auth.actor(), now=now)
    flash(f"订单 {number} 已备好货，等待顾客提货")
    return redirect(url_for(".order", number=number))


@bp.post("/orders/<number>/traces")
@requires(Permission.ORDER_SHIP)
def order_trace(number: str) -> ResponseReturnValue:
    found, now = orders.order_by_number(number), clock.now()
    try:
        run_unit(
            orders.traces.add_trace,
            found.id,
            at=_moment(web.form_text("at", 30), now),
            text=web.form_text("text", 130),
            actor=auth.actor(),
            now=now,
        )
    except InvalidInput as error:
        return _page(number, errors={error.field or "": error.message}), error.status
    flash("物流信息已录入，买家可以看到")
    return redirect(url_for(".order", number=number))


@bp.post("/orders/<number>/traces/<int:trace_id>/delete")
@requires(Permission.ORDER_SHIP)
def order_trace_delete(number: str, trace_id: int) -> ResponseReturnValue:
    found = orders.order_by_number(number)
    run_unit(orders.traces.delete_trace, found.id, trace_id, actor=auth.actor(), now=clock.now())
    flash("物流信息已删除")
    return redirect(url_for(".order", number=number))


def _moment(text: str, now: datetime) -> datetime:
    """A typed time of the wall clock; the present for none."""
    if not text:
        return now
    try:
        return clock.parse(text)
    except ValueError as error:
        raise InvalidInput("at", "时间格式不正确") from error


def _page(number: str, *, show_phone: bool = False, errors: dict[str, str] | None = None) -> str:
    found = orders.order_by_number(number)
    seats = orders.seats_of(found.id)
    earned = commission.commissions_of_order(found.id)
    postings = (
        ledger.postings_of(("order", found.id)) if auth.allowed(Permission.LEDGER_VIEW) else []
    )
    people_ids = {found.member_id, *(seat.member_id for seat in seats)}
    return render_template(
        "admin/order.html",
        order=found,
        seats=seats,
        payments=orders.payments_of(found.id),
        earned=earned,
        postings=postings,
        people=members.names_of(people_ids | {row.member_id for row in earned}),
        phone=found.receiver_phone if show_phone else mask_phone(found.receiver_phone),
        show_phone=show_phone,
        receiver=found.receiver_name
        if auth.allowed(Permission.PAYEE_DATA_VIEW)
        else masks.mask_name(found.receiver_name),
        timeline=people.timeline("order", found.id, words.orders.ORDER),
        may_ship=found.status is OrderStatus.PAID
        and found.pickup is None
        and not found.is_virtual
        and auth.allowed(Permission.ORDER_SHIP),
        may_deliver=found.status is OrderStatus.PAID
        and found.is_virtual
        and auth.allowed(Permission.ORDER_SHIP),
        note_max=orders.DELIVERY_NOTE_MAX,
        may_trace=found.tracking_number != "" and auth.allowed(Permission.ORDER_SHIP),
        aftersales=aftersales.aftersales_of_order(found.id),
        said=words.aftersales,
        may_refund=found.is_paid
        and aftersales.refunded_of(found) < found.payable_fen
        and auth.allowed(Permission.AFTERSALE_REFUND),
        traces=orders.traces.entered(found.id),
        invoice=orders.invoices.of_order(found.id),
        typed=request.form,
        errors=errors or {},
    )
