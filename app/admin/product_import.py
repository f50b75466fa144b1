"""Products from a file: upload, look at what would change, apply."""

import io

import xlsxwriter
from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog
from app.admin import auth, people
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.files import uploaded
from app.admin.models import Permission
from app.catalog import import_sheet, product_import
from app.core import clock, sheets, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.export import download

_ERRORS_FIRST = {"error": 0, "new": 1, "change": 2, "same": 3}


@bp.get("/products/import")
@requires(Permission.PRODUCT_CHANGE)
def product_import_form() -> ResponseReturnValue:
    return _form()


@bp.post("/products/import")
@requires(Permission.PRODUCT_CHANGE)
def product_import_upload() -> ResponseReturnValue:
    request.max_content_length = sheets.BYTES_MAX + 64 * 1024
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return _form("请选择要导入的文件"), 422
    try:
        row = run_unit(
            product_import.upload,
            uploaded(sheets.BYTES_MAX),
            filename=upload.filename,
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _form(error.message), error.status
    return redirect(url_for(".product_import_check", import_id=row.id), 303)


@bp.get("/products/import/template")
@requires(Permission.PRODUCT_CHANGE)
def product_import_template() -> Response:
    """An empty table with headings, an example, and what each column means."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        bold, text = book.add_format({"bold": True}), book.add_format({"num_format": "@"})
        sheet, notes = book.add_worksheet("商品"), book.add_worksheet("填写说明")
        sheet.freeze_panes(1, 1)
        # As text: a code keeps its leading zeros and a long one its digits.
        sheet.set_column(0, len(import_sheet.COLUMNS) - 1, 14, text)
        notes.set_column(0, 0, 14)
        notes.set_column(1, 1, 90)
        notes.write_row(0, 0, ("列", "怎么填"), bold)
        for number, column in enumerate(import_sheet.COLUMNS):
            sheet.write_string(0, number, column.title, bold)
            sheet.write_string(1, number, column.example, text)
            sheet.write_string(2, number, column.more, text)
            notes.write_row(number + 1, 0, (column.title, column.help))
    mimetype = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return download("商品导入模板.xlsx", out.getvalue(), mimetype)


@bp.get("/products/import/<int:import_id>")
@requires(Permission.PRODUCT_CHANGE)
def product_import_check(import_id: int) -> ResponseReturnValue:
    return _page(import_id)


@bp.post("/products/import/<int:import_id>/apply")
@requires(Permission.PRODUCT_CHANGE)
def product_import_apply(import_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            product_import.apply,
            import_id,
            seen=web.form_text("mark", 64),
            actor=auth.actor(),
            now=clock.now(),
        )
    except NotFound:
        raise
    except DomainError as error:
        return _page(import_id, error.message), error.status
    flash("导入完成，新商品已保存为草稿，补上图片后即可上架")
    return redirect(url_for(".product_import_check", import_id=import_id), 303)


def _form(error: str = "") -> str:
    recent = product_import.recent()
    return render_template(
        "admin/product_import.html",
        error=error,
        recent=recent,
        names=people.names(row.uploaded_by for row in recent),
        rows_max=import_sheet.ROWS_MAX,
        columns=import_sheet.COLUMNS,
    )


def _page(import_id: int, error: str = "") -> str:
    row = product_import.get(import_id)
    if row is None:
        raise NotFound("导入的文件不存在或已过期，请重新上传")
    plan = None if row.applied_at else product_import.plan(row.lines)
    lines = plan.rows if plan else [catalog.product_import.reported(line) for line in row.report]
    return render_template(
        "admin/product_import_check.html",
        row=row,
        error=error,
        plan=plan,
        lines=sorted(lines, key=lambda line: (_ERRORS_FIRST[line.state], line.line)),
        counts={state: sum(line.state == state for line in lines) for state in _ERRORS_FIRST},
        names=people.names([row.uploaded_by, row.applied_by]),
    )
