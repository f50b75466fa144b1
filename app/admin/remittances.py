"""Withheld tax on its way to the tax office (缴库登记): one books it, another confirms."""

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog
from app.admin import auth, lists, people
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.money import format_yuan, parse_yuan
from app.withdrawals import RemittanceState, TaxRemittance, remitting, vouchers


@bp.get("/tax/remittances")
@requires(Permission.TAX_VIEW)
def tax_remittances() -> ResponseReturnValue:
    page = remitting.page(before=web.page_before())
    months = remitting.months()
    return render_template(
        "admin/tax_remittances.html",
        months=months,
        withheld_fen=sum(row.withheld_fen for row in months),
        remitted_fen=sum(row.remitted_fen for row in months),
        open_fen=sum(row.open_fen for row in months),
        asked=remitting.asked_months(),
        page=page,
        pager=lists.pager(page),
        taken_back=remitting.corrections([row.id for row in page.items]),
        credits=remitting.credits_of([row.id for row in page.items]),
        names=people.names(
            who for row in page.items for who in (row.asked_by, row.decided_by) if who
        ),
        me=auth.actor().ref,
        may_remit=auth.allowed(Permission.TAX_REMIT),
        may_see=auth.allowed(Permission.PAYOUT_VOUCHER_VIEW),
        State=RemittanceState,
    )


@bp.get("/tax/remittances/new/<month>")
@requires(Permission.TAX_REMIT)
def tax_remittance_new(month: str) -> ResponseReturnValue:
    return _form(_month(month))


@bp.post("/tax/remittances/new/<month>")
@requires(Permission.TAX_REMIT)
def tax_remittance_ask(month: str) -> ResponseReturnValue:
    found = _month(month)
    try:
        facts = {
            "amount_fen": parse_yuan(web.form_text("amount", 20), field="amount", label="缴款金额"),
            "paid_on": _day(web.form_text("paid_on", 20)),
            "serial": web.form_text("serial", 80),
        }
        # Decoded before anything is locked.
        content, kind = vouchers.read(_sent())
        row = run_unit(_asked, month, facts, content, kind)
    except (InvalidInput, DomainError) as error:
        return _form(found, error), error.status
    less = f"（抵减多缴 ¥{format_yuan(row.credit_fen)}）" if row.credit_fen else ""
    flash(f"已登记 {row.month} 缴款 ¥{format_yuan(row.amount_fen)}{less}，请由另一位管理员确认")
    return redirect(url_for(".tax_remittances"), 303)


@bp.post("/tax/remittances/<int:remittance_id>/confirm")
@requires(Permission.TAX_REMIT)
def tax_remittance_confirm(remittance_id: int) -> ResponseReturnValue:
    return _act(remitting.decide, remittance_id, "已确认并记账", agrees=True)


@bp.post("/tax/remittances/<int:remittance_id>/refuse")
@requires(Permission.TAX_REMIT)
def tax_remittance_refuse(remittance_id: int) -> ResponseReturnValue:
    answer = web.form_text("reason", 400)
    return _act(remitting.decide, remittance_id, "没有入账", agrees=False, answer=answer)


@bp.post("/tax/remittances/<int:remittance_id>/reverse")
@requires(Permission.TAX_REMIT)
def tax_remittance_reverse(remittance_id: int) -> ResponseReturnValue:
    reason = web.form_text("reason", 400)
    said = "已申请冲正，请由另一位管理员确认"
    return _act(remitting.ask_reversal, remittance_id, said, reason=reason)


def _act(
    act: Callable[..., TaxRemittance], remittance_id: int, said: str, **given: Any
) -> ResponseReturnValue:
    try:
        run_unit(act, remittance_id, actor=auth.actor(), now=clock.now(), **given)
    except NotFound:
        raise
    except DomainError as error:
        flash(error.message, "error")
    else:
        flash(said)
    return redirect(url_for(".tax_remittances"), 303)


def _asked(month: str, facts: dict[str, Any], content: bytes, kind: str) -> TaxRemittance:
    actor, now = auth.actor(), clock.now()
    voucher = vouchers.keep(content, kind, actor=actor, now=now)
    return remitting.ask(month, **facts, voucher_id=voucher.id, actor=actor, now=now)


def _sent() -> bytes:
    sent = request.files.get("voucher")
    if sent is None:
        return b""
    with sent.stream as stream:
        return stream.read(catalog.media.BYTES_MAX + 1)


def _month(month: str) -> remitting.Month:
    try:
        return remitting.of_month(month)
    except InvalidInput as error:
        raise NotFound(error.message) from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("paid_on", "请填写缴款日期") from None


def _form(found: remitting.Month, error: DomainError | None = None) -> str:
    field = error.field if isinstance(error, InvalidInput) else None
    return render_template(
        "admin/tax_remittance_new.html",
        found=found,
        most_fen=(most := remitting.most_fen(found)),
        credits=remitting.credits_for(most),
        typed=request.form,
        today=clock.local(clock.now()).date(),
        errors={field: error.message} if error and field else {},
        refused=error.message if error and not field else "",
    )
