"""以后提现自动到账: the member's grant to receive without confirming each transfer."""

from flask import flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app import wechat
from app.core import clock
from app.core.db import db
from app.mall import words
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp
from app.mall.limits import limited, may_ask
from app.withdrawals import GrantStatus, granting, grants


@bp.get("/me/wallet/auto")
@members_only
def auto_receipt() -> ResponseReturnValue:
    grant = grants.newest_of(current_member().id)
    waits = grant is not None and grant.status is GrantStatus.WAITING and not grant.end_asked_at
    gateway = wechat.current().transfers
    return render_template(
        "mall/auto_receipt.html",
        grant=grant,
        is_live=grant is not None and grant.status is not GrantStatus.CLOSED,
        is_ending=grant is not None and grant.end_asked_at is not None,
        is_offered=grants.are_offered(),
        confirm_within=grants.CONFIRM_WITHIN,
        state=words.withdrawals.grant_state(grant),
        closed=words.withdrawals.grant_closed(grant)
        if grant is not None and grant.status is GrantStatus.CLOSED
        else "",
        confirm=gateway.confirm_parameters(grant.package_info)
        if grant is not None and waits and grant.package_info
        else None,
    )


@bp.post("/me/wallet/auto")
@members_only
@limited("grant", 10)
def auto_receipt_start() -> ResponseReturnValue:
    """Have WeChat make the grant; the page then leads to where it is confirmed."""
    granting.start(current_member().id, gateway=wechat.current().transfers.grants, now=clock.now())
    return redirect(url_for("mall.auto_receipt"), 303)


@bp.get("/me/wallet/auto/state")
@members_only
def auto_receipt_state() -> ResponseReturnValue:
    """Where it stands; asks WeChat itself while the member has just confirmed."""
    member_id = current_member().id
    grant = grants.live_of(member_id)
    if grant is not None and _is_open(grant.status) and may_ask(grant.out_authorization_no):
        grant_id = grant.id
        db.session.rollback()
        granting.ask(grant_id, gateway=wechat.current().transfers.grants, now=clock.now())
        grant = grants.live_of(member_id)
    return jsonify(waits=grant is not None and _is_open(grant.status))


@bp.post("/me/wallet/auto/end")
@members_only
@limited("grant", 10)
def auto_receipt_end() -> ResponseReturnValue:
    status = granting.end(
        current_member().id, gateway=wechat.current().transfers.grants, now=clock.now()
    )
    flash(
        "已关闭，之后的提现需要逐笔确认收款"
        if status == GrantStatus.CLOSED
        else "正在关闭，之后的提现已改为逐笔确认收款"
    )
    return redirect(url_for("mall.auto_receipt"), 303)


def _is_open(status: GrantStatus) -> bool:
    return status in (GrantStatus.CREATED, GrantStatus.WAITING)
