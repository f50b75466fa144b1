"""Reports that come by themselves: who gets which, what was sent, what came for oneself."""

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import accounts, auth, boards, lists, report_readers, reports, words
from app.admin.auth import current_admin, requires
from app.admin.blueprint import bp
from app.admin.models import Permission, Role
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput
from app.reports import subscriptions
from app.reports.boards import REPORTS, Span
from app.reports.subscriptions import Cadence, Content, ReportDelivery, Wanted


@bp.get("/report-subscriptions", endpoint="report_subscriptions")
@requires(Permission.REPORT_VIEW)
def subscriptions_list() -> ResponseReturnValue:
    rows = subscriptions.subscriptions_for(**_who())
    return render_template(
        "admin/report_subscriptions.html",
        rows=rows,
        newest=subscriptions.newest_of([row.id for row in rows]),
        names=_names(),
        said=words.reports,
        has_mail=web.settings().smtp.is_configured,
    )


@bp.get("/report-subscriptions/new")
@requires(Permission.REPORT_SUBSCRIBE)
def report_subscription_new() -> ResponseReturnValue:
    report = request.args.get("report", "")
    compare = request.args.get("compare", "previous")
    usual = {"report": report if report in REPORTS else "sales", "compare": compare, "hour": "9"}
    chosen = {"recipients": [str(current_admin().id)], "ways": []}
    return _form(None, {**usual, "cadence": "daily", "period": "1", "content": "xlsx"}, chosen)


@bp.post("/report-subscriptions/new")
@requires(Permission.REPORT_SUBSCRIBE)
def report_subscription_create() -> ResponseReturnValue:
    return _save(None)


@bp.get("/report-subscriptions/<int:subscription_id>")
@requires(Permission.REPORT_VIEW)
def report_subscription(subscription_id: int) -> ResponseReturnValue:
    return _page(subscription_id)


@bp.get("/report-subscriptions/<int:subscription_id>/edit")
@requires(Permission.REPORT_SUBSCRIBE)
def report_subscription_edit(subscription_id: int) -> ResponseReturnValue:
    row = _own(subscription_id)
    shown = {
        "report": row.report,
        "period": row.period.value,
        "compare": row.compare.value,
        "cadence": row.cadence.value,
        "weekday": str(row.on_day),
        "monthday": str(row.on_day),
        "hour": str(row.hour),
        "content": row.content.value,
    }
    chosen = {"recipients": [str(one) for one in row.recipients], "ways": list(row.ways)}
    return _form(subscription_id, shown, chosen)


@bp.post("/report-subscriptions/<int:subscription_id>/edit")
@requires(Permission.REPORT_SUBSCRIBE)
def report_subscription_change(subscription_id: int) -> ResponseReturnValue:
    return _save(subscription_id)


@bp.post("/report-subscriptions/<int:subscription_id>/pause")
@requires(Permission.REPORT_SUBSCRIBE)
def report_subscription_pause(subscription_id: int) -> ResponseReturnValue:
    return _act(subscription_id, subscriptions.pause, "已暂停")


@bp.post("/report-subscriptions/<int:subscription_id>/resume")
@requires(Permission.REPORT_SUBSCRIBE)
def report_subscription_resume(subscription_id: int) -> ResponseReturnValue:
    return _act(subscription_id, subscriptions.resume, "已恢复，从下一次开始发送")


@bp.post("/report-subscriptions/<int:subscription_id>/now")
@requires(Permission.REPORT_SUBSCRIBE)
def report_subscription_now(subscription_id: int) -> ResponseReturnValue:
    return _act(subscription_id, subscriptions.send_now, "一分钟内发出，结果显示在发送记录里")


@bp.post("/report-subscriptions/<int:subscription_id>/delete")
@requires(Permission.REPORT_SUBSCRIBE)
def report_subscription_delete(subscription_id: int) -> ResponseReturnValue:
    run_unit(subscriptions.delete, subscription_id, **_who(), **_done())
    flash("定期报表已删除，以后不再发送")
    return redirect(url_for(".report_subscriptions"), 303)


@bp.post("/report-subscriptions/deliveries/<int:sent_id>/again")
@requires(Permission.REPORT_SUBSCRIBE)
def report_delivery_again(sent_id: int) -> ResponseReturnValue:
    row = subscriptions.delivery(sent_id)
    subscription_id = row.subscription_id
    try:
        run_unit(subscriptions.send_again, sent_id, **_who(), **_done())
    except DomainError as error:
        if error.status == 404:
            raise
        return _page(subscription_id, error.message), error.status
    flash("一分钟内再发一次")
    return redirect(url_for(".report_subscription", subscription_id=subscription_id), 303)


# --- what came for oneself ------------------------------------------------------------


@bp.get("/report-inbox")
@requires(Permission.REPORT_VIEW)
def report_inbox() -> ResponseReturnValue:
    """One's own reports (我的报表). What was on the page is read by the next one."""
    admin_id = current_admin().id
    page = subscriptions.inbox(admin_id, before=web.page_before())
    answer = render_template(
        "admin/report_inbox.html",
        page=page,
        pager=lists.pager(page),
        said=words.reports,
        files_of={row.id: _may_take(row) for row in page.items},
        sees_of={row.id: _may_see(row) for row in page.items},
    )
    unread = [row.id for row in page.items if row.read_at is None]
    if unread:
        run_unit(subscriptions.mark_read, admin_id, up_to=max(unread), now=clock.now())
    return answer


@bp.get("/report-inbox/<int:sent_id>/<block>/file")
@requires(Permission.REPORT_VIEW)
def report_inbox_file(sent_id: int, block: str) -> ResponseReturnValue:
    """A table of a report that came, by the permissions of this moment."""
    row = subscriptions.received(current_admin().id, sent_id)
    if not _may_take(row):
        abort(403)
    span = Span(row.first, row.last, row.compare)
    period = f"{span.first:%Y%m%d}-{span.last:%Y%m%d}"
    found = reports.made(REPORTS[row.report], span, clock.now())
    return boards.file_of(found.blocks, block, period=period)


# --- the parts ------------------------------------------------------------------------


def _who() -> dict[str, Any]:
    admin = current_admin()
    return {"admin_id": admin.id, "is_owner": admin.role is Role.OWNER}


def _done() -> dict[str, Any]:
    return {"actor": auth.actor(), "now": clock.now()}


def _names() -> dict[int, str]:
    return {admin.id: admin.name for admin in accounts.everybody()}


def _may_see(row: ReportDelivery) -> bool:
    return not report_readers.refusal(current_admin().role, row.report, Content.SUMMARY)


def _may_take(row: ReportDelivery) -> list[tuple[str, str]]:
    """The tables of a report that this admin may have as files: key and title."""
    if report_readers.refusal(current_admin().role, row.report, Content.XLSX):
        return []
    if row.content is Content.SUMMARY or not row.summary:
        return []
    return [(key, title) for key, title in row.summary.get("tables", [])]


def _own(subscription_id: int) -> subscriptions.ReportSubscription:
    """One that this admin may change; 404 for one that only comes to them."""
    row = subscriptions.subscription(subscription_id, **_who())
    if not _may_change(row):
        abort(404)
    return row


def _may_change(row: subscriptions.ReportSubscription) -> bool:
    admin = current_admin()
    if not auth.allowed(Permission.REPORT_SUBSCRIBE):
        return False
    return admin.role is Role.OWNER or row.created_by == admin.id


def _save(subscription_id: int | None) -> ResponseReturnValue:
    cadence = web.form_text("cadence", 20)
    day = web.form_text("weekday" if cadence == Cadence.WEEKLY else "monthday", 2)
    wanted = Wanted(
        report=web.form_text("report", 32),
        period=web.form_text("period", 20),
        compare=web.form_text("compare", 20),
        cadence=cadence,
        on_day=int(day) if day.isdecimal() else -1,
        hour=int(hour) if (hour := web.form_text("hour", 2)).isdecimal() else -1,
        content=web.form_text("content", 20),
        ways=[way[:20] for way in request.form.getlist("ways")],
        recipients=[
            number
            for text in request.form.getlist("recipients")[:100]
            if (number := web.whole_number(text))
        ],
    )
    try:
        row = run_unit(subscriptions.save, subscription_id, wanted, **_who(), **_done())
    except InvalidInput as error:
        chosen = {name: request.form.getlist(name) for name in ("recipients", "ways")}
        return _form(subscription_id, request.form.to_dict(), chosen, error), error.status
    flash("定期报表已保存")
    return redirect(url_for(".report_subscription", subscription_id=row.id), 303)


def _act(subscription_id: int, act: Callable[..., object], said: str) -> ResponseReturnValue:
    try:
        run_unit(act, subscription_id, **_who(), **_done())
    except DomainError as error:
        if error.status == 404:
            raise
        return _page(subscription_id, error.message), error.status
    flash(said)
    return redirect(url_for(".report_subscription", subscription_id=subscription_id), 303)


def _page(subscription_id: int, refused: str = "") -> str:
    row = subscriptions.subscription(subscription_id, **_who())
    page = subscriptions.history(row.id, before=web.page_before())
    return render_template(
        "admin/report_subscription.html",
        row=row,
        page=page,
        pager=lists.pager(page),
        names=_names(),
        said=words.reports,
        may_change=_may_change(row),
        has_mail=web.settings().smtp.is_configured,
        refused=refused,
    )


def _form(
    subscription_id: int | None,
    typed: dict[str, str],
    chosen: dict[str, list[str]],
    error: InvalidInput | None = None,
) -> str:
    return render_template(
        "admin/report_subscription_edit.html",
        subscription_id=subscription_id,
        typed=typed,
        chosen=chosen,
        errors={error.field: error.message} if error else {},
        reports=[(found.key, found.title) for found in reports.shown()],
        admins=[admin for admin in accounts.everybody() if admin.is_active],
        said=words.reports,
        hours=[(str(hour), f"{hour}:00") for hour in range(24)],
        has_mail=web.settings().smtp.is_configured,
    )
