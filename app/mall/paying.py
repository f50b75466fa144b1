"""Paying an order (付款): WeChat's sheet, the balance, and what came of it."""

from flask import jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import orders, settings, wechat
from app.core import clock
from app.core.db import db
from app.core.errors import DomainError
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp, shop_settings
from app.mall.limits import may_ask
from app.mall.orders import my_order, seconds_left
from app.orders import Order, OrderStatus, PrepayRefused
from app.orders.errors import BalanceClosed, BalanceShort, InDebt, NotPayable


@bp.get("/orders/<number>/pay")
@members_only
def pay_order(number: str) -> ResponseReturnValue:
    order = my_order(number)
    if order.status is not OrderStatus.UNPAID:
        return redirect(url_for("mall.order_page", number=number))
    return _pay_page(order)


def _pay_page(order: Order, error: DomainError | None = None) -> str:
    offer = orders.balance.offer(order.member_id)
    reaches = offer is not None and offer.reaches(order.payable_fen)
    return render_template(
        "mall/pay.html",
        order=order,
        seconds_left=seconds_left(order),
        offer=offer,
        by_balance=reaches and request.args.get("way") == "balance",
        reaches=reaches,
        error=error,
    )


@bp.post("/orders/<number>/balance")
@members_only
def pay_with_balance(number: str) -> ResponseReturnValue:
    """Pay the whole order with what the member earned (余额支付)."""
    order = my_order(number)
    order_id, now = order.id, clock.now()
    try:
        orders.pay_with_balance(
            current_member().id, order_id, gateway=wechat.current().pay, now=now
        )
    except NotPayable:
        db.session.rollback()
        return redirect(url_for("mall.order_result", number=number), 303)
    except (BalanceClosed, BalanceShort, InDebt) as error:
        db.session.rollback()
        return _pay_page(my_order(number), error), error.status
    return redirect(url_for("mall.order_result", number=number), 303)


@bp.post("/orders/<number>/sheet")
@members_only
def paying_sheet(number: str) -> ResponseReturnValue:
    """What the page hands to WeChat to open the paying sheet."""
    order_id, title = orders.named(current_member().id, number)
    try:
        return jsonify(_sheet(order_id, title))
    except PrepayRefused:
        return jsonify(code="wechat_unavailable", message="微信支付暂时没有响应，请稍后再试"), 503


def placed(order_id: int, number: str, title: str, bill: orders.Bill | None) -> ResponseReturnValue:
    """What the checkout goes on with: the sheet, and the pages behind it.

    Without a sheet, because WeChat gave none or the order is paid already, the page of
    paying says what is to be done.
    """
    try:
        sheet = _sheet(order_id, title, bill)
    except (PrepayRefused, NotPayable):
        sheet = None
    return jsonify(
        sheet=sheet,
        pay=url_for("mall.pay_order", number=number),
        result=url_for("mall.order_result", number=number),
    )


def _sheet(order_id: int, title: str, bill: orders.Bill | None = None) -> dict[str, str]:
    """Raises NotPayable, PrepayRefused."""
    shop = shop_settings()[settings.registry.SHOP_NAME.key]
    return orders.paying_sheet(
        order_id,
        description=f"{shop}-{title}"[:40],
        gateway=wechat.current().pay,
        now=clock.now(),
        bill=bill,
    )


@bp.get("/orders/<number>/result")
@members_only
def order_result(number: str) -> ResponseReturnValue:
    return render_template("mall/result.html", order=my_order(number))


@bp.get("/orders/<number>/state")
@members_only
def order_state(number: str) -> ResponseReturnValue:
    """Whether it is paid by now; asks WeChat itself when no notice came yet."""
    order = my_order(number)
    if order.status is OrderStatus.UNPAID and may_ask(order.number):
        payment = orders.open_payment(order.id)
        if payment is not None and payment.prepay_id:
            orders.ask(payment.id, gateway=wechat.current().pay, now=clock.now())
            order = my_order(number)
    return jsonify(paid=order.is_paid, status=order.status.value)
