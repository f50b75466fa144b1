"""Orders fetched at a shop: the counter where codes are redeemed, and the shops."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import orders, outbox
from app.admin import auth, lists, tables
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.orders import PICKUPS, pickup_status
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput
from app.orders import Order, pickups
from app.orders.pickups import ShopInput

_TABS = [("waiting", "等待提货"), ("taken", "已提货")]
_FIELDS = ("name", "region", "detail", "hours", "phone")


@bp.get("/pickups", endpoint="pickups")
@requires(Permission.ORDER_VIEW)
def pickup_counter() -> ResponseReturnValue:
    return tables.opening(PICKUPS) or _counter()


@bp.post("/pickups")
@requires(Permission.ORDER_SHIP)
def pickup_find() -> ResponseReturnValue:
    """Show what a code fetches, before it is handed over.

    A POST, because an address with a code in it would stay in logs.
    """
    code = web.form_text("code", 40)
    try:
        return _counter(code=code, found=pickups.order_for_code(code))
    except DomainError as error:
        return _counter(code=code, error=error.message), error.status


@bp.post("/pickups/redeem")
@requires(Permission.ORDER_SHIP)
def pickup_redeem() -> ResponseReturnValue:
    code, now = web.form_text("code", 40), clock.now()
    try:
        order = run_unit(pickups.redeem, code, actor=auth.actor(), now=now)
    except DomainError as error:
        return _counter(code=code, error=error.message), error.status
    number, pieces = order.number, sum(line.quantity for line in order.lines)
    # Distributors see their expected date at once.
    outbox.drain(now, subject=("order_received", order.id))
    flash(f"订单 {number} 已核销，共 {pieces} 件")
    return redirect(url_for(".pickups"))


@bp.get("/pickup-shops")
@requires(Permission.ORDER_VIEW)
def pickup_shops() -> ResponseReturnValue:
    return render_template("admin/pickup_shops.html", shops=pickups.shops())


@bp.get("/pickup-shops/new")
@requires(Permission.PICKUP_SHOP_CHANGE)
def pickup_shop_new() -> ResponseReturnValue:
    return _shop(None, {"is_open": "1"})


@bp.post("/pickup-shops/new")
@requires(Permission.PICKUP_SHOP_CHANGE)
def pickup_shop_create() -> ResponseReturnValue:
    return _save(None)


@bp.get("/pickup-shops/<int:shop_id>")
@requires(Permission.PICKUP_SHOP_CHANGE)
def pickup_shop(shop_id: int) -> ResponseReturnValue:
    shop = pickups.shop(shop_id)
    typed = {name: getattr(shop, name) for name in _FIELDS}
    return _shop(shop_id, {**typed, "is_open": "1" if shop.is_open else ""})


@bp.post("/pickup-shops/<int:shop_id>")
@requires(Permission.PICKUP_SHOP_CHANGE)
def pickup_shop_change(shop_id: int) -> ResponseReturnValue:
    return _save(shop_id)


def _counter(*, code: str = "", found: Order | None = None, error: str = "") -> str:
    state = lists.chosen(_TABS)
    counts = {"waiting": pickups.waiting_count()}
    return render_template(
        "admin/pickups.html",
        # Whoever looked a code up has one order to hand over.
        table=tables.show(PICKUPS, state=state) if request.method == "GET" else None,
        tabs=lists.tabs(_TABS, state, counts, alerts=["waiting"]),
        state=state,
        shops=[("", "全部"), *((shop.id, shop.name) for shop in pickups.shops())],
        status_of=pickup_status,
        code=code,
        found=found,
        error=error,
        may_redeem=auth.allowed(Permission.ORDER_SHIP),
        may_take=found is not None
        and found.status in (orders.OrderStatus.PAID, orders.OrderStatus.SHIPPED),
    )


def _save(shop_id: int | None) -> ResponseReturnValue:
    typed = {name: web.form_text(name, 120) for name in _FIELDS}
    is_open = request.form.get("is_open") == "1"
    try:
        run_unit(
            pickups.save_shop,
            shop_id,
            ShopInput(**typed, is_open=is_open),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        page = _shop(shop_id, {**typed, "is_open": "1" if is_open else ""}, error)
        return page, error.status
    flash("自提点已保存")
    return redirect(url_for(".pickup_shops"))


def _shop(shop_id: int | None, typed: dict[str, str], error: InvalidInput | None = None) -> str:
    return render_template(
        "admin/pickup_shop.html",
        shop_id=shop_id,
        typed=typed,
        errors={error.field: error.message} if error else {},
    )
