"""Reviews: the queue, showing and hiding, the shop's answers (商品评价)."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import members, orders, reviews
from app.admin import auth, lists, people, tables, words
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.models import Permission
from app.admin.products import chosen_ids
from app.admin.tables.papers import REVIEWS
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, InvalidInput
from app.reviews import ReviewStatus

_TABS = [
    *((status.value, words.shop.REVIEW[status][0]) for status in ReviewStatus),
    ("", "全部"),
]
_STARS = [("", "全部"), *((str(count), f"{count} 星") for count in (5, 4, 3, 2, 1))]


@bp.get("/reviews", endpoint="reviews")
@requires(Permission.PRODUCT_VIEW)
def reviews_list() -> ResponseReturnValue:
    if (led := tables.opening(REVIEWS)) is not None:
        return led
    state = lists.chosen(_TABS)
    counts = {status.value: count for status, count in reviews.counts_by_status().items()}
    return render_template(
        "admin/reviews.html",
        table=tables.show(REVIEWS, state=state),
        tabs=lists.tabs(_TABS, state, counts, alerts=[ReviewStatus.WAITING]),
        state=state,
        star_choices=_STARS,
        may_decide=auth.allowed(Permission.REVIEW_MODERATE),
    )


@bp.post("/reviews/batch")
@requires(Permission.REVIEW_MODERATE)
def reviews_batch() -> ResponseReturnValue:
    """Show or hide what was ticked."""
    ids = chosen_ids(request.form.getlist("ids"))
    act = reviews.show if request.form.get("action") == "show" else reviews.hide
    if not ids:
        flash("请先勾选评价", "error")
    else:
        changed = run_unit(act, ids, actor=auth.actor(), now=clock.now())
        flash(f"已{'展示' if act is reviews.show else '隐藏'} {changed} 条评价")
    return redirect(url_for(".reviews", state=_state()), 303)


@bp.get("/reviews/<int:review_id>")
@requires(Permission.PRODUCT_VIEW)
def review(review_id: int) -> ResponseReturnValue:
    return _page(review_id)


@bp.post("/reviews/<int:review_id>/decide")
@requires(Permission.REVIEW_MODERATE)
def review_decide(review_id: int) -> ResponseReturnValue:
    to = ReviewStatus.SHOWN if request.form.get("to") == "shown" else ReviewStatus.HIDDEN
    try:
        run_unit(
            reviews.decide,
            review_id,
            to,
            is_followup=request.form.get("part") == "followup",
            actor=auth.actor(),
            now=clock.now(),
        )
        flash("已展示" if to is ReviewStatus.SHOWN else "已隐藏，买家自己仍能看到")
    except DomainError as error:
        if error.status == 404:
            raise
        flash(error.message, "error")
    return redirect(url_for(".review", review_id=review_id), 303)


@bp.post("/reviews/<int:review_id>/reply")
@requires(Permission.REVIEW_MODERATE)
def review_reply(review_id: int) -> ResponseReturnValue:
    typed = web.form_text("reply", 2000)
    try:
        run_unit(reviews.reply, review_id, typed, actor=auth.actor(), now=clock.now())
    except InvalidInput as error:
        return _page(review_id, typed, error), error.status
    flash("回复已保存")
    return redirect(url_for(".review", review_id=review_id), 303)


def _state() -> str | None:
    asked = request.form.get("state", "")
    return asked if asked in dict(_TABS) else None


def _page(review_id: int, typed: str | None = None, error: InvalidInput | None = None) -> str:
    row = reviews.review(review_id)
    return render_template(
        "admin/review.html",
        row=row,
        order=orders.by_ids([row.order_id])[row.order_id],
        author=members.names_of([row.member_id]).get(row.member_id),
        rating=reviews.rating_of(row.product_id),
        timeline=people.acts("review", row.id, ("review.show", "review.hide", "review.reply")),
        typed=row.reply if typed is None else typed,
        error=error,
        reply_max=reviews.TEXT_MAX,
        may_decide=auth.allowed(Permission.REVIEW_MODERATE),
    )
