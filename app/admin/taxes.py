"""Income tax at the desk (个税代扣): who was paid, what was withheld, the quarter's file."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import audit, members, reports, settings, tax, withdrawals
from app.admin import auth, export, lists, people, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, reasons, web
from app.core.db import db, run_unit
from app.core.errors import InvalidInput, NotFound
from app.reports import tax_tables
from app.reports.certificates import certificate

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@bp.get("/tax")
@requires(Permission.TAX_VIEW)
def taxes() -> ResponseReturnValue:
    now = clock.now()
    known = tax_tables.quarters(now)
    asked = request.args.get("quarter", "")
    quarter = asked if asked in known else known[0]
    page = tax_tables.people(quarter, before=web.page_before())
    ids = [row.member_id for row in page.items]
    return render_template(
        "admin/taxes.html",
        quarter=quarter,
        quarters=[(item, words.commissions.quarter(item)) for item in known],
        is_running=quarter == known[0],
        page=page,
        pager=lists.pager(page),
        sums=tax_tables.sums(quarter),
        owners=members.names_of(ids),
        identities=tax.identity.identities_of(ids),
        method=withdrawals.withholding.method(),
        waiting=withdrawals.remitting.waiting(),
        may_export=auth.allowed(Permission.TAX_IDENTITY),
    )


@bp.post("/tax/export")
@requires(Permission.TAX_IDENTITY)
def tax_export() -> ResponseReturnValue:
    """A quarter with names and numbers in full, for the tax office; it is audited."""
    quarter = request.form.get("quarter", "")
    tax_tables.months_of(quarter)
    run_unit(
        audit.record,
        "tax.export",
        subject="tax",
        subject_id=0,
        actor=auth.actor(),
        now=clock.now(),
        after={"quarter": quarter},
    )
    return export.download(f"涉税信息-{quarter}.xlsx", tax_tables.workbook(quarter), _XLSX)


@bp.get("/tax/members/<int:member_id>")
@requires(Permission.TAX_VIEW)
def tax_member(member_id: int) -> ResponseReturnValue:
    return _page(member_id)


@bp.post("/tax/members/<int:member_id>/reveal")
@requires(Permission.TAX_IDENTITY)
def tax_reveal(member_id: int) -> ResponseReturnValue:
    """Show name and number in full, once; who asked is written down."""
    members.get(member_id)
    run_unit(tax.identity.reveal, member_id, actor=auth.actor(), now=clock.now())
    db.session.rollback()
    return _page(member_id, is_open=True)


@bp.post("/tax/members/<int:member_id>/reset")
@requires(Permission.TAX_IDENTITY)
def tax_reset(member_id: int) -> ResponseReturnValue:
    """A slip in name or number: the member fills them in anew."""
    members.get(member_id)
    try:
        said = reasons.given(web.form_text("reason"), "请填写原因")
    except InvalidInput as error:
        return _page(member_id, errors={"reason": error.message}), error.status
    actor, now = auth.actor(), clock.now()
    if not run_unit(tax.identity.delete, member_id, actor=actor, now=now, reason=said):
        raise NotFound("这位会员没有实名信息")
    flash("已清除实名信息，对方下次提现时重新填写；已代扣的记录不变")
    return redirect(url_for(".tax_member", member_id=member_id))


@bp.post("/tax/members/<int:member_id>/certificates/<year>")
@requires(Permission.TAX_IDENTITY)
def tax_certificate(member_id: int, year: str) -> ResponseReturnValue:
    if year not in {row.year for row in reports.statements.tax_years(member_id)}:
        raise NotFound("这一年没有已到账的提现")
    now = clock.now()
    run_unit(
        audit.record,
        "tax.certificate",
        subject="member",
        subject_id=member_id,
        actor=auth.actor(),
        now=now,
        after={"year": year},
    )
    shop = settings.value(settings.registry.SHOP_NAME)
    content = certificate(member_id, year, shop=shop, identity=tax.identity_of(member_id), now=now)
    return export.download(f"代扣凭证-{year}.pdf", content, "application/pdf")


def _page(member_id: int, *, is_open: bool = False, errors: dict[str, str] | None = None) -> str:
    page = tax_tables.withholdings_of(member_id, before=web.page_before())
    return render_template(
        "admin/tax_member.html",
        member=members.get(member_id),
        identity=tax.identity_of(member_id),
        is_open=is_open,
        years=reports.statements.tax_years(member_id),
        page=page,
        pager=lists.pager(page),
        acts=people.acts("member", member_id, ["tax.identify", "tax.reveal", "tax.forget"]),
        may_identify=auth.allowed(Permission.TAX_IDENTITY),
        typed=request.form,
        errors=errors or {},
    )
