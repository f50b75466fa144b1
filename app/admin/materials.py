"""Materials to share and training articles: lists and editors."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog
from app.admin import auth, lists, picker
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.files import keep_picture
from app.admin.models import Permission
from app.catalog import InvalidFields
from app.content import sharing
from app.content.sharing import ArticleInput, MaterialInput
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput

_TABS = [("", "全部"), ("on", "使用中"), ("off", "已停用")]
# Of one save: nine pictures from a phone, within what the proxy lets through.
_UPLOAD_MAX = 12 * 1024 * 1024


@bp.get("/materials", endpoint="materials")
@requires(Permission.MATERIAL_VIEW)
def material_list() -> ResponseReturnValue:
    tab = lists.chosen(_TABS)
    page = sharing.materials_page(
        is_active={"on": True, "off": False}.get(tab), before=web.page_before()
    )
    return render_template(
        "admin/materials.html",
        page=page,
        pager=lists.pager(page),
        tabs=lists.tabs(_TABS, tab, {}),
        titles=catalog.titles_of(row.product_id for row in page.items if row.product_id),
        may_change=auth.allowed(Permission.MATERIAL_CHANGE),
    )


@bp.get("/materials/new")
@requires(Permission.MATERIAL_CHANGE)
def material_new() -> ResponseReturnValue:
    return _material(None, {"is_active": "1"}, [])


@bp.post("/materials/new")
@requires(Permission.MATERIAL_CHANGE)
def material_create() -> ResponseReturnValue:
    return _save_material(None)


@bp.get("/materials/<int:material_id>")
@requires(Permission.MATERIAL_CHANGE)
def material(material_id: int) -> ResponseReturnValue:
    row = sharing.material(material_id)
    typed = {
        "text": row.text,
        "category": row.category,
        "video_url": row.video_url,
        "product_id": str(row.product_id or ""),
        "is_active": "1" if row.is_active else "",
    }
    return _material(material_id, typed, row.pictures)


@bp.post("/materials/<int:material_id>")
@requires(Permission.MATERIAL_CHANGE)
def material_change(material_id: int) -> ResponseReturnValue:
    return _save_material(material_id)


@bp.post("/materials/<int:material_id>/remove")
@requires(Permission.MATERIAL_CHANGE)
def material_remove(material_id: int) -> ResponseReturnValue:
    run_unit(sharing.remove_material, material_id, actor=auth.actor(), now=clock.now())
    flash("素材已删除")
    return redirect(url_for(".materials"), 303)


def _save_material(material_id: int | None) -> ResponseReturnValue:
    request.max_content_length = _UPLOAD_MAX
    names = ("text", "category", "video_url", "product_id", "is_active")
    typed = {name: web.form_text(name, 600).strip() for name in names}
    stored = sharing.material(material_id).pictures if material_id is not None else []
    kept = [path for path in stored if path in request.form.getlist("pictures")]
    if picker.is_search():
        return _material(material_id, typed, kept)
    errors: dict[str, str] = {}
    number = web.whole_number(typed["product_id"]) if typed["product_id"] else None
    if typed["product_id"] and number is None:
        errors["product_id"] = "请从搜索结果里选择商品"
    try:
        pictures = [*kept, *_uploads(sharing.PICTURES_MAX - len(kept))]
        given = MaterialInput(
            typed["text"].replace("\r\n", "\n"),
            typed["category"],
            pictures,
            typed["video_url"],
            number,
            typed["is_active"] == "1",
        )
        if errors:
            raise InvalidFields(errors)
        run_unit(sharing.save_material, material_id, given, actor=auth.actor(), now=clock.now())
    except InvalidFields as error:
        return _material(material_id, typed, kept, error.errors), error.status
    except InvalidInput as error:
        return _material(material_id, typed, kept, {"pictures": error.message}), error.status
    flash("素材已保存")
    return redirect(url_for(".materials"), 303)


def _uploads(most: int) -> list[str]:
    """The uploaded pictures, kept. Raises InvalidInput for one that is none, or too many."""
    sent = [each for each in request.files.getlist("files") if each.filename]
    if len(sent) > most:
        raise InvalidInput("pictures", f"最多 {sharing.PICTURES_MAX} 张图片")
    folder, found = web.settings().data_dir / "media", []
    for each in sent:
        with each.stream as stream:
            data = stream.read(catalog.media.BYTES_MAX + 1)
        found.append(catalog.media.store(data, folder)[0])
    return found


def _material(
    material_id: int | None,
    typed: dict[str, str],
    pictures: list[str],
    errors: dict[str, str] | None = None,
) -> str:
    return render_template(
        "admin/material.html",
        material_id=material_id,
        typed=typed,
        pictures=pictures,
        errors=errors or {},
        categories=sharing.categories(),
        most=sharing.PICTURES_MAX,
        picked=picker.picked(filter(None, [web.whole_number(typed.get("product_id", ""))])),
    )


# --- training ----------------------------------------------------------------------


@bp.get("/articles", endpoint="articles")
@requires(Permission.MATERIAL_VIEW)
def article_list() -> ResponseReturnValue:
    return render_template(
        "admin/articles.html",
        rows=sharing.articles(),
        may_change=auth.allowed(Permission.MATERIAL_CHANGE),
    )


@bp.get("/articles/new")
@requires(Permission.MATERIAL_CHANGE)
def article_new() -> ResponseReturnValue:
    return _article(None, {"is_active": "1", "position": "0"})


@bp.post("/articles/new")
@requires(Permission.MATERIAL_CHANGE)
def article_create() -> ResponseReturnValue:
    return _save_article(None)


@bp.get("/articles/<int:article_id>")
@requires(Permission.MATERIAL_CHANGE)
def article(article_id: int) -> ResponseReturnValue:
    row = sharing.article(article_id)
    typed = {
        "title": row.title,
        "summary": row.summary,
        "body": row.body,
        "position": str(row.position),
        "is_required": "1" if row.is_required else "",
        "is_active": "1" if row.is_active else "",
    }
    return _article(article_id, typed)


@bp.post("/articles/<int:article_id>")
@requires(Permission.MATERIAL_CHANGE)
def article_change(article_id: int) -> ResponseReturnValue:
    return _save_article(article_id)


@bp.post("/articles/<int:article_id>/remove")
@requires(Permission.MATERIAL_CHANGE)
def article_remove(article_id: int) -> ResponseReturnValue:
    run_unit(sharing.remove_article, article_id, actor=auth.actor(), now=clock.now())
    flash("文章已删除")
    return redirect(url_for(".articles"), 303)


@bp.post("/articles/pictures")
@requires(Permission.MATERIAL_CHANGE)
def article_picture() -> ResponseReturnValue:
    return keep_picture()


def _save_article(article_id: int | None) -> ResponseReturnValue:
    names = ("title", "summary", "position", "is_required", "is_active")
    typed: dict[str, Any] = {name: web.form_text(name, 200).strip() for name in names}
    typed["body"] = web.form_text("body", catalog.richtext.LONGEST)
    position = web.whole_number(typed["position"] or "0")
    given = ArticleInput(
        typed["title"],
        typed["body"],
        typed["summary"],
        typed["is_required"] == "1",
        typed["is_active"] == "1",
        -1 if position is None else position,
    )
    try:
        run_unit(sharing.save_article, article_id, given, actor=auth.actor(), now=clock.now())
    except InvalidFields as error:
        return _article(article_id, typed, error.errors), error.status
    flash("文章已保存")
    return redirect(url_for(".articles"), 303)


def _article(
    article_id: int | None, typed: dict[str, Any], errors: dict[str, str] | None = None
) -> str:
    return render_template(
        "admin/article.html", article_id=article_id, typed=typed, errors=errors or {}
    )
