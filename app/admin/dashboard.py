"""The first page: what waits for a person, today's figures, trends, where the money is."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import aftersales, orders, reports, withdrawals
from app.admin import auth, boards, lists
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import brief, clock, web
from app.core.errors import NotFound
from app.reports import figures
from app.reports.boards import Block, overview

MONEY = "admin:money"
MONEY_SECONDS = 60


@bp.get("/")
@requires(Permission.DASHBOARD)
def dashboard() -> ResponseReturnValue:
    now, days = clock.now(), _days()
    return render_template(
        "admin/dashboard.html",
        now=now,
        moments=brief.current().get("moments", lambda: figures.moments(now), times=5),
        money=_money() if auth.allowed(Permission.LEDGER_VIEW) else None,
        days=days,
        periods=lists.tabs(
            [(str(n), f"近 {n} 天") for n in overview.PERIODS], str(days), {}, name="days"
        ),
        blocks={block.key: block for block in _blocks(days, now)},
    )


@bp.get("/dashboard/<block>/export")
@requires(Permission.LIST_EXPORT)
def dashboard_export(block: str) -> ResponseReturnValue:
    """What a chart of the dashboard shows, as a file."""
    now, days = clock.now(), _days()
    return boards.file_of(_blocks(days, now), block, period=f"近{days}天-{clock.local(now):%Y%m%d}")


def _days() -> int:
    asked = web.whole_number(request.args.get("days", ""))
    return asked if asked in overview.PERIODS else overview.PERIODS[1]


def _blocks(days: int, now: datetime) -> list[Block]:
    span = overview.last_days(days, now)
    # The same for everybody, and of today's figures half a minute old at most.
    key = ("dashboard", days, span.last)
    return brief.current().get(key, lambda: overview.blocks(span, now), times=10)


def _money() -> reports.Money:
    """Where the money is, as of at most a minute ago.

    System accounts are summed, not kept: over millions of entries that takes
    longer than opening a page may.
    """
    kept = web.cache().get(MONEY)
    if kept is not None:
        return reports.Money(**kept)
    found = reports.money()
    web.cache().set(MONEY, asdict(found), MONEY_SECONDS)
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
