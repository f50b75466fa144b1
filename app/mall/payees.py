"""Where I am paid to (收款账户): bank cards and Alipay, for withdrawals that are paid by hand."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import withdrawals
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.mall import words
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp
from app.mall.limits import limited
from app.withdrawals import BY_HAND, Channel
from app.withdrawals.payees import PayeeInput


@bp.get("/me/wallet/payees")
@members_only
def payees() -> ResponseReturnValue:
    return _page()


@bp.post("/me/wallet/payees")
@members_only
@limited("payee", 20)
def payee_add() -> ResponseReturnValue:
    member_id, way = current_member().id, request.form.get("channel", "")
    try:
        if way not in [channel.value for channel in BY_HAND]:
            raise InvalidInput("channel", "请选择银行卡或支付宝")
        given = PayeeInput(
            Channel(way),
            web.form_text("holder", 60),
            web.form_text("account", 120),
            web.form_text("bank_name", 80),
        )
        row = run_unit(withdrawals.payees.add, member_id, given, now=clock.now())
    except InvalidInput as error:
        return _page(error), error.status
    flash("收款账户已加密保存")
    return redirect(url_for("mall.withdraw", way=row.id), 303)


@bp.post("/me/wallet/payees/<int:payee_id>/delete")
@members_only
def payee_delete(payee_id: int) -> ResponseReturnValue:
    member_id = current_member().id
    run_unit(withdrawals.payees.delete, member_id, payee_id, now=clock.now())
    flash("收款账户已删除")
    return redirect(url_for("mall.payees"), 303)


def _page(error: InvalidInput | None = None) -> str:
    return render_template(
        "mall/payees.html",
        accounts=withdrawals.payees.accounts_of(current_member().id),
        ways=BY_HAND,
        words=words,
        # What was typed comes back, but never from an address or a log.
        typed=request.form,
        error=error,
    )
