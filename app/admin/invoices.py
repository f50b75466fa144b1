"""Invoices that members asked for: the list, and what became of each."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import members, orders
from app.admin import auth, lists, people, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.papers import INVOICES
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.orders import InvoiceStatus, invoices

_TABS = [
    *((status.value, words.orders.INVOICE[status][0]) for status in InvoiceStatus),
    ("", "全部"),
]


@bp.get("/invoices", endpoint="invoices")
@requires(Permission.ORDER_VIEW)
def invoices_list() -> ResponseReturnValue:
    if (led := tables.opening(INVOICES)) is not None:
        return led
    state = lists.chosen(_TABS)
    counts = {status.value: count for status, count in invoices.counts().items()}
    return render_template(
        "admin/invoices.html",
        table=tables.show(INVOICES, state=state),
        tabs=lists.tabs(
            _TABS, state, counts | {"": sum(counts.values())}, alerts=[InvoiceStatus.REQUESTED]
        ),
    )


@bp.get("/invoices/<int:invoice_id>")
@requires(Permission.ORDER_VIEW)
def invoice(invoice_id: int) -> ResponseReturnValue:
    return _page(invoice_id)


@bp.post("/invoices/<int:invoice_id>/issue")
@requires(Permission.INVOICE_ISSUE)
def invoice_issue(invoice_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            invoices.issue,
            invoice_id,
            number=web.form_text("number", 40),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(invoice_id, error), error.status
    flash("已登记为已开票")
    return redirect(url_for(".invoice", invoice_id=invoice_id))


@bp.post("/invoices/<int:invoice_id>/refuse")
@requires(Permission.INVOICE_ISSUE)
def invoice_refuse(invoice_id: int) -> ResponseReturnValue:
    try:
        run_unit(
            invoices.refuse,
            invoice_id,
            note=web.form_text("note", 300),
            actor=auth.actor(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(invoice_id, error), error.status
    flash("已退回，买家可以修改后重新申请")
    return redirect(url_for(".invoice", invoice_id=invoice_id))


def _page(invoice_id: int, error: InvalidInput | None = None) -> str:
    row = invoices.invoice(invoice_id)
    may_issue = auth.allowed(Permission.INVOICE_ISSUE)
    return render_template(
        "admin/invoice.html",
        row=row,
        order=orders.by_ids([row.order_id])[row.order_id],
        buyer=members.names_of([row.member_id]).get(row.member_id),
        timeline=people.timeline("invoice", row.id, words.orders.INVOICE),
        may_issue=may_issue and row.status is InvoiceStatus.REQUESTED,
        email=row.email if may_issue else "******",
        typed=request.form,
        errors={error.field: error.message} if error else {},
    )
