"""What an admin chooses for a list: its columns, saved views, the view it opens with."""

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from app.admin import auth, tables
from app.admin.auth import current_admin, requires
from app.admin.blueprint import bp
from app.admin.models import Permission, Role
from app.admin.tables import Listing, page, views
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput

# A choice of columns is for the list as it is; places and views are left behind.
_PLACE = frozenset({"before", "back", "view"})


@bp.post("/lists/<listing>/columns")
@requires(Permission.OWN_ACCOUNT)
def list_columns(listing: str) -> ResponseReturnValue:
    found = _listing(listing)
    keys = [] if "reset" in request.form else request.form.getlist("columns")
    if not keys and "reset" not in request.form:
        flash("请至少选择一列", "warning")
        return redirect(page.url_back(found), 303)
    try:
        run_unit(
            views.choose_columns,
            current_admin().id,
            found,
            keys,
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        flash(error.message, "error")
    return redirect(page.url_back(found, leaving=_PLACE), 303)


@bp.post("/lists/<listing>/views")
@requires(Permission.OWN_ACCOUNT)
def list_view_save(listing: str) -> ResponseReturnValue:
    """Keep the filters, the order and the columns of the page under a name."""
    found, admin = _listing(listing), current_admin()
    given = found.given(request.form)
    _, sort = page.turn_of(found, web.form_text("sort", 32), given)
    shown = page.columns_for(found, admin.id, web.form_text("view", 20))
    name = web.form_text("name", 60)
    try:
        view = run_unit(
            views.save_view,
            admin.id,
            found,
            name=name,
            filters=given,
            columns=[column.key for column in shown],
            sort=sort,
            # What all see in their lists, an owner decides.
            is_shared="is_shared" in request.form and admin.role is Role.OWNER,
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        flash(error.message, "error")
        return redirect(page.url_back(found), 303)
    flash(f"视图“{view.name}”已保存")
    return redirect(page.view_url(found, view), 303)


@bp.post("/lists/<listing>/views/<int:view_id>/delete")
@requires(Permission.OWN_ACCOUNT)
def list_view_delete(listing: str, view_id: int) -> ResponseReturnValue:
    found = _listing(listing)
    run_unit(
        views.delete_view,
        current_admin().id,
        found,
        view_id,
        actor=auth.actor(),
        now=clock.now(),
    )
    flash("视图已删除")
    return redirect(page.url_back(found, leaving=_PLACE), 303)


@bp.post("/lists/<listing>/views/<int:view_id>/open")
@requires(Permission.OWN_ACCOUNT)
def list_view_open(listing: str, view_id: int) -> ResponseReturnValue:
    """Open the list with this view from now on; 0 for the list as it is."""
    found = _listing(listing)
    run_unit(
        views.open_with,
        current_admin().id,
        found,
        view_id or None,
        actor=auth.actor(),
        now=clock.now(),
    )
    flash("以后打开这个列表时先显示这个视图" if view_id else "已取消默认视图")
    return redirect(page.url_back(found), 303)


def _listing(name: str) -> Listing:
    found = tables.listing(name)
    if not auth.allowed(found.permission):
        abort(403)
    return found
