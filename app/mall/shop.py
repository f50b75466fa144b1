"""Home and product (首页、商品), and the files that every page needs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from flask import (
    Response,
    g,
    jsonify,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask.typing import ResponseReturnValue

from app import (
    catalog,
    commission,
    content,
    orders,
    reports,
    reviews,
    settings,
    wechat,
)
from app.core import brief, clock, preview, web
from app.core.errors import NotFound
from app.core.web import price_parts
from app.mall import footprints
from app.mall.auth import open_page
from app.mall.blueprint import bp, shop_settings
from app.mall.prices import gets_member_price, offers
from app.mall.reviews import authors

V = TypeVar("V", bound=Callable[..., ResponseReturnValue])

MEDIA_TYPES = (".jpg", ".jpeg", ".png", ".webp")
YEAR_SECONDS = 31_536_000


def file_view(view: V) -> V:
    """A file of a page: open to all, and never a reason to begin a login."""
    view.login_rule = "open"  # type: ignore[attr-defined]
    return view


# --- home and product --------------------------------------------------------------


@bp.get("/")
@open_page
def home() -> ResponseReturnValue:
    after, is_special = request.args.get("after"), gets_member_price()

    def body() -> tuple[str, bool]:
        now = clock.now()
        # The next part of the plain list: only that one has parts.
        blocks = content.shown(now) if after is None else []
        return _home_body(blocks, now, after=after or "", is_special=is_special)

    # All who pay the same prices see the same, and most begin here.
    html, is_composed = brief.current().get(("home", after, is_special), body)
    return _home(html, is_composed)


@bp.get("/preview/home")
@file_view
def home_preview() -> ResponseReturnValue:
    """The home page of the draft, or of a version, as it is or will be at a moment.

    For the phone that the panel draws. Whoever was not let in finds nothing here.
    """
    if not preview.is_allowed():
        raise NotFound()
    preview.frame_here()
    try:
        now = clock.parse(request.args.get("at", ""))
    except (ValueError, OverflowError):
        now = clock.now()
    version_id = web.whole_number(request.args.get("version", ""))
    blocks = (
        content.shown_of_draft(now)
        if version_id is None
        else content.shown_of_version(version_id, now)
    )
    after = request.args.get("after", "")
    html, is_composed = _home_body(blocks, now, after=after, is_special=False)
    return _home(html, is_composed, is_preview=True)


def _home(html: str, is_composed: bool, *, is_preview: bool = False) -> str:
    return render_template(
        "mall/home.html", body=html, is_composed=is_composed, is_preview=is_preview
    )


def _home_body(
    blocks: Sequence[content.HomeBlock], now: datetime, *, after: str, is_special: bool
) -> tuple[str, bool]:
    """What stands between the frame's bars, and whether blocks were composed."""
    sections, offer = content.compose(blocks, now=now), offers(is_special=is_special)
    if sections:
        return render_template("mall/home_blocks.html", sections=sections, offer=offer), True
    found = catalog.browse.shelf(catalog.Wanted(), now=now, after=after)
    rails = catalog.browse.rails()
    return render_template("mall/home_list.html", rails=rails, shelf=found, offer=offer), False


@dataclass(frozen=True)
class _ProductBody:
    """What everybody of one level sees of a product, drawn already."""

    html: str
    title: str
    subtitle: str
    cover: str
    is_sold_out: bool


@bp.get("/p/<int:product_id>")
@open_page
def product(product_id: int) -> ResponseReturnValue:
    member_id = g.member.id if g.member is not None else None
    level = g.member.level if g.member is not None else ""
    is_special = gets_member_price()
    now = reports.product_now(product_id, member_id)
    body = brief.current().get(
        # What is left of it changes without an admin, and is shown as it is.
        ("product", product_id, now.stocks, level, is_special),
        lambda: _product_body(product_id, level, is_special=is_special),
        times=20,
    )
    page = render_template(
        "mall/product.html",
        product_id=product_id,
        body=body,
        is_favourite=now.is_favourite,
    )
    if member_id is not None:
        footprints.current().add(member_id, product_id, now=clock.now())
    return page


@bp.get("/preview/product/<token>")
@file_view
def product_preview(token: str) -> ResponseReturnValue:
    """A product as it would be on the shelf, for whoever has the desk's link; not to be bought."""
    product_id = preview.product_of(token)
    if product_id is None:
        raise NotFound("预览链接已过期，请在后台重新打开")
    preview.frame_here()
    return render_template(
        "mall/product.html",
        product_id=product_id,
        body=_body_of(catalog.product(product_id), "", is_special=False),
        is_favourite=False,
        is_preview=True,
    )


def _product_body(product_id: int, level: str, *, is_special: bool) -> _ProductBody:
    """Raises NotFound for what is not on the shelf."""
    found = catalog.product_for_sale(product_id, now=clock.now())
    return _body_of(found, level, is_special=is_special)


def _body_of(found: catalog.Product, level: str, *, is_special: bool) -> _ProductBody:
    product_id = found.id
    units = orders.prices_of(found.skus, is_special=is_special)
    # What people see first is what they can buy at the best price, as in every list.
    offer = orders.best_offer(found.skus, is_special=is_special)
    first = offer.sku if offer else None
    rating = reviews.rating_of(product_id)
    newest = reviews.first_of_product(product_id) if rating.count else []
    html = render_template(
        "mall/product_body.html",
        product=found,
        rating=rating,
        newest=newest,
        authors=authors(newest),
        text=""
        if catalog.richtext.is_empty(found.description)
        else catalog.richtext.clean(found.description),
        first=first,
        units=units,
        special_for=_special_for(first, units) if first else "",
        most=min(found.limit_per_member or orders.QUANTITY_MAX, orders.QUANTITY_MAX),
        offers=[_offer(sku, units[sku.id]) for sku in found.skus],
        share_fen=_share_fen(found, first, level) if first and level else 0,
    )
    is_sold_out = not any(sku.stock for sku in found.skus)
    return _ProductBody(html, found.title, found.subtitle, found.cover, is_sold_out)


def _special_for(sku: catalog.Sku, units: Mapping[int, int]) -> str:
    """Who would pay the member price that this visitor does not; empty for nobody."""
    if units[sku.id] < sku.price_fen or not orders.is_cheaper(sku):
        return ""
    return str(shop_settings()[settings.registry.MEMBER_PRICE_FOR.key])


def _offer(sku: catalog.Sku, unit_fen: int) -> dict[str, Any]:
    """What the sheet of choices needs to know of a SKU, at what the visitor pays."""
    yuan, rest = price_parts(unit_fen)
    return {
        "id": sku.id,
        "values": list(sku.chosen),
        "name": sku.name,
        "yuan": yuan,
        "rest": rest,
        "stock": sku.stock,
        "picture": picture_url(catalog.media.small_of(sku.picture)),
    }


def _share_fen(product: catalog.Product, sku: catalog.Sku, level: str) -> int:
    """What a distributor of this level would earn by sharing."""
    return commission.sharing_fen(
        level=level,
        product_id=product.id,
        category_ids=catalog.path_of(
            product.category_id, brief.current().get("categories", catalog.category_parents)
        ),
        # Whoever comes by the shared page may pay less; never promise more than that.
        price_fen=min(sku.price_fen, sku.member_price_fen or sku.price_fen)
        if shop_settings()[settings.registry.MEMBER_PRICE_FOR.key] == "followers"
        else sku.price_fen,
        cost_fen=sku.cost_fen,
        plan=brief.current().get("plan", _plan),
    )


def _plan() -> commission.Plan | None:
    found = commission.plan_in_force(clock.now())
    return found[1] if found else None


# --- what pages share --------------------------------------------------------------


@bp.context_processor
def _sharing() -> dict[str, Any]:
    return {
        "share_link": share_link,
        "picture": picture_url,
        "small_of": catalog.media.small_of,
        "webp_of": catalog.media.webp_of,
    }


def share_link(path: str = "") -> str:
    """The address that a shared card of this page leads to.

    A distributor's cards bring people in by their own referral link.
    """
    path = path or request.path
    base = web.settings().public_base_url
    visitor = g.get("member")
    if visitor is None or not visitor.code:
        return f"{base}{path}"
    target = url_for("mall.referral", code=visitor.code, to=path if path != "/" else None)
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
