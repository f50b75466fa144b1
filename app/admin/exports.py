"""Lists as files: at once while they are short, in the background above that (导出)."""

import tempfile
from dataclasses import replace
from pathlib import Path

from flask import abort, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from app.admin import auth, lists, step_up, tables
from app.admin.auth import current_admin, requires
from app.admin.blueprint import bp
from app.admin.export import download
from app.admin.models import Permission
from app.admin.tables import Listing, masks, page, source
from app.core import clock, web
from app.core.db import run_unit
from app.reports import exports
from app.reports.exports import AdminExport, FileFormat

_TYPES = {
    FileFormat.CSV: "text/csv",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# Somebody who waits for a file sees it grow.
REFRESH_SECONDS = 3

exports.configure(source.of_export)


@bp.post("/lists/<listing>/export")
@requires(Permission.LIST_EXPORT)
def list_export(listing: str) -> ResponseReturnValue:
    """What the filters find, in the columns of the page."""
    found = tables.listing(listing)
    # A list with a permission of its own has its own address as well.
    if found.exported_with is not None or not auth.allowed(found.permission):
        abort(403)
    return deliver(found)


def deliver(found: Listing, *, action: str = "list.export") -> ResponseReturnValue:
    """The file, or the page of one's exports where it is made in the background.

    With personal data in full a fresh code is asked for first.
    """
    admin, given = current_admin(), found.given(request.form)
    columns = found.columns
    if found.exported_with is None:
        columns = page.columns_for(found, admin.id, web.form_text("view", 20))
    may_take = auth.allowed(Permission.PERSONAL_DATA_EXPORT)
    seen = masks.seen_by(admin.role) if may_take else frozenset()
    told = page.personal_in(columns) & seen
    if told and (asked := step_up.demanded(Permission.PERSONAL_DATA_EXPORT)) is not None:
        return asked
    admin = current_admin()
    _, sort = page.turn_of(found, web.form_text("sort", 32), given)
    is_excel = request.form.get("format") == FileFormat.XLSX.value
    count = source.count(found, given, most=exports.AT_ONCE_MAX + 1)
    wanted = exports.Wanted(
        listing=found.name,
        title=found.title,
        filters=given,
        columns=[column.key for column in columns],
        personal=sorted(told),
        sort=sort,
        format=FileFormat.XLSX if is_excel else FileFormat.CSV,
        rows_total=count,
        action=action,
    )
    admin_id, actor, now = admin.id, auth.actor(), clock.now()
    if count > exports.AT_ONCE_MAX:
        total = source.count(found, given, most=exports.ROWS_MAX + 1)
        if total > exports.ROWS_MAX:
            flash(f"超过 {exports.ROWS_MAX:,} 行，请缩小筛选范围后分次导出", "error")
            return redirect(page.url_back(found), 303)
        wanted = replace(wanted, rows_total=total)
        run_unit(exports.request, admin_id, wanted, actor=actor, now=now)
        flash(f"超过 {exports.AT_ONCE_MAX:,} 行，正在后台生成，完成后在这里下载")
        return redirect(url_for(".exports_list"), 303)
    run_unit(exports.told, 0, wanted, actor=actor, now=now)
    rows = source.source(found, given, columns, sort=sort, seen=told)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        exports.write(path, rows, wanted.format)
        content = path.read_bytes()
    name = f"{found.title}-{clock.local(now):%Y%m%d-%H%M}.{wanted.format.value}"
    return download(name, content, _TYPES[wanted.format])


@bp.get("/exports", endpoint="exports_list")
@requires(Permission.LIST_EXPORT)
def exports_page() -> ResponseReturnValue:
    """One's own exports (我的导出), with how far those are that are being made."""
    found = exports.exports_of(current_admin().id, before=web.page_before())
    is_waiting = any(row.is_open for row in found.items)
    return render_template(
        "admin/exports.html",
        page=found,
        pager=lists.pager(found),
        is_waiting=is_waiting,
        refresh=REFRESH_SECONDS,
        progress_of={row.id: _percent(row) for row in found.items},
        columns_of={row.id: _titles(row) for row in found.items},
    )


@bp.get("/exports/<int:export_id>/file")
@requires(Permission.LIST_EXPORT)
def export_file(export_id: int) -> ResponseReturnValue:
    """The file; one with personal data asks for a fresh code, as when it was asked for."""
    row = exports.export_of(current_admin().id, export_id)
    listing = tables.listing(row.listing)
    if not auth.allowed(listing.exported_with or listing.permission):
        abort(403)
    needed = {masks.NEEDED[tables.Personal(kind)] for kind in row.personal}
    # A role may have changed since.
    if needed and not all(
        auth.allowed(permission) for permission in needed | {Permission.PERSONAL_DATA_EXPORT}
    ):
        abort(403)
    fresh = Permission.PERSONAL_DATA_EXPORT if needed else listing.exported_with
    if fresh and (asked := step_up.demanded(fresh)) is not None:
        return asked
    row = exports.export_of(current_admin().id, export_id)
    path = exports.path_of(row, web.settings().data_dir / "exports")
    name = f"{row.title}-{clock.local(row.asked_at):%Y%m%d-%H%M}.{row.format.value}"
    kind = _TYPES[row.format]
    run_unit(exports.took, export_id, actor=auth.actor(), now=clock.now())
    response = send_file(path, mimetype=kind, as_attachment=True, download_name=name)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@bp.post("/exports/<int:export_id>/cancel")
@requires(Permission.LIST_EXPORT)
def export_cancel(export_id: int) -> ResponseReturnValue:
    run_unit(
        exports.cancel,
        export_id,
        current_admin().id,
        actor=auth.actor(),
        now=clock.now(),
    )
    flash("导出已取消")
    return redirect(url_for(".exports_list"), 303)


def _percent(row: AdminExport) -> int:
    """How far it is; never quite whole before the file is."""
    return min(99, row.rows_done * 100 // max(row.rows_total, 1))


def _titles(row: AdminExport) -> str:
    found = tables.LISTINGS.get(row.listing)
    return "、".join(column.title for column in found.chosen(row.columns)) if found else ""
