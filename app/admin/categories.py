"""The category tree at the desk: order, names, hiding, moving."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog
from app.admin import auth
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.products import whole
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound


@bp.get("/categories", endpoint="categories")
@requires(Permission.PRODUCT_VIEW)
def categories_list() -> ResponseReturnValue:
    return render_template(
        "admin/categories.html",
        nodes=catalog.category_tree.tree(),
        may_change=auth.allowed(Permission.PRODUCT_CHANGE),
    )


@bp.get("/categories/new")
@requires(Permission.PRODUCT_CHANGE)
def category_new() -> ResponseReturnValue:
    return _page(None, {"parent": request.args.get("parent", ""), "sort": "100", "is_active": "1"})


@bp.post("/categories")
@requires(Permission.PRODUCT_CHANGE)
def category_create() -> ResponseReturnValue:
    return _save(None)


@bp.get("/categories/<int:category_id>")
@requires(Permission.PRODUCT_CHANGE)
def category(category_id: int) -> ResponseReturnValue:
    node = _node(category_id)
    return _page(
        category_id,
        {
            "name": node.name,
            "parent": str(node.parent_id or ""),
            "sort": str(node.sort),
            "picture": node.picture,
            "is_active": "1" if node.is_active else "",
        },
    )


@bp.post("/categories/<int:category_id>")
@requires(Permission.PRODUCT_CHANGE)
def category_change(category_id: int) -> ResponseReturnValue:
    return _save(category_id)


@bp.post("/categories/<int:category_id>/remove")
@requires(Permission.PRODUCT_CHANGE)
def category_remove(category_id: int) -> ResponseReturnValue:
    try:
        run_unit(catalog.category_tree.remove, category_id, actor=auth.actor(), now=clock.now())
        flash("分类已删除")
    except NotFound:
        raise
    except DomainError as error:
        flash(error.message, "error")
    return redirect(url_for(".categories"), 303)


def _save(category_id: int | None) -> ResponseReturnValue:
    typed = {
        name: web.form_text(name, 200)
        for name in ("name", "parent", "sort", "picture", "is_active")
    }
    try:
        sort = whole(typed["sort"].strip() or "100")
        if sort is None:
            raise InvalidInput("sort", "排序应为 0 到 9999 的整数")
        parent = whole(typed["parent"]) if typed["parent"] else None
        if typed["parent"] and parent is None:
            raise InvalidInput("parent", "上级分类不存在，请重新选择")
        run_unit(
            catalog.category_tree.save,
            category_id,
            name=typed["name"],
            parent_id=parent,
            sort=sort,
            picture=typed["picture"],
            is_active=typed["is_active"] == "1",
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(category_id, typed, error), error.status
    flash("分类已保存")
    return redirect(url_for(".categories"), 303)


def _page(category_id: int | None, typed: dict[str, str], error: InvalidInput | None = None) -> str:
    parents = [("", "无，作为一级分类")]
    parents += [
        (str(node.category.id), "　" * node.depth + node.category.name)
        for node in catalog.category_tree.tree()
        if node.depth < catalog.category_tree.DEPTH_MAX - 1 and node.category.id != category_id
    ]
    return render_template(
        "admin/category.html",
        category_id=category_id,
        typed=typed,
        parents=parents,
        errors={error.field: error.message} if error else {},
    )


def _node(category_id: int) -> catalog.Category:
    for node in catalog.category_tree.tree():
        if node.category.id == category_id:
            return node.category
    raise NotFound("分类不存在")
