"""Debts of distributors (待追回): their age, and letting one go by two people."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app import debts
from app.admin import auth, tables
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.tables.relations import AGES, ASKED, DEBTS
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, NotFound
from app.core.money import format_yuan


@bp.get("/debts", endpoint="debts")
@requires(Permission.LEDGER_VIEW)
def debt_list() -> ResponseReturnValue:
    if (led := tables.opening(DEBTS)) is not None:
        return led
    return render_template(
        "admin/debts.html",
        table=tables.show(DEBTS),
        ages=AGES,
        choices=[("", "全部"), *ASKED.items()],
        total=sum(debts.ageing(clock.now()).values(), debts.Aged()),
        me=auth.actor(),
        may_write_off=auth.allowed(Permission.DEBT_WRITE_OFF),
    )


@bp.post("/debts/<int:member_id>/write-off")
@requires(Permission.DEBT_WRITE_OFF)
def debt_ask(member_id: int) -> ResponseReturnValue:
    try:
        reason = web.form_text("reason", 400)
        row = run_unit(debts.ask, member_id, reason=reason, actor=auth.actor(), now=clock.now())
    except DomainError as error:
        flash(error.message, "error")
    else:
        flash(f"已申请核销 ¥{format_yuan(row.amount_fen)}，请由另一位管理员复核")
    return redirect(url_for(".debts"), 303)


@bp.post("/debts/write-offs/<int:write_off_id>/approve")
@requires(Permission.DEBT_WRITE_OFF)
def debt_approve(write_off_id: int) -> ResponseReturnValue:
    return _decide(write_off_id, agrees=True, said="已核销，由商城承担")


@bp.post("/debts/write-offs/<int:write_off_id>/refuse")
@requires(Permission.DEBT_WRITE_OFF)
def debt_refuse(write_off_id: int) -> ResponseReturnValue:
    return _decide(write_off_id, agrees=False, said="已驳回，仍从以后的收入里抵扣")


def _decide(write_off_id: int, *, agrees: bool, said: str) -> ResponseReturnValue:
    try:
        run_unit(
            debts.decide,
            write_off_id,
            agrees=agrees,
            answer=web.form_text("reason", 400),
            actor=auth.actor(),
            now=clock.now(),
        )
    except NotFound:
        raise
    except DomainError as error:
        flash(error.message, "error")
    else:
        flash(said)
    return redirect(url_for(".debts"), 303)
