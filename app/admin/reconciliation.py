"""Reconciliation with WeChat: days, what disagrees, and unlocking payouts."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import reconciliation, withdrawals
from app.admin import auth, lists, people, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.books import BREAKS, break_meaning
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.reconciliation import ReconciledDay

_TABS = [("open", "待处理差异"), ("days", "每日核对"), ("closed", "已处理差异")]


@bp.get("/reconciliation")
@requires(Permission.LEDGER_VIEW)
def reconciliation_list() -> ResponseReturnValue:
    return tables.opening(BREAKS) or _page()


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


def _page(*, failed_id: int = 0, error: str = "", unlock_error: str = "") -> str:
    failed = bool(failed_id or unlock_error)
    state = "open" if failed else lists.chosen(_TABS)
    days = reconciliation.days_page(before=web.page_before()) if state == "days" else None
    lock = withdrawals.locks.current()
    open_count = reconciliation.open_breaks()
    shown = [row.day for row in days.items] if days else []
    return render_template(
        "admin/reconciliation.html",
        tabs=[] if failed else lists.tabs(_TABS, state, {"open": open_count}, alerts=["open"]),
        state=state,
        table=None if days else tables.show(BREAKS, state=state),
        kinds=[("", "全部"), *words.money.BREAK.items()],
        meaning=break_meaning,
        failed=failed,
        pager=lists.pager(days) if days else None,
        days=[_sums(row) for row in days.items] if days else [],
        files=reconciliation.files_of(shown),
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


def _sums(row: ReconciledDay) -> tuple[ReconciledDay, dict[str, int]]:
    """The day with its three sums over all that is matched, and what is not."""
    matched = [row.sums.get(name, {}) for name in ("payment", "refund", "transfer")]
    sums = {
        side: sum(part.get(side, 0) for part in matched)
        for side in ("count", "ledger_fen", "request_fen", "bill_fen")
    }
    sums["fee_fen"] = row.sums.get("fee", {}).get("bill_fen", 0)
    sums["other_fen"] = row.sums.get("other", {}).get("bill_fen", 0)
    return row, sums
