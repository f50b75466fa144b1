"""Who I am to the tax office (实名信息): asked once, before the first taxed withdrawal."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import tax, withdrawals
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.mall import words
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp


@bp.get("/me/identity")
@members_only
def identity() -> ResponseReturnValue:
    return _page()


@bp.post("/me/identity")
@members_only
def identity_save() -> ResponseReturnValue:
    member_id = current_member().id
    try:
        run_unit(
            tax.identify,
            member_id,
            name=web.form_text("name", 60),
            number=web.form_text("number", 40),
            has_agreed=request.form.get("agreed") == "1",
            now=clock.now(),
        )
    except InvalidInput as error:
        return _page(error), error.status
    flash("实名信息已加密保存")
    return redirect(url_for("mall.withdraw"), 303)


@bp.post("/me/identity/agree")
@members_only
def identity_agree() -> ResponseReturnValue:
    """Agree to the present text, which says more than the one agreed to before."""
    member_id = current_member().id
    has_agreed = request.form.get("agreed") == "1"
    try:
        run_unit(tax.identity.agree_again, member_id, has_agreed=has_agreed, now=clock.now())
    except InvalidInput as error:
        return _page(error), error.status
    flash("已记录你的同意")
    return redirect(url_for("mall.withdraw"), 303)


@bp.post("/me/identity/delete")
@members_only
def identity_delete() -> ResponseReturnValue:
    """Forget it, and with it the consent's purpose; refused once tax was withheld."""
    member_id = current_member().id
    actor = words.member_actor(member_id, web.remote_address())
    run_unit(withdrawals.withholding.forget_identity, member_id, actor=actor, now=clock.now())
    flash("实名信息已删除")
    return redirect(url_for("mall.identity"), 303)


def _page(error: InvalidInput | None = None) -> str:
    member_id = current_member().id
    return render_template(
        "mall/identity.html",
        kept=tax.identity_of(member_id),
        is_agreed=tax.identity.may_tell_name(member_id),
        may_delete=not withdrawals.withholding.has_any(member_id),
        paragraphs=tax.identity.PARAGRAPHS,
        version=tax.identity.VERSION,
        is_needed=withdrawals.withholding.needs_identity(member_id),
        # What was typed comes back, but never from an address or a log.
        typed=request.form,
        error=error,
    )
