"""The personal centre (我的): who I am and what the rules are."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app import (
    aftersales,
    commission,
    distribution,
    interests,
    ledger,
    members,
    notices,
    orders,
    reviews,
    settings,
)
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.mall import auth, inviter, words
from app.mall.auth import current_member, members_only, open_page
from app.mall.blueprint import bp, shop_settings


@bp.get("/me")
@members_only
def me() -> ResponseReturnValue:
    member = current_member()
    standing = distribution.distributor_of(member.id)
    counts = orders.counts_by_status(member.id)
    return render_template(
        "mall/me.html",
        standing=standing,
        wallet=ledger.wallet_of(member.id),
        earned_fen=commission.summary_of(member.id, clock.now()).all_fen if standing else 0,
        open_aftersales=aftersales.open_count(member.id),
        unread=notices.unread_count(member.id),
        to_review=reviews.to_review_count(member.id, now=clock.now()),
        liked=interests.favourite_count(member.id),
        badges={
            key: sum(counts.get(s, 0) for s in wanted) for key, _, wanted in words.orders.ORDER_TABS
        },
        upline=inviter.shown_name(members.get(member.upline1_id)) if member.upline1_id else "",
    )


@bp.get("/me/profile")
@members_only
def profile() -> ResponseReturnValue:
    return render_template("mall/profile.html", typed=current_member().nickname, error=None)


@bp.post("/me/profile/name")
@members_only
def rename() -> ResponseReturnValue:
    """The name that others see, masked where they are strangers (改昵称)."""
    typed = web.form_text("nickname", 100)
    try:
        run_unit(members.rename, current_member().id, typed)
    except InvalidInput as error:
        return render_template("mall/profile.html", typed=typed, error=error), error.status
    flash("昵称已更新")
    return redirect(url_for("mall.me"), 303)


@bp.post("/me/profile")
@members_only
def sync_profile() -> ResponseReturnValue:
    """Ask WeChat for name and picture, because the member tapped for it.

    A script takes the address and goes there itself: CSP's form-action also
    holds for where a form's answer redirects to.
    """
    answer: ResponseReturnValue = auth.ask_profile(url_for("mall.me"))
    if web.wants_json():
        return {"url": answer.location}  # type: ignore[union-attr]
    return answer


@bp.get("/help")
@open_page
def help_page() -> ResponseReturnValue:
    return render_template(
        "mall/help.html",
        rules=shop_settings(),
        registry=settings.registry,
        settles_on=words.commissions.settles_on(commission.cycles.in_force()),
    )
