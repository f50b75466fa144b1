"""Oddities about money: what happened, what to do, and what was done."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import orders
from app.admin import auth, lists, tables
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.relations import ODDITIES, oddity_facts_of
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput

_TABS = [("open", "待处理"), ("resolved", "已处理")]


@bp.get("/oddities")
@requires(Permission.LEDGER_VIEW)
def oddities() -> ResponseReturnValue:
    return tables.opening(ODDITIES) or _page()


@bp.post("/oddities/<int:oddity_id>/resolve")
@requires(Permission.ODDITY_RESOLVE)
def oddity_resolve(oddity_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            orders.resolve_oddity,
            oddity_id,
            resolution=web.form_text("resolution"),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(failed_id=oddity_id, error=error.message), error.status
    flash("已记录处理结果")
    return redirect(url_for(".oddities"))


def _page(*, failed_id: int = 0, error: str = "") -> str:
    state = lists.chosen(_TABS)
    table = tables.show(ODDITIES, state=state)
    return render_template(
        "admin/oddities.html",
        table=table,
        tabs=lists.tabs(_TABS, state, {"open": orders.open_oddities()}, alerts=["open"])
        if not failed_id
        else [],
        state=state,
        facts=oddity_facts_of,
        typed=request.form,
        failed_id=failed_id,
        error=error,
    )
