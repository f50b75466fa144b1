"""The home page: its blocks, the draft on a drawn phone, publishing, going back."""

from datetime import datetime

from flask import (
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app import catalog, content
from app.admin import auth, home_form, lists, people, picker
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.files import keep_picture
from app.admin.home_form import Form
from app.admin.models import Permission
from app.admin.products import category_choices, chosen_ids
from app.content import HomeBlock, Kind, Places
from app.core import clock, preview, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.wechat import menus as account_menus

# Pages that a block may well lead to; offered while typing.
_PAGES = (
    ("mall.category", "全部商品"),
    ("mall.search", "搜索"),
    ("mall.cart", "购物车"),
    ("mall.order_list", "我的订单"),
    ("mall.me", "我的"),
    ("mall.distribution_centre", "分销中心"),
    ("mall.help_page", "帮助与客服"),
)
# Files are no pages, and the preview is for who composes it.
_NO_PAGES = frozenset(
    {"mall.media", "mall.theme", "mall.js_config", "mall.home_preview", "mall.search_suggest"}
)


@bp.get("/home", endpoint="home")
@requires(Permission.HOME_VIEW)
def home() -> ResponseReturnValue:
    at = _preview_at()
    now = clock.now()
    page = content.versions_page(before=web.page_before())
    return _with_preview(
        render_template(
            "admin/home.html",
            blocks=content.draft(),
            has_changes=content.has_changes(),
            page=page,
            pager=lists.pager(page),
            publishers=people.names(row.published_by for row in page.items),
            newest=content.newest(),
            preview_url=url_for("mall.home_preview", at=request.args.get("at") if at else None),
            at=request.args.get("at", "") if at else "",
            now=now,
            moment=at or now,
            may_change=auth.allowed(Permission.HOME_CHANGE),
        )
    )


@bp.get("/home/versions/<int:version_id>")
@requires(Permission.HOME_VIEW)
def home_version(version_id: int) -> ResponseReturnValue:
    """An earlier version as it looked, before it is brought back."""
    found = content.version(version_id)
    return _with_preview(
        render_template(
            "admin/home_version.html",
            version=found,
            publishers=people.names([found.published_by]),
            preview_url=url_for("mall.home_preview", version=version_id),
            may_change=auth.allowed(Permission.HOME_CHANGE),
        )
    )


@bp.get("/home/blocks/new")
@requires(Permission.HOME_CHANGE)
def home_block_new() -> ResponseReturnValue:
    return _editor(home_form.new(_kind(request.args.get("kind", Kind.BANNER.value))))


@bp.post("/home/blocks")
@requires(Permission.HOME_CHANGE)
def home_block_create() -> ResponseReturnValue:
    return _save(None, _kind(web.form_text("kind", 20)))


@bp.get("/home/blocks/<int:block_id>")
@requires(Permission.HOME_CHANGE)
def home_block(block_id: int) -> ResponseReturnValue:
    found = content.block(block_id)
    return _editor(home_form.of(found), found)


@bp.post("/home/blocks/<int:block_id>")
@requires(Permission.HOME_CHANGE)
def home_block_change(block_id: int) -> ResponseReturnValue:
    return _save(block_id, content.block(block_id).kind)


@bp.post("/home/blocks/<int:block_id>/remove")
@requires(Permission.HOME_CHANGE)
def home_block_remove(block_id: int) -> ResponseReturnValue:
    run_unit(content.remove, block_id, actor=auth.actor(), now=clock.now())
    flash("模块已从草稿中删除，发布后手机上才会变化")
    return redirect(url_for(".home"), 303)


@bp.post("/home/blocks/<int:block_id>/switch")
@requires(Permission.HOME_CHANGE)
def home_block_switch(block_id: int) -> ResponseReturnValue:
    is_active = web.form_text("on") == "1"
    run_unit(content.switch, block_id, is_active=is_active, actor=auth.actor(), now=clock.now())
    flash("模块已启用" if is_active else "模块已停用，内容仍保留在草稿里")
    return redirect(url_for(".home"), 303)


@bp.post("/home/blocks/<int:block_id>/move")
@requires(Permission.HOME_CHANGE)
def home_block_move(block_id: int) -> ResponseReturnValue:
    by = -1 if web.form_text("to") == "up" else 1
    run_unit(content.move, block_id, by=by, actor=auth.actor(), now=clock.now())
    return redirect(url_for(".home", _anchor=f"block-{block_id}"), 303)


@bp.post("/home/order")
@requires(Permission.HOME_CHANGE)
def home_order() -> ResponseReturnValue:
    """The whole order, as dragging left it."""
    order = chosen_ids(request.form.getlist("ids"))
    try:
        run_unit(content.arrange, order, actor=auth.actor(), now=clock.now())
    except InvalidInput as error:
        return {"code": error.code, "message": error.message}, error.status
    return {"has_changes": content.has_changes()}


@bp.post("/home/publish")
@requires(Permission.HOME_CHANGE)
def home_publish() -> ResponseReturnValue:
    try:
        version = run_unit(
            content.publish,
            places=places(),
            actor=auth.actor(),
            now=clock.now(),
            note=web.form_text("note", 200),
        )
        flash(f"首页已发布（版本 {version.id}），顾客打开首页即可看到")
    except DomainError as error:
        flash(error.message, "error")
    return redirect(url_for(".home"), 303)


@bp.post("/home/versions/<int:version_id>/restore")
@requires(Permission.HOME_CHANGE)
def home_restore(version_id: int) -> ResponseReturnValue:
    run_unit(content.restore, version_id, actor=auth.actor(), now=clock.now())
    flash(f"版本 {version_id} 的内容已放回草稿，预览无误后请发布")
    return redirect(url_for(".home"), 303)


@bp.get("/home/products")
@requires(Permission.HOME_CHANGE)
def home_products() -> ResponseReturnValue:
    """What the picker of products offers: what is on the shelf, newest first."""
    text = request.args.get("q", "").strip()[:64]
    page = catalog.products_page("on", text=text, before=web.page_before())
    return render_template("admin/_home_picker.html", page=page, q=text)


@bp.post("/home/pictures")
@requires(Permission.HOME_CHANGE)
def home_picture() -> ResponseReturnValue:
    return keep_picture()


def places() -> Places:
    """Where blocks may lead: pages that a GET opens, and the hosts that menus may lead to."""
    rules = account_menus.rules()
    return Places(rules.mall, rules.hosts, _is_page)


def _is_page(path: str) -> bool:
    try:
        endpoint, _ = current_app.url_map.bind("mall").match(path, "GET")
    except HTTPException:
        return False
    return endpoint.startswith("mall.") and endpoint not in _NO_PAGES


def _save(block_id: int | None, kind: Kind) -> ResponseReturnValue:
    allowed = places()
    form, given = home_form.typed(kind, allowed)
    if picker.is_search():
        return _editor(form, content.block(block_id) if block_id is not None else None)
    try:
        if form.errors:
            raise catalog.InvalidFields({**content.faults(given, allowed), **form.errors})
        run_unit(content.save, block_id, given, places=allowed, actor=auth.actor(), now=clock.now())
    except catalog.InvalidFields as error:
        form.errors = error.errors
        known = content.block(block_id) if block_id is not None else None
        return _editor(form, known), error.status
    flash("模块已保存到草稿，发布后手机上才会变化")
    return redirect(url_for(".home"), 303)


def _editor(form: Form, found: HomeBlock | None = None) -> str:
    chosen = getattr(form.content, "product_ids", ())
    by_id = catalog.products_by_id(chosen)
    return render_template(
        "admin/home_block.html",
        block=found,
        form=form,
        errors=form.errors,
        categories=category_choices("请选择"),
        products=[by_id[own] for own in chosen if own in by_id],
        picked=picker.picked(chosen),
        pages=[(url_for(endpoint), label) for endpoint, label in _PAGES],
    )


def _kind(text: str) -> Kind:
    if text not in list(Kind):
        raise NotFound("没有这种模块")
    return Kind(text)


def _preview_at() -> datetime | None:
    try:
        return clock.parse(request.args.get("at", ""))
    except (ValueError, OverflowError):
        return None


def _with_preview(page: str) -> Response:
    return preview.allow(make_response(page), url_for("mall.home_preview"))
