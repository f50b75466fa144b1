"""Home, product and checkout (首页、商品、结算), and the files that every page needs."""

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from flask import (
    Response,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask.typing import ResponseReturnValue

from app import catalog, commission, distribution, members, orders, settings, wechat
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.mall.auth import current_member, members_only, open_page
from app.mall.blueprint import bp, shop_settings
from app.members import AddressInput
from app.orders import Item, Order
from app.orders.errors import PriceChanged

V = TypeVar("V", bound=Callable[..., ResponseReturnValue])

MEDIA_TYPES = (".jpg", ".jpeg", ".png", ".webp")
YEAR_SECONDS = 31_536_000
_REQUEST_KEY = re.compile(r"[\w-]{16,64}", re.ASCII)


def file_view(view: V) -> V:
    """A file of a page: open to all, and never a reason to begin a login."""
    view.login_rule = "open"  # type: ignore[attr-defined]
    return view


# --- home and product --------------------------------------------------------------


@bp.get("/")
@open_page
def home() -> ResponseReturnValue:
    chosen = _whole(request.args.get("category", ""))
    return render_template(
        "mall/home.html",
        categories=catalog.categories(),
        chosen=chosen,
        products=catalog.listed(category_id=chosen),
    )


@bp.get("/p/<int:product_id>")
@open_page
def product(product_id: int) -> ResponseReturnValue:
    found = catalog.product_for_sale(product_id)
    # What people see first is what they can buy at the best price.
    ranked = sorted(found.skus, key=lambda sku: (sku.stock == 0, sku.price_fen, sku.id))
    first = ranked[0] if ranked else None
    return render_template(
        "mall/product.html",
        product=found,
        first=first,
        most=orders.QUANTITY_MAX,
        share_fen=_share_fen(found, first) if first else 0,
    )


def _share_fen(product: catalog.Product, sku: catalog.Sku) -> int:
    """What the visitor would earn by sharing, 0 for who is not a distributor."""
    if g.member is None:
        return 0
    standing = distribution.distributor_of(g.member.id)
    if standing is None or standing.status is not distribution.DistributorStatus.APPROVED:
        return 0
    return commission.sharing_fen(
        level=standing.level,
        product_id=product.id,
        category_ids=catalog.categories_of_products([product.id])[product.id],
        price_fen=sku.price_fen,
        cost_fen=sku.cost_fen,
        now=clock.now(),
    )


# --- checkout ----------------------------------------------------------------------


@bp.get("/checkout")
@members_only
def checkout() -> ResponseReturnValue:
    return _checkout_page(_wanted(request.args), request_key=secrets.token_urlsafe(24))


@bp.post("/checkout")
@members_only
def place_order() -> ResponseReturnValue:
    item = _wanted(request.form)
    key = request.form.get("request_key", "")
    if not _REQUEST_KEY.fullmatch(key):
        raise InvalidInput("request_key", "页面已失效，请返回商品页重新下单")
    typed = {name: web.form_text(name, 200) for name in ("name", "phone", "region", "detail")}
    remark = web.form_text("remark", 200)
    try:
        placed = run_unit(
            _place,
            current_member().id,
            item,
            address=AddressInput(**typed) if "name" in request.form else None,
            remark=remark,
            request_key=key,
            expected_fen=_whole(request.form.get("expected_fen", "")) or 0,
            now=clock.now(),
        )
    except (InvalidInput, PriceChanged, catalog.OutOfStock) as error:
        page = _checkout_page(item, request_key=key, typed=typed, remark=remark, error=error)
        return page, error.status
    return redirect(url_for("mall.pay_order", number=placed.number), 303)


def _place(
    member_id: int,
    item: Item,
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
        items=[item],
        address_id=kept.id,
        request_key=request_key,
        expected_fen=expected_fen,
        now=now,
        remark=remark,
    )


def _checkout_page(
    item: Item,
    *,
    request_key: str,
    typed: Mapping[str, str] | None = None,
    remark: str = "",
    error: DomainError | None = None,
) -> str:
    quoted = orders.quote([item])
    return render_template(
        "mall/checkout.html",
        item=item,
        quote=quoted,
        line=quoted.lines[0],
        address=members.default_address(current_member().id),
        typed=typed or {},
        remark=remark,
        request_key=request_key,
        error=error,
    )


def _wanted(fields: Mapping[str, str]) -> Item:
    sku_id, quantity = _whole(fields.get("sku", "")), _whole(fields.get("quantity", "1"))
    if sku_id is None:
        raise NotFound("商品不存在或已下架")
    if quantity is None:
        raise InvalidInput("quantity", "购买数量格式不正确")
    return Item(sku_id, quantity)


def _whole(text: str) -> int | None:
    """A whole number that a database column holds, None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


# --- what pages share --------------------------------------------------------------


@bp.context_processor
def _sharing() -> dict[str, Any]:
    return {"share_link": share_link, "picture": picture_url}


def share_link(path: str = "") -> str:
    """The address that a shared card of this page leads to.

    A distributor's cards bring people in by their own referral link.
    """
    path = path or request.path
    base = web.settings().public_base_url
    member = g.get("member")
    code = distribution.sharing_code(member.id) if member is not None else None
    if code is None:
        return f"{base}{path}"
    target = url_for("mall.referral", code=code.code, to=path if path != "/" else None)
    return f"{base}{target}"


def picture_url(path: str) -> str:
    """Where a product's picture is, empty for a product that has none."""
    return url_for("mall.media", path=path) if path else ""


@bp.get("/theme.css")
@file_view
def theme() -> ResponseReturnValue:
    """The shop's colour as variables: a strict CSP leaves no room for inline style."""
    colour = str(shop_settings()[settings.registry.BRAND_COLOUR.key])
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    # Rec. 601 luma: white text needs a ground at most this bright.
    text = "#fff" if red * 299 + green * 587 + blue * 114 < 170_000 else "#1a1a1a"
    deep = ",".join(str(part * 82 // 100) for part in (red, green, blue))
    css = (
        f":root{{--brand:{colour};--brand-rgb:{red},{green},{blue};"
        f"--brand-deep:rgb({deep});--on-brand:{text}}}\n"
    )
    response = Response(css, mimetype="text/css")
    response.headers["Cache-Control"] = f"private, max-age={YEAR_SECONDS}"
    response.add_etag()
    return response.make_conditional(request)


@bp.get("/media/<path:path>")
@file_view
def media(path: str) -> ResponseReturnValue:
    """A product's picture; pictures get a new name when they change."""
    if not path.lower().endswith(MEDIA_TYPES):
        raise NotFound()
    response = send_from_directory(web.settings().data_dir / "media", path)
    response.headers["Cache-Control"] = f"private, max-age={YEAR_SECONDS}, immutable"
    return response


@bp.get("/js-config")
@file_view
def js_config() -> ResponseReturnValue:
    """Signs one of our pages for WeChat's JS-SDK."""
    try:
        return jsonify(wechat.current().account.jssdk_config(request.args.get("url", "")))
    except ValueError:
        return jsonify(code="foreign_url", message="只能为本商城的页面签名"), 422
    except wechat.WeChatUnavailable:
        return jsonify(code="wechat_unavailable", message="微信暂时没有响应"), 503
