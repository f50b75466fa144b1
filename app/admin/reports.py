"""Reports: a span of days, what it is held against, charts with their tables as files."""

from datetime import date, datetime, timedelta

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import auth, boards
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.report_readers import TOPICS
from app.core import brief, clock, money, web
from app.core.db import run_unit
from app.core.errors import InvalidInput, NotFound
from app.members import names_of
from app.reports import targets
from app.reports.boards import REPORTS, Board, Compare, Report, Span

PERIODS = {
    "7": "近 7 天",
    "30": "近 30 天",
    "90": "近 90 天",
    "month": "本月",
    "last_month": "上月",
    "year": "今年",
    "own": "自选日期",
}
COMPARES = {Compare.PREVIOUS: "上一周期", Compare.YEAR: "去年同期", Compare.NONE: "不对比"}


@bp.get("/reports", endpoint="reports")
@requires(Permission.REPORT_VIEW)
def reports_list() -> ResponseReturnValue:
    found = shown()
    if not found:
        abort(403)
    return _page(found[0])


@bp.get("/reports/<report>")
@requires(Permission.REPORT_VIEW)
def report(report: str) -> ResponseReturnValue:
    return _page(_report(report))


def _page(found: Report) -> ResponseReturnValue:
    now = clock.now()
    error, status = "", 200
    period = request.args.get("period", "30")
    try:
        span = span_asked(now)
    except InvalidInput as refused:
        error, status, period = refused.message, refused.status, "30"
        span = _span("30", Compare.PREVIOUS, now)
    return render_template(
        "admin/report.html",
        report=found,
        reports=shown(),
        span=span,
        before=span.before,
        board=made(found, span, now),
        period=period if period in PERIODS else "30",
        periods=list(PERIODS.items()),
        compares=[(key.value, text) for key, text in COMPARES.items()],
        against=COMPARES[span.compare] if span.before else "",
        error=error,
        asked={
            "period": "own",
            "from": span.first.isoformat(),
            "to": span.last.isoformat(),
            "compare": span.compare.value,
        },
    ), status


@bp.get("/reports/<report>/<block>/export")
@requires(Permission.REPORT_VIEW)
def report_export(report: str, block: str) -> ResponseReturnValue:
    """What a chart of a report shows, as a file."""
    if not auth.allowed(Permission.LIST_EXPORT):
        abort(403)
    found, now = _report(report), clock.now()
    span = span_asked(now)
    period = f"{span.first:%Y%m%d}-{span.last:%Y%m%d}"
    return boards.file_of(made(found, span, now).blocks, block, period=period)


@bp.get("/targets", endpoint="targets")
@requires(Permission.REPORT_VIEW)
def targets_page() -> ResponseReturnValue:
    return _targets(_month())


@bp.post("/targets")
@requires(Permission.TARGET_CHANGE)
def target_set() -> ResponseReturnValue:
    month = _month()
    try:
        fen = money.parse_yuan(web.form_text("target", 14), field="target", label="目标")
        run_unit(
            targets.set_target,
            web.form_text("member", 16),
            month,
            fen,
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _targets(month, {error.field: error.message}), error.status
    flash("目标已保存" if fen else "目标已取消")
    return redirect(url_for(".targets", month=f"{month:%Y-%m}"), 303)


def _targets(month: date, errors: dict[str | None, str] | None = None) -> str:
    rows = targets.of_month(month)
    return render_template(
        "admin/targets.html",
        month=month,
        rows=rows,
        owners=names_of(row.member_id for row in rows),
        errors=errors or {},
        typed=request.form.to_dict(),
        previous=f"{month - timedelta(days=1):%Y-%m}",
        following=f"{month + timedelta(days=31):%Y-%m}",
    )


def _month() -> date:
    """The month that the page is about; this one for nonsense."""
    try:
        return date.fromisoformat(f"{request.values.get('month', '')[:7]}-01")
    except ValueError:
        return clock.local(clock.now()).date().replace(day=1)


def shown() -> list[Report]:
    """The reports that this admin may see."""
    return [found for found in REPORTS.values() if auth.allowed(TOPICS[found.topic])]


def made(found: Report, span: Span, now: datetime) -> Board:
    """The report, at most some seconds old: it is the same for everybody."""
    key = ("report", found.key, span.first, span.last, span.compare)
    return brief.current().get(key, lambda: found.make(span, now), times=5)


def _report(key: str) -> Report:
    found = REPORTS.get(key)
    if found is None:
        raise NotFound("没有这张报表")
    if not auth.allowed(TOPICS[found.topic]):
        abort(403)
    return found


def span_asked(now: datetime) -> Span:
    """The days that the address asks for. Raises InvalidInput."""
    asked = request.args.get("compare", "")
    compare = Compare(asked) if asked in set(Compare) else Compare.PREVIOUS
    return _span(request.args.get("period", "30"), compare, now)


def _span(period: str, compare: Compare, now: datetime) -> Span:
    today = clock.local(now).date()
    if period == "own":
        first, last = boards.asked_day("from"), boards.asked_day("to")
        if first is None or last is None:
            raise InvalidInput("from", "请选择开始和结束日期")
        # Nothing is known of days to come, and nobody sold anything that long ago.
        if first.year < 2011:
            raise InvalidInput("from", "开始日期太早了")
        return Span(first, max(first, min(last, today)) if last >= first else last, compare)
    if period == "month":
        return Span(today.replace(day=1), today, compare)
    if period == "last_month":
        last = today.replace(day=1) - timedelta(days=1)
        return Span(last.replace(day=1), last, compare)
    if period == "year":
        return Span(today.replace(month=1, day=1), today, compare)
    days = int(period) if period in PERIODS else 30
    return Span(today - timedelta(days=days - 1), today, compare)
