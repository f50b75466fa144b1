"""A member's orders (我的订单): watching, cancelling, receiving, invoices."""

from collections.abc import Sequence

from flask import Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import aftersales, audit, catalog, orders, outbox, reviews, wechat
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput, NotFound
from app.distribution import pictures
from app.mall import words
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp
from app.orders import Order, OrderStatus, Trace, TraceProvider

_CLOSE_WORDS = {
    "closed": "订单已取消",
    "unclear": "正在与微信支付确认，订单稍后会关闭",
    "not_open": "订单状态已变化，请以页面显示为准",
    "paid": "订单已经支付成功，不能取消",
    "known": "订单已经支付成功，不能取消",
}


@bp.get("/orders")
@members_only
def order_list() -> ResponseReturnValue:
    member_id = current_member().id
    tab, statuses = _tab(request.args.get("tab", ""))
    counts = orders.counts_by_status(member_id)
    wanted = request.args.get("q", "").strip()[:40]
    return render_template(
        "mall/orders.html",
        page=orders.orders_of(member_id, statuses or None, wanted=wanted, before=web.page_before()),
        wanted=wanted,
        tab=tab,
        left=seconds_left,
        tabs=[
            (key, title, sum(counts.get(status, 0) for status in wanted))
            for key, title, wanted in words.orders.ORDER_TABS
        ],
        words=words,
    )


@bp.get("/orders/<number>")
@members_only
def order_page(number: str) -> ResponseReturnValue:
    order = my_order(number)
    is_in_time = bool(aftersales.kinds_for(order, clock.now()))
    asked = aftersales.aftersales_of_order(order.id)
    taken = aftersales.open_line_ids(order.id) if asked else set()
    may_ask = is_in_time and any(
        line.id not in taken and line.refunded_fen < line.paid_fen for line in order.lines
    )
    return render_template(
        "mall/order.html",
        order=order,
        steps=words.orders.order_steps(order),
        sentence=words.orders.order_sentence(
            order, is_in_time=is_in_time, is_under_way=bool(taken) and not may_ask
        ),
        invoice=orders.invoices.of_order(order.id),
        by_balance=orders.balance.paid_with_balance(order),
        trace=next(iter(_traces(order)), None),
        reviewable=reviews.reviewable_lines(order.member_id, order.id, now=clock.now()),
        aftersales=asked,
        may_ask=may_ask,
        asked_until=aftersales.asked_until(order),
        words=words,
        closed_at=words.orders.closed_at(audit.moves_of("order", order.id)),
        seconds_left=seconds_left(order),
    )


@bp.get("/orders/<number>/traces")
@members_only
def order_traces(number: str) -> ResponseReturnValue:
    """Where the parcel is (物流)."""
    order = my_order(number)
    if not order.tracking_number:
        return redirect(url_for("mall.order_page", number=number))
    return render_template("mall/traces.html", order=order, traces=_traces(order))


@bp.get("/orders/<number>/pickup.png")
@members_only
def pickup_picture(number: str) -> ResponseReturnValue:
    """The pick-up code for the shop's scanner, while it may be used."""
    order = my_order(number)
    if order.pickup is None or order.status not in (OrderStatus.PAID, OrderStatus.SHIPPED):
        raise NotFound("提货码不存在或已失效")
    return Response(pictures.qr_png(order.pickup.code, size=480), mimetype="image/png")


@bp.post("/orders/<number>/cancel")
@members_only
def cancel_order(number: str) -> ResponseReturnValue:
    order = my_order(number)
    outcome = orders.close(
        order.id,
        actor=words.member_actor(current_member().id, web.remote_address()),
        gateway=wechat.current().pay,
        now=clock.now(),
    )
    flash(_CLOSE_WORDS.get(outcome, "订单状态已变化，请以页面显示为准"))
    return redirect(url_for("mall.order_page", number=number), 303)


@bp.post("/orders/<number>/receive")
@members_only
def receive_order(number: str) -> ResponseReturnValue:
    order_id, now = my_order(number).id, clock.now()
    actor = words.member_actor(current_member().id, web.remote_address())
    run_unit(orders.receive, order_id, actor=actor, now=now)
    # Distributors see their expected date at once.
    outbox.drain(now, subject=("order_received", order_id))
    flash("已确认收货")
    return redirect(url_for("mall.order_page", number=number), 303)


@bp.post("/orders/<number>/hide")
@members_only
def hide_order(number: str) -> ResponseReturnValue:
    """Take an order that is over out of the list (删除订单)."""
    run_unit(orders.hide, my_order(number).id, now=clock.now())
    flash("订单已删除")
    return redirect(url_for("mall.order_list"), 303)


@bp.post("/orders/<number>/again")
@members_only
def buy_again(number: str) -> ResponseReturnValue:
    """Put what is still for sale into the cart, and say what is not (再次购买)."""
    order = my_order(number)
    wishes = [(line.sku_id, line.quantity, line.title) for line in order.lines]
    member_id, left_out = current_member().id, []
    for sku_id, quantity, title in wishes:
        try:
            run_unit(orders.cart.add, member_id, sku_id, quantity, now=clock.now())
        except (InvalidInput, catalog.SoldOff, catalog.OutOfStock, orders.cart.CartFull) as error:
            left_out.append(f"“{title}”{error.message}")
    if len(left_out) < len(wishes):
        flash("已加入购物车")
    for said in left_out:
        flash(f"{said}，没有加入")
    return redirect(url_for("mall.cart"), 303)


# --- invoices ----------------------------------------------------------------------


@bp.get("/orders/<number>/invoice")
@members_only
def invoice(number: str) -> ResponseReturnValue:
    return _invoice_page(my_order(number), {"title_kind": "personal", "title": "个人"})


@bp.post("/orders/<number>/invoice")
@members_only
def request_invoice(number: str) -> ResponseReturnValue:
    order = my_order(number)
    typed = {
        name: web.form_text(name, 100) for name in ("title_kind", "title", "tax_number", "email")
    }
    try:
        run_unit(
            orders.invoices.request,
            order.id,
            orders.invoices.InvoiceInput(**typed),
            actor=words.member_actor(current_member().id, web.remote_address()),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _invoice_page(my_order(number), typed, error), error.status
    flash("发票申请已提交")
    return redirect(url_for("mall.invoice", number=number), 303)


def _invoice_page(order: Order, typed: dict[str, str], error: InvalidInput | None = None) -> str:
    return render_template(
        "mall/invoice.html",
        order=order,
        request_row=orders.invoices.of_order(order.id),
        typed=typed,
        error=error,
        words=words,
    )


def _traces(order: Order) -> Sequence[Trace]:
    provider: TraceProvider = current_app.extensions["traces"]
    return provider.traces(order)


def my_order(number: str) -> Order:
    """Raises NotFound for a number that is nobody's or another's."""
    return orders.order_of(current_member().id, number)


def _tab(key: str) -> tuple[str, tuple[OrderStatus, ...]]:
    for known, _title, statuses in words.orders.ORDER_TABS:
        if known == key:
            return key, statuses
    return "", ()


def seconds_left(order: Order) -> int:
    return max(0, int((order.expires_at - clock.now()).total_seconds()))
