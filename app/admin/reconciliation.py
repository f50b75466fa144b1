"""Reconciliation with WeChat: days, what disagrees, and unlocking payouts."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import reconciliation, withdrawals
from app.admin import auth, lists, people, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables import books
from app.admin.tables.books import BREAKS, DAYS, break_meaning
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound

_TABS = [("open", "待处理差异"), ("closed", "已处理差异")]
# A list of its own, on the same page.
_DAYS = "days"


@bp.get("/reconciliation")
@requires(Permission.LEDGER_VIEW)
def reconciliation_list() -> ResponseReturnValue:
    return tables.opening(BREAKS) or _page(lists.chosen(_TABS))


@bp.get("/reconciliation/days")
@requires(Permission.LEDGER_VIEW)
def reconciliation_days() -> ResponseReturnValue:
    return tables.opening(DAYS) or _page(_DAYS)


@bp.post("/reconciliation/breaks/<int:break_id>/close")
@requires(Permission.RECONCILIATION_CLOSE)
def reconciliation_close(break_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            reconciliation.close_break,
            break_id,
            reason=web.form_text("reason"),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(failed_id=break_id, error=error.message), error.status
    flash("已记录处理结果")
    return redirect(url_for(".reconciliation_list"), 303)


@bp.post("/reconciliation/unlock")
@requires(Permission.PAYOUT_UNLOCK)
def reconciliation_unlock() -> ResponseReturnValue:
    """Agree to unlock payouts; the second of two people ends the lock."""
    try:
        done = run_unit(
            reconciliation.unlock,
            note=web.form_text("note"),
            actor=auth.actor(),
            now=clock.now(),
        )
    except NotFound:
        raise
    except DomainError as error:
        return _page(unlock_error=error.message), error.status
    if done:
        flash("打款已解锁，已通过的提现会由打款任务继续发出")
    else:
        flash("已记录你的同意，还需要另一位管理员确认", "warning")
    return redirect(url_for(".reconciliation_list"), 303)


def _page(
    state: str = "open", *, failed_id: int = 0, error: str = "", unlock_error: str = ""
) -> str:
    failed = bool(failed_id or unlock_error)
    lock = withdrawals.locks.current()
    open_count = reconciliation.open_breaks()
    return render_template(
        "admin/reconciliation.html",
        tabs=[] if failed else _tabs(state, open_count),
        state=state,
        table=tables.show(DAYS) if state == _DAYS else tables.show(BREAKS, state=state),
        kinds=[("", "全部"), *words.money.BREAK.items()],
        results=[("", "全部"), *((key, said) for key, (said, _) in words.money.RECONCILED.items())],
        meaning=break_meaning,
        books=books,
        failed=failed,
        lock=lock,
        open_count=open_count,
        missing=reconciliation.days_missing(),
        is_first_mine=lock is not None and lock.first_by == auth.actor().ref,
        people=people.names([lock.first_by if lock else ""]),
        typed=request.form,
        failed_id=failed_id,
        error=error,
        unlock_error=unlock_error,
        now=clock.now(),
    )


def _tabs(state: str, open_count: int) -> list[dict[str, Any]]:
    """The days stand between the breaks that wait and those that are done."""
    waiting, closed = lists.tabs(_TABS, state, {"open": open_count}, alerts=["open"])
    if state == _DAYS:
        # The order and the view of another list mean nothing there.
        waiting["url"] = url_for(".reconciliation_list", state="open")
        closed["url"] = url_for(".reconciliation_list", state="closed")
    days = {"label": DAYS.title, "url": url_for(".reconciliation_days"), "active": state == _DAYS}
    return [waiting, days, closed]
