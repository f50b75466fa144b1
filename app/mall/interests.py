"""Favourites and what was looked at (收藏、浏览足迹)."""

from datetime import datetime, timedelta
from itertools import groupby

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import interests
from app.core import clock, web
from app.core.db import run_unit
from app.core.web import day
from app.mall import footprints
from app.mall.auth import current_member, members_only
from app.mall.blueprint import bp
from app.mall.prices import gets_member_price, offers


@bp.post("/p/<int:product_id>/favourite")
@members_only
def favourite(product_id: int) -> ResponseReturnValue:
    """The heart of a product: `wanted` says on or off, so a double tap does no harm."""
    member_id, wanted = current_member().id, request.form.get("wanted") == "1"
    if wanted:
        run_unit(interests.like, member_id, product_id, now=clock.now())
    else:
        run_unit(interests.unlike, member_id, product_id)
    if web.wants_json():
        return {"is_favourite": wanted}
    flash("已收藏" if wanted else "已取消收藏")
    if request.form.get("back") == "list":
        return redirect(url_for("mall.favourites"), 303)
    return redirect(url_for("mall.product", product_id=product_id), 303)


@bp.get("/me/favourites")
@members_only
def favourites() -> ResponseReturnValue:
    """What is on sale page by page; what is not, apart and on the first page only."""
    member_id, now, before = current_member().id, clock.now(), web.page_before()
    return render_template(
        "mall/favourites.html",
        page=interests.favourites_of(member_id, now=now, before=before),
        offer=offers(is_special=gets_member_price()),
        gone=[]
        if before
        else interests.favourites_of(
            member_id, now=now, is_on_sale=False, size=interests.FAVOURITES_MAX
        ).items,
    )


@bp.get("/me/history")
@members_only
def history() -> ResponseReturnValue:
    footprints.current().write()
    seen = interests.visits_of(current_member().id, now=clock.now())
    days = [(title, list(rows)) for title, rows in groupby(seen, key=lambda row: _day(row.seen_at))]
    return render_template(
        "mall/history.html", days=days, offer=offers(is_special=gets_member_price())
    )


@bp.post("/me/history/clear")
@members_only
def history_clear() -> ResponseReturnValue:
    footprints.current().write()
    run_unit(interests.clear_visits, current_member().id)
    flash("足迹已清空")
    return redirect(url_for("mall.history"), 303)


def _day(moment: datetime) -> str:
    """今天, 昨天, or the date."""
    today = clock.local(clock.now()).date()
    date = clock.local(moment).date()
    names = {today: "今天", today - timedelta(days=1): "昨天"}
    return names.get(date) or day(moment)
