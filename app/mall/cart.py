"""The cart's page (购物车). Each change is a form of its own, so that it works
without a script; with one, htmx swaps the cart in place."""

from flask import flash, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core import web
from app.core.errors import DomainError, InvalidInput
from app.mall import carts
from app.mall.auth import open_page
from app.mall.blueprint import bp
from app.orders import QUANTITY_MAX


@bp.get("/cart")
@open_page
def cart() -> ResponseReturnValue:
    return render_template("mall/cart.html", cart=carts.current().contents())


@bp.post("/cart")
@open_page
def cart_add() -> ResponseReturnValue:
    """Put a SKU in. A script is told what the badge says; a form goes to the cart."""
    mine = carts.current()
    mine.add(_sku(), _quantity())
    if web.wants_json():
        return jsonify(count=mine.count(), message="已加入购物车")
    flash("已加入购物车")
    return redirect(url_for("mall.cart"), 303)


@bp.post("/cart/quantity")
@open_page
def cart_quantity() -> ResponseReturnValue:
    try:
        carts.current().set_quantity(_sku(), _quantity())
    except DomainError as error:
        # The page shows what there is now; a page that only refuses would lose it.
        flash(error.message)
    return redirect(url_for("mall.cart"), 303)


@bp.post("/cart/tick")
@open_page
def cart_tick() -> ResponseReturnValue:
    wanted = None if request.form.get("all") else [_sku()]
    carts.current().tick(wanted, is_ticked=request.form.get("on") == "1")
    return redirect(url_for("mall.cart"), 303)


@bp.post("/cart/remove")
@open_page
def cart_remove() -> ResponseReturnValue:
    carts.current().remove([_sku()])
    return redirect(url_for("mall.cart"), 303)


@bp.post("/cart/tidy")
@open_page
def cart_tidy() -> ResponseReturnValue:
    """Throw out what nobody can buy any more (清理失效商品)."""
    mine = carts.current()
    gone = [row.sku.id for row in mine.contents().gone]
    mine.remove(gone)
    flash(f"已清理 {len(gone)} 件失效商品" if gone else "没有失效商品")
    return redirect(url_for("mall.cart"), 303)


def cart_count() -> int:
    """For the badge of the tab bar, as it was when the page was asked for."""
    return g.member.cart_count if g.get("member") else carts.current().count()


bp.context_processor(lambda: {"cart_count": cart_count})


def _sku() -> int:
    found = web.whole_number(request.form.get("sku", ""))
    if found is None:
        raise InvalidInput("sku", "请选择商品规格")
    return found


def _quantity() -> int:
    found = web.whole_number(request.form.get("quantity", "1"))
    if found is None:
        raise InvalidInput("quantity", f"数量应为 1 到 {QUANTITY_MAX} 的整数")
    return found
