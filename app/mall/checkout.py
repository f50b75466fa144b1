"""Checkout (结算): what was chosen, every part of the price, one tap to order.

The page carries what it showed: the SKUs, the quantities and the prices. What is
ordered is priced by the server again; where that differs from what was shown
nothing is ordered, and the page says what changed.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app import catalog, members, orders
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.money import format_yuan
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp
from app.members import AddressInput
from app.orders import Item, Order, cart
from app.orders.errors import PriceChanged

_REQUEST_KEY = re.compile(r"[\w-]{16,64}", re.ASCII)


@dataclass(frozen=True)
class Wanted:
    """What the page is about: a choice from the cart, or one thing bought at once."""

    items: list[Item]
    from_cart: bool
    # What each piece cost on the page, by SKU; empty where no page was shown yet.
    shown_fen: Mapping[int, int]

    @property
    def back(self) -> dict[str, int]:
        """The arguments that lead to this checkout again."""
        if self.from_cart:
            return {"cart": 1}
        return {"sku": self.items[0].sku_id, "quantity": self.items[0].quantity}


@bp.get("/checkout")
@members_only
def checkout() -> ResponseReturnValue:
    wanted = _from_address()
    if not wanted.items:
        flash("请先选择要结算的商品")
        return redirect(url_for("mall.cart"))
    return _page(wanted, request_key=secrets.token_urlsafe(24))


@bp.post("/checkout")
@members_only
def place_order() -> ResponseReturnValue:
    wanted = _from_page(request.form)
    key = request.form.get("request_key", "")
    if not _REQUEST_KEY.fullmatch(key):
        raise InvalidInput("request_key", "页面已失效，请返回商品页重新下单")
    typed = {name: web.form_text(name, 200) for name in ("name", "phone", "region", "detail")}
    remark = web.form_text("remark", 200)
    try:
        placed = run_unit(
            _place,
            current_member().id,
            wanted,
            address=AddressInput(**typed) if "name" in request.form else None,
            remark=remark,
            request_key=key,
            expected_fen=web.whole_number(request.form.get("expected_fen", "")) or 0,
            now=clock.now(),
        )
    except catalog.SoldOff:
        if not wanted.from_cart:
            raise
        flash("有商品刚刚下架，订单没有提交")
        return redirect(url_for("mall.cart"), 303)
    except (InvalidInput, PriceChanged, catalog.OutOfStock) as error:
        page = _page(wanted, request_key=key, typed=typed, remark=remark, error=error)
        return page, error.status
    return redirect(url_for("mall.pay_order", number=placed.number), 303)


def _place(
    member_id: int,
    wanted: Wanted,
    *,
    address: AddressInput | None,
    remark: str,
    request_key: str,
    expected_fen: int,
    now: datetime,
) -> Order:
    """One unit: a first address is kept exactly when the order is."""
    kept = (
        members.save_address(member_id, address, now=now)
        if address is not None
        else members.default_address(member_id)
    )
    if kept is None:
        raise InvalidInput("name", "请填写收货地址")
    return orders.place(
        member_id,
        items=wanted.items,
        address_id=kept.id,
        request_key=request_key,
        expected_fen=expected_fen,
        now=now,
        remark=remark,
        from_cart=wanted.from_cart,
    )


def _page(
    wanted: Wanted,
    *,
    request_key: str,
    typed: Mapping[str, str] | None = None,
    remark: str = "",
    error: DomainError | None = None,
) -> str:
    quoted = orders.quote(wanted.items)
    return render_template(
        "mall/checkout.html",
        wanted=wanted,
        quote=quoted,
        changes=_changes(wanted, quoted.lines),
        is_short=any(line.sku.stock < line.quantity for line in quoted.lines),
        address=members.default_address(current_member().id),
        typed=typed or {},
        remark=remark,
        request_key=request_key,
        error=error,
    )


def _changes(wanted: Wanted, lines: Sequence[orders.QuotedLine]) -> list[str]:
    """What is not as the page showed it, or cannot be had, a sentence each."""
    said = []
    for line in lines:
        name = f"“{line.sku.product.title} {line.sku.name}”"
        was = wanted.shown_fen.get(line.sku.id, line.sku.price_fen)
        if was != line.sku.price_fen:
            said.append(f"{name}由 ¥{format_yuan(was)} 变为 ¥{format_yuan(line.sku.price_fen)}")
        if line.sku.stock < line.quantity:
            left = line.sku.stock
            said.append(f"{name}库存仅剩 {left} 件" if left else f"{name}刚刚售罄")
    return said


def _from_address() -> Wanted:
    if request.args.get("cart"):
        rows = cart.ticked(current_member().id)
        return Wanted([Item(row.sku.id, row.counted) for row in rows], True, {})
    return _from_page(request.args)


def _from_page(fields: MultiDict[str, str]) -> Wanted:
    """The lines that a page names: as many quantities as SKUs, and prices if it had them."""
    skus = [web.whole_number(text) for text in fields.getlist("sku")]
    quantities = [web.whole_number(text) for text in fields.getlist("quantity") or ["1"]]
    prices = [web.whole_number(text) for text in fields.getlist("price")]
    if not skus or None in skus or len(skus) > orders.LINES_MAX:
        raise NotFound("商品不存在或已下架")
    if None in quantities or len(quantities) != len(skus):
        raise InvalidInput("quantity", "购买数量格式不正确")
    items = [
        Item(s, q) for s, q in zip(skus, quantities, strict=True) if s is not None and q is not None
    ]
    return Wanted(
        items,
        from_cart=bool(fields.get("cart")),
        shown_fen={s: p for s, p in zip(skus, prices) if s is not None and p is not None},
    )
