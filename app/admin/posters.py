"""Posters: the shop's templates, the editor with its preview, those that come along."""

import base64
from dataclasses import replace

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import settings
from app.admin import auth, lists, poster_form
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.files import keep_picture
from app.admin.models import Permission
from app.admin.poster_form import Form
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, NotFound
from app.distribution import posters
from app.distribution.posters import STARTERS, Audience, InvalidLayout, Layout, PosterTemplate

_TABS = [(Audience.MEMBER.value, "个人海报"), (Audience.PRODUCT.value, "商品海报")]


@bp.get("/posters", endpoint="posters")
@requires(Permission.POSTER_VIEW)
def poster_list() -> ResponseReturnValue:
    tab = lists.chosen(_TABS)
    audience = Audience(tab)
    return render_template(
        "admin/posters.html",
        rows=posters.page_of(audience),
        starters=[
            (key, name) for key, (name, layout) in STARTERS.items() if layout.audience is audience
        ],
        offers_starters=settings.value(settings.registry.POSTER_STARTERS),
        starters_key=settings.registry.POSTER_STARTERS.key,
        tabs=lists.tabs(_TABS, tab, {}),
        tab=tab,
        may_change=auth.allowed(Permission.POSTER_CHANGE),
        has_font=posters.fonts.has_chinese(),
    )


@bp.get("/posters/new")
@requires(Permission.POSTER_CHANGE)
def poster_new() -> ResponseReturnValue:
    """A new template, from one that comes along: an empty sheet helps nobody."""
    key = request.args.get("from", "")
    if key not in STARTERS:
        wanted = request.args.get("audience", Audience.MEMBER.value)
        fitting = [each for each, (_, layout) in STARTERS.items() if layout.audience == wanted]
        # Nobody's audience: the first that comes along.
        key = next(iter([*fitting, *STARTERS]))
    return _editor(poster_form.of(None, "", STARTERS[key][1]))


@bp.post("/posters")
@requires(Permission.POSTER_CHANGE)
def poster_create() -> ResponseReturnValue:
    return _save(None)


@bp.get("/posters/<int:poster_id>")
@requires(Permission.POSTER_CHANGE)
def poster(poster_id: int) -> ResponseReturnValue:
    row = posters.get(poster_id)
    return _editor(poster_form.of(row, row.name, row.typed), row)


@bp.post("/posters/<int:poster_id>")
@requires(Permission.POSTER_CHANGE)
def poster_change(poster_id: int) -> ResponseReturnValue:
    return _save(posters.get(poster_id))


@bp.post("/posters/<int:poster_id>/switch")
@requires(Permission.POSTER_CHANGE)
def poster_switch(poster_id: int) -> ResponseReturnValue:
    is_active = web.form_text("on") == "1"
    run_unit(posters.switch, poster_id, is_active=is_active, actor=auth.actor(), now=clock.now())
    flash("海报已启用，分销员可以选用" if is_active else "海报已停用，已保存的图片仍可扫码")
    return _back(poster_id)


@bp.post("/posters/<int:poster_id>/move")
@requires(Permission.POSTER_CHANGE)
def poster_move(poster_id: int) -> ResponseReturnValue:
    by = -1 if web.form_text("to") == "up" else 1
    run_unit(posters.move, poster_id, by=by, actor=auth.actor(), now=clock.now())
    return _back(poster_id)


@bp.post("/posters/<int:poster_id>/remove")
@requires(Permission.POSTER_CHANGE)
def poster_remove(poster_id: int) -> ResponseReturnValue:
    audience = posters.get(poster_id).audience
    run_unit(posters.remove, poster_id, actor=auth.actor(), now=clock.now())
    flash("海报模板已删除，已保存的图片仍可扫码")
    return redirect(url_for(".posters", state=audience.value), 303)


@bp.get("/posters/<int:poster_id>/picture.jpg")
@requires(Permission.POSTER_VIEW)
def poster_picture(poster_id: int) -> ResponseReturnValue:
    return _jpeg(posters.get(poster_id).typed)


@bp.get("/posters/starters/<starter>.jpg")
@requires(Permission.POSTER_VIEW)
def poster_starter(starter: str) -> ResponseReturnValue:
    if starter not in STARTERS:
        raise NotFound("没有这个内置海报")
    return _jpeg(STARTERS[starter][1])


@bp.post("/posters/preview")
@requires(Permission.POSTER_CHANGE)
def poster_preview() -> ResponseReturnValue:
    """What is being laid out, drawn as distributors will see it; nothing is kept."""
    form = poster_form.typed()
    errors = {**posters.faults(form.layout), **form.errors}
    # What is half typed still shows the rest.
    sound = tuple(part for at, part in enumerate(form.layout.parts) if f"part-{at}" not in errors)
    if errors.keys() & {"colour", "picture"}:
        return {"errors": errors}
    data = _drawn(replace(form.layout, parts=sound))
    return {
        "errors": errors,
        "picture": f"data:image/jpeg;base64,{base64.b64encode(data).decode()}",
    }


@bp.post("/posters/backgrounds")
@requires(Permission.POSTER_CHANGE)
def poster_background() -> ResponseReturnValue:
    return keep_picture()


def _save(row: PosterTemplate | None) -> ResponseReturnValue:
    form = poster_form.typed(row.audience if row else None)
    given = posters.TemplateInput(form.name, form.layout, form.is_active)
    try:
        if form.errors:
            raise InvalidLayout({**posters.faults(form.layout), **form.errors})
        kept = run_unit(
            posters.save, row.id if row else None, given, actor=auth.actor(), now=clock.now()
        )
    except InvalidLayout as error:
        form.errors = error.errors
        return _editor(form, row), error.status
    except DomainError as error:
        flash(error.message, "error")
        return redirect(url_for(".posters", state=form.layout.audience.value), 303)
    flash("海报已保存" + ("" if kept.is_active else "，启用后分销员才能选用"))
    return redirect(url_for(".posters", state=kept.audience.value), 303)


def _editor(form: Form, row: PosterTemplate | None = None) -> str:
    return render_template(
        "admin/poster.html",
        row=row,
        form=form,
        errors=form.errors,
        kinds=[
            kind
            for kind in posters.PartKind
            if form.layout.audience is Audience.PRODUCT or kind not in posters.layout.OF_PRODUCT
        ],
        names=posters.layout.NAMES,
        fresh=poster_form.FRESH,
        written=posters.layout.WRITTEN,
        width=posters.WIDTH,
        height=posters.HEIGHT,
    )


def _jpeg(layout: Layout) -> Response:
    response = Response(_drawn(layout), mimetype="image/jpeg")
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def _drawn(layout: Layout) -> bytes:
    shop = str(settings.value(settings.registry.SHOP_NAME))
    return posters.sample(layout, shop=shop, media=web.settings().data_dir / "media")


def _back(poster_id: int) -> ResponseReturnValue:
    audience = posters.get(poster_id).audience
    return redirect(url_for(".posters", state=audience.value), 303)
