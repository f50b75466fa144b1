"""The personal centre (我的): who I am, where parcels go, what the rules are."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import commission, distribution, ledger, members, orders, settings
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.mall import auth, words
from app.mall.auth import current_member, members_only, open_page
from app.mall.blueprint import bp, shop_settings
from app.members import AddressInput


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
        badges={key: sum(counts.get(s, 0) for s in wanted) for key, _, wanted in words.ORDER_TABS},
        upline=members.names_of([member.upline1_id])[member.upline1_id]
        if member.upline1_id
        else None,
    )


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


@bp.get("/me/address")
@members_only
def address() -> ResponseReturnValue:
    kept = members.default_address(current_member().id)
    typed = (
        {"name": kept.name, "phone": kept.phone, "region": kept.region, "detail": kept.detail}
        if kept
        else {}
    )
    return render_template("mall/address.html", typed=typed, back=_back(), error=None)


@bp.post("/me/address")
@members_only
def save_address() -> ResponseReturnValue:
    typed = {name: web.form_text(name, 200) for name in ("name", "phone", "region", "detail")}
    try:
        run_unit(members.save_address, current_member().id, AddressInput(**typed), now=clock.now())
    except InvalidInput as error:
        page = render_template("mall/address.html", typed=typed, back=_back(), error=error)
        return page, error.status
    flash("地址已保存")
    return redirect(_back() or url_for("mall.me"), 303)


@bp.get("/help")
@open_page
def help_page() -> ResponseReturnValue:
    return render_template("mall/help.html", rules=shop_settings(), registry=settings.registry)


@bp.get("/privacy")
@open_page
def privacy() -> ResponseReturnValue:
    return render_template("mall/privacy.html")


def _back() -> str:
    """The checkout that the member left to mend the address, empty for none."""
    if request.values.get("cart"):
        return url_for("mall.checkout", cart=1)
    sku, quantity = request.values.get("sku", ""), request.values.get("quantity", "")
    if (sku + quantity).isascii() and sku.isdigit() and quantity.isdigit() and len(sku) < 16:
        return url_for("mall.checkout", sku=sku, quantity=quantity)
    return ""
