"""Shipping many orders on one page: numbers typed or scanned row by row, or from a file."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import members
from app.admin import auth, lists
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.files import uploaded
from app.admin.models import Permission
from app.core import clock, sheets, web
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.core.export import csv_file
from app.orders import shipping
from app.orders.shipping import Parcel, Report


@bp.get("/orders/shipping")
@requires(Permission.ORDER_SHIP)
def order_shipping() -> ResponseReturnValue:
    return _page()


@bp.post("/orders/shipping")
@requires(Permission.ORDER_SHIP)
def order_shipping_send() -> ResponseReturnValue:
    """Ship those rows of the page that have a number."""
    usual = web.form_text("carrier_all", 30)
    columns = [
        request.form.getlist(name)[: shipping.PAGE] for name in ("number", "carrier", "code")
    ]
    parcels = [
        Parcel(line, number[:32], carrier[:31].strip() or usual, code[:41].strip())
        for line, (number, carrier, code) in enumerate(zip(*columns), start=1)
        if code.strip()
    ]
    if not parcels:
        return _page(error="请至少填写一个快递单号", usual=usual), 422
    return _send(parcels, usual=usual)


@bp.post("/orders/shipping/import")
@requires(Permission.ORDER_SHIP)
def order_shipping_import() -> ResponseReturnValue:
    request.max_content_length = sheets.BYTES_MAX + 64 * 1024
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return _page(file_error="请选择要导入的文件"), 422
    try:
        parcels = shipping.parcels_of(uploaded(sheets.BYTES_MAX), upload.filename)
    except InvalidInput as error:
        return _page(file_error=error.message), error.status
    return _send(parcels, from_file=True)


@bp.get("/orders/shipping/list")
@requires(Permission.ORDER_SHIP)
def order_shipping_list() -> Response:
    """The orders that wait, to be filled in by whoever packs; no names, no addresses."""
    page = shipping.waiting(size=shipping.ROWS_MAX)
    rows = [
        (
            order.number,
            "",
            "",
            "；".join(f"{x.title} {x.sku_name} × {x.quantity}" for x in order.lines),
        )
        for order in page.items
    ]
    return csv_file("待发货订单.csv", ("订单号", "快递公司", "快递单号", "商品"), rows)


def _send(
    parcels: list[Parcel], *, usual: str = "", from_file: bool = False
) -> ResponseReturnValue:
    report = run_unit(shipping.ship_all, parcels, actor=auth.actor(), now=clock.now())
    if report.is_applied:
        flash(f"已发货 {len(parcels)} 笔订单，买家会收到通知")
        return redirect(url_for(".order_shipping"), 303)
    return _page(report=report, usual=usual, from_file=from_file), 422


def _page(
    *,
    error: str = "",
    file_error: str = "",
    report: Report | None = None,
    usual: str = "",
    from_file: bool = False,
) -> str:
    page = shipping.waiting(before=web.page_before())
    typed = {row.parcel.number: row for row in report.rows} if report and not from_file else {}
    return render_template(
        "admin/order_shipping.html",
        page=page,
        pager=lists.pager(page),
        buyers=members.names_of(order.member_id for order in page.items),
        error=error,
        file_error=file_error,
        report=report,
        from_file=from_file,
        typed=typed,
        usual=usual,
        rows_max=shipping.ROWS_MAX,
    )
