"""Checkout (结算): what was chosen, every part of the price, one tap to WeChat's sheet.

The page carries what it showed: the SKUs, the quantities and the prices. What is
ordered is priced by the server again; where that differs from what was shown
nothing is ordered, and the page says what changed.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app import catalog, members, orders, privacy, reports
from app.core import brief, clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.money import format_yuan
from app.mall import paying
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp
from app.members import AddressInput
from app.orders import Item, PickupWish, cart
from app.orders.errors import LimitReached, PriceChanged

_REQUEST_KEY = re.compile(r"[\w-]{16,64}", re.ASCII)


@dataclass(frozen=True)
class Wanted:
    """What the page is about: a choice from the cart, or one thing bought at once."""

    items: list[Item]
    from_cart: bool
    # What each piece cost on the page, by SKU; empty where no page was shown yet.
    shown_fen: Mapping[int, int]
    # What the cart just read of them.
    skus: Mapping[int, catalog.Goods] | None = None
    shown_freight_fen: int | None = None
    is_pickup: bool = False
    # The page saw nothing but virtual goods, which go nowhere.
    is_virtual: bool = False
    # What the member chose of their addresses or of the shops; None for the usual one.
    address_id: int | None = None
    shop_id: int | None = None

    @property
    def back(self) -> dict[str, int]:
        """The arguments that lead to this checkout again."""
        if self.from_cart:
            return {"cart": 1}
        return {"sku": self.items[0].sku_id, "quantity": self.items[0].quantity}


@dataclass(frozen=True)
class Placed:
    """The order that a page led to; `title` is of what comes first in it."""

    order_id: int
    number: str
    title: str
    # None where an earlier tap placed it.
    bill: orders.Bill | None


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
            current_member(),
            wanted,
            typed=typed,
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
    except (
        InvalidInput,
        PriceChanged,
        LimitReached,
        catalog.OutOfStock,
        catalog.NotDelivered,
    ) as error:
        page = _page(wanted, request_key=key, typed=typed, remark=remark, error=error)
        return page, error.status
    if web.wants_json():
        return paying.placed(placed.order_id, placed.number, placed.title, placed.bill)
    way = "balance" if request.form.get("pay") == "balance" else None
    return redirect(url_for("mall.pay_order", number=placed.number, way=way), 303)


def _place(
    member: reports.Visitor,
    wanted: Wanted,
    *,
    typed: Mapping[str, str],
    remark: str,
    request_key: str,
    expected_fen: int,
    now: datetime,
) -> Placed:
    """One unit: a first address is kept exactly when the order is."""
    to: dict[str, Any]
    # The page says that ordering agrees to it, wherever somebody is named.
    privacy.agree(member.id, now=now, known=member.agreed)
    if wanted.is_virtual:
        # As the page says; the order says so as well, or asks for an address.
        to = {}
    elif wanted.is_pickup:
        if wanted.shop_id is None:
            raise InvalidInput("shop", "请选择自提点")
        to = {"pickup": PickupWish(wanted.shop_id, typed["name"], typed["phone"])}
    else:
        chosen = wanted.address_id
        to = {"address_id": _address_id(member.id, typed, now) if chosen is None else chosen}
    order, bill = orders.place_to_pay(
        member.id,
        items=wanted.items,
        request_key=request_key,
        expected_fen=expected_fen,
        now=now,
        remark=remark,
        from_cart=wanted.from_cart,
        **to,
    )
    return Placed(order.id, order.number, order.lines[0].title, bill)


def _address_id(member_id: int, typed: Mapping[str, str], now: datetime) -> int:
    """The usual address, or the first one, just typed."""
    found = members.default_address(member_id) or members.add_address(
        member_id, AddressInput(**typed), now=now
    )
    return found.id


def _page(
    wanted: Wanted,
    *,
    request_key: str,
    typed: Mapping[str, str] | None = None,
    remark: str = "",
    error: DomainError | None = None,
) -> str:
    member_id = current_member().id
    usual = members.default_address(member_id)
    address: members.Address | members.UsualAddress | None = usual
    if wanted.address_id is not None:
        address = members.address_of(member_id, wanted.address_id)
    region = "" if wanted.is_pickup else _region(address, typed)
    try:
        quoted = orders.quote(wanted.items, buyer_id=member_id, region=region, skus=wanted.skus)
    except catalog.NotDelivered as refused:
        quoted, error = orders.quote(wanted.items, buyer_id=member_id), error or refused
    products = [line.sku.product for line in quoted.lines]
    templates = catalog.templates_of(
        [product.id for product in products if product.freight_template_id is not None]
    )
    person = {"name": usual.name, "phone": usual.phone} if usual and wanted.is_pickup else {}
    return render_template(
        "mall/checkout.html",
        wanted=wanted,
        quote=quoted,
        changes=_changes(wanted, quoted),
        offer=orders.balance.offer(member_id),
        is_freight_open=bool(templates) and not (quoted.is_virtual or region or wanted.is_pickup),
        is_served=not isinstance(error, catalog.NotDelivered),
        is_short=any(line.sku.stock < line.quantity for line in quoted.lines),
        address=address,
        shops=brief.current().get("pickup_shops", orders.pickups.open_shops),
        typed=typed or person,
        remark=remark,
        request_key=request_key,
        error=error,
    )


def _region(
    address: members.Address | members.UsualAddress | None, typed: Mapping[str, str] | None
) -> str:
    """Where it goes as far as that is known: an address, or the first one being typed."""
    if address is not None:
        return address.region
    found = members.regions.find((typed or {}).get("region", ""))
    return found.written if found else ""


def _changes(wanted: Wanted, quoted: orders.Quote) -> list[str]:
    """What is not as the page showed it, or cannot be had, a sentence each."""
    said = []
    shown = wanted.shown_freight_fen
    if shown is not None and shown != quoted.freight_fen:
        said.append(f"运费由 ¥{format_yuan(shown)} 变为 ¥{format_yuan(quoted.freight_fen)}")
    for line in quoted.lines:
        name = f"“{line.sku.product.title} {line.sku.name}”"
        was = wanted.shown_fen.get(line.sku.id, line.unit_fen)
        if was != line.unit_fen:
            said.append(f"{name}由 ¥{format_yuan(was)} 变为 ¥{format_yuan(line.unit_fen)}")
        if line.sku.stock < line.quantity:
            left = line.sku.stock
            said.append(f"{name}库存仅剩 {left} 件" if left else f"{name}刚刚售罄")
    return said


def _from_address() -> Wanted:
    if request.args.get("cart"):
        rows = cart.ticked(current_member().id)
        return Wanted(
            [Item(row.sku.id, row.counted) for row in rows],
            from_cart=True,
            shown_fen={},
            skus={row.sku.id: row.sku for row in rows},
            **_delivery(request.args),
        )
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
        shown_freight_fen=web.whole_number(fields.get("freight", "")),
        **_delivery(fields),
    )


def _delivery(fields: MultiDict[str, str]) -> dict[str, Any]:
    return {
        "is_pickup": fields.get("delivery") == "pickup",
        "is_virtual": fields.get("delivery") == "none",
        "address_id": web.whole_number(fields.get("address", "")),
        "shop_id": web.whole_number(fields.get("shop", "")),
    }
