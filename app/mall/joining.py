"""Becoming a distributor and ceasing to be one (加入与退出分销), from the phone."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import audit, distribution, ledger
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput
from app.distribution import DistributorStatus
from app.distribution.joining import contract, form, ways
from app.mall import words
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp


@bp.post("/me/distribution")
@members_only
def apply_for_distribution() -> ResponseReturnValue:
    try:
        made = run_unit(
            distribution.apply,
            current_member().id,
            statement=web.form_text("statement", 200),
            # The version counts only when the box that names it was ticked.
            agreed_version=web.form_text("version", 20) if request.form.get("agreed") else "",
            answers=_typed(),
            now=clock.now(),
        )
    except InvalidInput as error:
        return page(error), error.status
    except ways.NotOpen as error:
        return page(None), error.status
    flash(
        "欢迎加入，你已是分销员"
        if made.status is DistributorStatus.APPROVED
        else "申请已提交，请等待审核"
    )
    return redirect(url_for("mall.distribution_centre"), 303)


@bp.get("/me/distribution/leave")
@members_only
def leave_distribution() -> ResponseReturnValue:
    standing = distribution.distributor_of(current_member().id)
    if standing is None or not standing.has_place:
        return redirect(url_for("mall.distribution_centre"))
    return render_template(
        "mall/leave.html", reasons=distribution.open_money(current_member().id), error=""
    )


@bp.post("/me/distribution/leave")
@members_only
def left_distribution() -> ResponseReturnValue:
    member_id = current_member().id
    standing = distribution.distributor_of(member_id)
    if standing is None or not standing.has_place:
        return redirect(url_for("mall.distribution_centre"), 303)
    if request.form.get("sure") != "1":
        return render_template(
            "mall/leave.html",
            reasons=distribution.open_money(member_id),
            error="请先勾选，确认你了解退出的后果",
        ), 422
    try:
        run_unit(
            distribution.close, standing.id, actor=audit.Actor.member(member_id), now=clock.now()
        )
    except DomainError as error:
        return render_template(
            "mall/leave.html", reasons=distribution.open_money(member_id), error=error.message
        ), error.status
    flash("你已退出分销，感谢一路同行")
    return redirect(url_for("mall.distribution_centre"), 303)


def page(error: InvalidInput | None) -> str:
    """For who may not share (yet): what it is, the contract, how one stands."""
    member_id, now = current_member().id, clock.now()
    standing = distribution.distributor_of(member_id)
    may_ask = standing is None or standing.status in (
        DistributorStatus.REJECTED,
        DistributorStatus.INVITED,
    )
    closed = ""
    if may_ask and (standing is None or standing.status is DistributorStatus.REJECTED):
        try:
            ways.check(member_id, ways.current())
        except ways.NotOpen as missing:
            may_ask, closed = False, missing.message
    agreed = contract.in_force(now)
    kept = {key: str(said) for key, said in standing.answers.items()} if standing else {}
    return render_template(
        "mall/join.html",
        standing=standing,
        sentence=words.people.DISTRIBUTOR_STATE[standing.status] if standing else None,
        may_apply=may_ask,
        closed=closed,
        contract=agreed.text,
        version=agreed.version,
        fields=form.fields_of(form.in_force()),
        answers=_typed() if error else kept,
        statement=web.form_text("statement", 200)
        if error
        else (standing.statement if standing else ""),
        agreed=bool(request.form.get("agreed")),
        wallet=ledger.wallet_of(member_id) if standing else None,
        error=error,
    )


def _typed() -> dict[str, str]:
    """What was typed into the form's own fields, by their keys."""
    return {
        name.removeprefix("answer."): value[:400]
        for name, value in request.form.items()
        if name.startswith("answer.")
    }
