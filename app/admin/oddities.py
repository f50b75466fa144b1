"""Oddities about money: what happened, what to do, and what was done."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import aftersales, orders
from app.admin import aftersale_words, auth, lists, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput

_TABS = [("open", "待处理"), ("resolved", "已处理")]


@bp.get("/oddities")
@requires(Permission.LEDGER_VIEW)
def oddities() -> ResponseReturnValue:
    return _page()


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
    page = orders.oddities(is_resolved=state == "resolved", before=web.page_before())
    return render_template(
        "admin/oddities.html",
        page=page,
        pager=None if failed_id else lists.pager(page),
        tabs=lists.tabs(_TABS, state, {"open": orders.open_oddities()}, alerts=["open"])
        if not failed_id
        else [],
        state=state,
        orders=orders.by_ids(row.order_id for row in page.items if row.order_id),
        resolvers=people.names(row.resolved_by for row in page.items),
        refunds=aftersales.refunds_of_oddities(row.id for row in page.items),
        aftersale_words=aftersale_words,
        facts={row.id: _facts(row.facts) for row in page.items},
        typed=request.form,
        failed_id=failed_id,
        error=error,
    )


def _facts(facts: dict[str, object]) -> list[tuple[str, object, bool]]:
    """Label, value, and whether the value is an amount."""
    return [
        (words.orders.FACT.get(name, name), value, name.endswith("_fen"))
        for name, value in facts.items()
    ]
