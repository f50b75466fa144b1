"""A distributor's posters (推广海报): choosing one, and the picture itself."""

from datetime import UTC, datetime
from pathlib import Path

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer

from app import catalog, distribution, members, settings, wechat
from app.core import clock, web
from app.core.db import db
from app.core.errors import NotFound
from app.distribution import ReferralCode, posters
from app.distribution import scenes as scene_codes
from app.distribution.posters import Audience, Choice, CodeKind, Facts, Person, Product
from app.mall import scenes
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp, shop_settings
from app.mall.shop import YEAR_SECONDS, file_view
from app.members import Member
from app.privacy import Part, Section
from app.reports import Visitor

# A picture whose avatar could not be had now is asked for again.
UNSURE_SECONDS = 600


@bp.get("/me/distribution/posters")
@members_only
def my_posters() -> ResponseReturnValue:
    return _page(None)


@bp.get("/p/<int:product_id>/poster")
@members_only
def product_poster(product_id: int) -> ResponseReturnValue:
    return _page(catalog.product_for_sale(product_id, now=clock.now()))


def _page(product: catalog.Product | None) -> ResponseReturnValue:
    member = current_member()
    code = distribution.sharing_code(member.id)
    if code is None:
        return redirect(url_for("mall.distribution_centre"))
    audience = Audience.PRODUCT if product else Audience.MEMBER
    choices = posters.choices(audience)
    if product and any(choice.layout.code is CodeKind.ACCOUNT for choice in choices):
        # Only now: the picture itself is drawn without asking WeChat anything.
        scenes.of_product(code, product.id)
    return render_template(
        "mall/posters.html",
        product=product,
        choices=[
            (choice, url_for("mall.poster_file", token=_token(choice, member, code, product)))
            for choice in choices
        ],
        link=_link(code, product),
        share_path=url_for("mall.product", product_id=product.id) if product else "/",
    )


@bp.get("/poster/<token>.jpg")
@file_view
def poster_file(token: str) -> ResponseReturnValue:
    """The picture. Its address is signed and holds all that it needs.

    Who holds it has the picture anyway, and WeChat fetches what is pressed for long
    once more, without any cookie.
    """
    try:
        member_id, key, product_id, name = _seal().loads(token)
    except (BadSignature, ValueError):
        raise NotFound() from None
    folder = web.settings().data_dir
    found = posters.files.kept(folder, member_id, name)
    if found is not None:
        return _picture(found, YEAR_SECONDS)
    member = members.get(member_id)
    code = distribution.sharing_code(member_id)
    if code is None or member.erased_at is not None:
        raise NotFound("这张海报已失效")
    product = catalog.product_for_sale(product_id, now=clock.now()) if product_id else None
    choice = posters.choice(Audience.PRODUCT if product else Audience.MEMBER, key)
    facts, avatar_url = _facts(choice, member, code, product), member.avatar_url
    # Neither drawing nor WeChat shall hold a transaction open.
    db.session.rollback()
    name = posters.files.name_of(choice.layout, facts, avatar_url=avatar_url)
    avatar = posters.files.avatar(folder, avatar_url, wechat.current().avatars.fetch)
    is_unsure = bool(avatar_url) and avatar is None
    if is_unsure:
        name = f"{name}-letter"
    found = posters.files.kept(folder, member_id, name)
    if found is None:
        facts = Facts(facts.shop, facts.code, Person(facts.person.name, avatar), facts.product)
        data = posters.compose(choice.layout, facts, media=folder / "media")
        found = posters.files.keep(folder, member_id, name, data)
    return _picture(found, UNSURE_SECONDS if is_unsure else YEAR_SECONDS)


def _picture(path: Path, seconds: int) -> Response:
    # Small enough to be read whole, and its name says what is in it.
    response = Response(path.read_bytes(), mimetype="image/jpeg")
    response.headers["Cache-Control"] = f"private, max-age={seconds}"
    response.set_etag(path.stem)
    response.make_conditional(request)
    return response


def _token(
    choice: Choice, member: Member | Visitor, code: ReferralCode, product: catalog.Product | None
) -> str:
    facts = _facts(choice, member, code, product)
    name = posters.files.name_of(choice.layout, facts, avatar_url=member.avatar_url)
    return _seal().dumps([member.id, choice.key, product.id if product else 0, name])


def _facts(
    choice: Choice, member: Member | Visitor, code: ReferralCode, product: catalog.Product | None
) -> Facts:
    """What the poster shows, but for the avatar's file."""
    text = _link(code, product)
    if choice.layout.code is CodeKind.ACCOUNT:
        text = _scene_url(code, product) or text
    shown = None
    if product is not None:
        picture = web.settings().data_dir / "media" / product.cover if product.cover else None
        shown = Product(product.title, _price_fen(product), picture)
    shop = str(shop_settings()[settings.registry.SHOP_NAME.key])
    return Facts(shop, text, Person(member.display_name), shown)


def _scene_url(code: ReferralCode, product: catalog.Product | None) -> str:
    """What the official account's QR says, as far as WeChat made one that still works."""
    now = clock.now()
    if product is not None:
        kept = scene_codes.of_product(code.id, product.id, now=now)
        return kept.qr_url if kept is not None else ""
    ends = code.qr_expires_at
    return code.qr_url if ends is not None and ends > now else ""


def _price_fen(product: catalog.Product) -> int:
    """As the product's page shows it: the best price of what can be bought."""
    ranked = sorted(product.skus, key=lambda sku: (sku.stock == 0, sku.price_fen, sku.id))
    if not ranked:
        raise NotFound("商品已下架")
    return ranked[0].price_fen


def _link(code: ReferralCode, product: catalog.Product | None) -> str:
    to = url_for("mall.product", product_id=product.id) if product else None
    return f"{web.settings().public_base_url}{url_for('mall.referral', code=code.code, to=to)}"


def _seal() -> URLSafeSerializer:
    return URLSafeSerializer(web.settings().secret_key, salt="poster")


# --- what is kept of a member ------------------------------------------------------


def _section(member: Member) -> Section:
    made = posters.files.made_for(web.settings().data_dir, member.id)
    return Section(
        "posters",
        "推广海报",
        "让你再次打开时不用等待，含头像的副本",
        "14 天没有打开就删除；注销时删除",
        (("used_at", "最近打开"),),
        [{"used_at": datetime.fromtimestamp(moment, UTC)} for moment in made],
    )


def _forget(member: Member) -> None:
    posters.files.forget(web.settings().data_dir, member.id, member.avatar_url)


KEPT = Part(_section, _forget)
