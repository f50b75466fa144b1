"""Who invited me (我的邀请人), since when and for how long, and appealing against it."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app import distribution, members, settings
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput
from app.distribution import appeals, policy
from app.mall import words
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp, shop_settings


def shown_name(member: members.Member) -> str:
    """The inviter's name as the shop lets those below see it."""
    how = str(shop_settings()[settings.registry.INVITER_NAME.key])
    if how == "hidden":
        return "商城的一位分销员"
    return member.display_name if how == "full" else member.masked_name


@bp.get("/me/inviter")
@members_only
def inviter() -> ResponseReturnValue:
    return _page(None, "")


@bp.post("/me/inviter")
@members_only
def appeal() -> ResponseReturnValue:
    typed = web.form_text("text", 400)
    try:
        run_unit(appeals.ask, current_member().id, typed, now=clock.now())
    except DomainError as error:
        return _page(error, typed), error.status
    flash("申诉已提交，有结果后会通知你")
    return redirect(url_for("mall.inviter"), 303)


def _page(error: DomainError | None, typed: str) -> str:
    member, now = current_member(), clock.now()
    rules = policy.current()
    standing = distribution.distributor_of(member.id)
    asked = appeals.of_member(member.id)
    upline = members.names_of([member.upline1_id] if member.upline1_id else [])
    ends = rules.valid_until(member.bound_at) if member.upline1_id else None
    if standing is not None and standing.has_place:
        ends = None
    return render_template(
        "mall/inviter.html",
        name=next((shown_name(found) for found in upline.values()), ""),
        bound_at=member.bound_at,
        ends=ends,
        has_ended=ends is not None and ends <= now,
        source=words.people.BINDING_SOURCE.get(distribution.bound_by(member.id) or ""),
        asked=asked,
        is_open=any(row.open_member_id for row in asked),
        states=words.people.APPEAL_STATE,
        typed=typed,
        text_max=appeals.TEXT_CHARS_MAX,
        error=error if isinstance(error, InvalidInput) else None,
        problem="" if error is None or isinstance(error, InvalidInput) else error.message,
    )
