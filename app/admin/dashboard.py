"""The first page: what waits for a person, today's figures, where the money is."""

from collections.abc import Callable
from dataclasses import asdict

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import aftersales, orders, reports, withdrawals
from app.admin import auth
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.errors import NotFound

_MONEY = "admin:money"
MONEY_SECONDS = 60


@bp.get("/")
@requires(Permission.DASHBOARD)
def dashboard() -> ResponseReturnValue:
    now = clock.now()
    days = reports.sales_by_day(now)
    return render_template(
        "admin/dashboard.html",
        now=now,
        figures=reports.figures(now),
        money=_money() if auth.allowed(Permission.LEDGER_VIEW) else None,
        days=days,
        chart={
            "kind": "line",
            "unit": "yuan",
            "x": [f"{row.day:%m-%d}" for row in days],
            "series": [{"name": "成交额", "values": [row.sales_fen for row in days]}],
        },
    )


def _money() -> reports.Money:
    """Where the money is, as of at most a minute ago.

    System accounts are summed, not kept: over millions of entries that takes
    longer than opening a page may.
    """
    kept = web.cache().get(_MONEY)
    if kept is not None:
        return reports.Money(**kept)
    found = reports.money()
    web.cache().set(_MONEY, asdict(found), MONEY_SECONDS)
    return found


@bp.get("/search")
@requires(Permission.DASHBOARD)
def search() -> ResponseReturnValue:
    """Lead from a number to its page: an order's, an after-sale's or a withdrawal's."""
    q = request.args.get("q", "").strip().upper()[:64]
    for permission, page, find in _NUMBERED:
        if not q or not auth.allowed(permission):
            continue
        try:
            return redirect(url_for(page, number=find(q)))
        except NotFound:
            continue
    return render_template("admin/search.html", q=q)


# What has a number of its own: who may see it, its page, and whether there is one.
_NUMBERED: list[tuple[Permission, str, Callable[[str], str]]] = [
    (Permission.ORDER_VIEW, ".order", lambda q: orders.order_by_number(q).number),
    (Permission.AFTERSALE_VIEW, ".aftersale", lambda q: aftersales.aftersale_by_number(q).number),
    (
        Permission.WITHDRAWAL_VIEW,
        ".withdrawal",
        lambda q: withdrawals.withdrawal_by_number(q).number,
    ),
]
