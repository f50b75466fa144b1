"""A member's orders (我的订单): paying, watching, cancelling, receiving."""

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import audit, orders, outbox, settings, wechat
from app.core import clock, web
from app.core.db import run_unit
from app.mall import words
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp, shop_settings
from app.orders import Order, OrderStatus, PrepayRefused

# How often one order may make us ask WeChat, however many pages poll.
ASK_SECONDS = 3

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
    return render_template(
        "mall/orders.html",
        page=orders.orders_of(member_id, statuses or None, before=web.page_before()),
        tab=tab,
        tabs=[
            (key, title, sum(counts.get(status, 0) for status in wanted))
            for key, title, wanted in words.ORDER_TABS
        ],
        words=words,
    )


@bp.get("/orders/<number>")
@members_only
def order_page(number: str) -> ResponseReturnValue:
    order = _mine(number)
    return render_template(
        "mall/order.html",
        order=order,
        steps=words.order_steps(order),
        sentence=words.ORDER_SENTENCE[order.status],
        closed_at=words.closed_at(audit.moves_of("order", order.id)),
        seconds_left=_seconds_left(order),
    )


@bp.get("/orders/<number>/pay")
@members_only
def pay_order(number: str) -> ResponseReturnValue:
    order = _mine(number)
    if order.status is not OrderStatus.UNPAID:
        return redirect(url_for("mall.order_page", number=number))
    return render_template("mall/pay.html", order=order, seconds_left=_seconds_left(order))


@bp.post("/orders/<number>/sheet")
@members_only
def paying_sheet(number: str) -> ResponseReturnValue:
    """What the page hands to WeChat to open the paying sheet."""
    order = _mine(number)
    shop = shop_settings()[settings.registry.SHOP_NAME.key]
    try:
        sheet = orders.paying_sheet(
            order.id,
            description=f"{shop}-{order.lines[0].title}"[:40],
            gateway=wechat.current().pay,
            now=clock.now(),
        )
    except PrepayRefused:
        return jsonify(code="wechat_unavailable", message="微信支付暂时没有响应，请稍后再试"), 503
    return jsonify(sheet)


@bp.get("/orders/<number>/result")
@members_only
def order_result(number: str) -> ResponseReturnValue:
    return render_template("mall/result.html", order=_mine(number))


@bp.get("/orders/<number>/state")
@members_only
def order_state(number: str) -> ResponseReturnValue:
    """Whether it is paid by now; asks WeChat itself when no notice came yet."""
    order = _mine(number)
    if order.status is OrderStatus.UNPAID and _may_ask(order):
        payment = orders.open_payment(order.id)
        if payment is not None and payment.prepay_id:
            orders.ask(payment.id, gateway=wechat.current().pay, now=clock.now())
            order = _mine(number)
    return jsonify(paid=order.is_paid, status=order.status.value)


@bp.post("/orders/<number>/cancel")
@members_only
def cancel_order(number: str) -> ResponseReturnValue:
    order = _mine(number)
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
    order_id, now = _mine(number).id, clock.now()
    actor = words.member_actor(current_member().id, web.remote_address())
    run_unit(orders.receive, order_id, actor=actor, now=now)
    # Distributors see their expected date at once.
    outbox.drain(now, subject=("order_received", order_id))
    flash("已确认收货")
    return redirect(url_for("mall.order_page", number=number), 303)


def _mine(number: str) -> Order:
    return orders.order_of(current_member().id, number)


def _tab(key: str) -> tuple[str, tuple[OrderStatus, ...]]:
    for known, _title, statuses in words.ORDER_TABS:
        if known == key:
            return key, statuses
    return "", ()


def _seconds_left(order: Order) -> int:
    return max(0, int((order.expires_at - clock.now()).total_seconds()))


def _may_ask(order: Order) -> bool:
    key = f"asked_order:{order.number}"
    if web.cache().get(key):
        return False
    web.cache().set(key, True, ASK_SECONDS)
    return True
