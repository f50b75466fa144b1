"""Reviews on the phone (评价): what waits for one, writing, adding to it, reading others'."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import catalog, members, orders, reviews
from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import DomainError, NotFound
from app.mall import words
from app.mall.auth import current_member, members_only, open_page
from app.mall.blueprint import bp
from app.mall.uploads import typed_pictures
from app.orders import Order, OrderLine
from app.reviews import Filter, ReviewInput


@bp.get("/me/reviews")
@members_only
def review_list() -> ResponseReturnValue:
    """Two tabs: what waits for a review, and what was said."""
    member_id, now = current_member().id, clock.now()
    is_done = request.args.get("tab") == "done"
    return render_template(
        "mall/reviews_mine.html",
        is_done=is_done,
        waiting=reviews.to_review_count(member_id, now=now),
        page=reviews.reviews_of(member_id, before=web.page_before())
        if is_done
        else reviews.to_review(member_id, now=now, before=web.page_before()),
        words=words,
        now=now,
    )


@bp.get("/orders/<number>/review/<int:place>")
@members_only
def review_form(number: str, place: int) -> ResponseReturnValue:
    order, line = _line(number, place)
    known = reviews.latest_of_order(order.id).get(line.id)
    if known is not None:
        return redirect(url_for("mall.review_list", tab="done"))
    return _form(order, line, place, {"stars": 5, "text": "", "pictures": []})


@bp.post("/orders/<number>/review/<int:place>")
@members_only
def review_write(number: str, place: int) -> ResponseReturnValue:
    order, line = _line(number, place)
    typed: dict[str, Any] = {
        "stars": web.whole_number(web.form_text("stars", 2)) or 0,
        "text": web.form_text("text", 2000),
        "pictures": typed_pictures(),
        "is_anonymous": request.form.get("is_anonymous") == "1",
    }
    member_id, line_id = current_member().id, line.id
    try:
        review = run_unit(reviews.write, member_id, line_id, ReviewInput(**typed), now=clock.now())
    except reviews.AlreadyReviewed as error:
        flash(error.message)
        return redirect(url_for("mall.review_list", tab="done"), 303)
    except DomainError as error:
        order, line = _line(number, place)
        return _form(order, line, place, typed, error), error.status
    flash("评价已提交，审核通过后会展示" if review.is_waiting else "评价已发布，感谢你的分享")
    return redirect(url_for("mall.review_list", tab="done"), 303)


@bp.get("/me/reviews/<int:review_id>/more")
@members_only
def review_more(review_id: int) -> ResponseReturnValue:
    return _more_form(review_id, {"text": "", "pictures": []})


@bp.post("/me/reviews/<int:review_id>/more")
@members_only
def review_add(review_id: int) -> ResponseReturnValue:
    member_id = current_member().id
    typed: dict[str, Any] = {"text": web.form_text("text", 2000), "pictures": typed_pictures()}
    try:
        review = run_unit(reviews.follow_up, member_id, review_id, **typed, now=clock.now())
    except NotFound:
        raise
    except DomainError as error:
        return _more_form(review_id, typed, error), error.status
    flash("追评已提交，审核通过后会展示" if review.is_waiting else "追评已发布")
    return redirect(url_for("mall.review_list", tab="done"), 303)


@bp.get("/p/<int:product_id>/reviews")
@open_page
def product_reviews(product_id: int) -> ResponseReturnValue:
    product = catalog.product_for_sale(product_id, now=clock.now())
    asked = request.args.get("show", "")
    wanted = Filter(asked) if asked in list(Filter) else Filter.ALL
    page = reviews.page_of_product(product_id, wanted, before=web.page_before())
    return render_template(
        "mall/reviews.html",
        product=product,
        rating=reviews.rating_of(product_id),
        wanted=wanted,
        tabs=_tabs(reviews.rating_of(product_id)),
        page=page,
        authors=authors(page.items),
    )


def _tabs(rating: reviews.ProductRating) -> list[tuple[str, str, int]]:
    return [
        ("", "全部", rating.count),
        (Filter.PICTURED.value, "有图", rating.pictured),
        (Filter.GOOD.value, "好评", rating.good),
        (Filter.MIDDLING.value, "中评", rating.middling),
        (Filter.BAD.value, "差评", rating.bad),
    ]


def authors(rows: Any) -> dict[int, members.Member]:
    """Who wrote these reviews; templates show masked names, or none."""
    return members.names_of(row.member_id for row in rows if not row.is_anonymous)


def _line(number: str, place: int) -> tuple[Order, OrderLine]:
    """A line of the member's own order by its place, from 1. Raises NotFound."""
    order = orders.order_of(current_member().id, number)
    if not 1 <= place <= len(order.lines):
        raise NotFound("订单不存在")
    return order, order.lines[place - 1]


def _form(
    order: Order,
    line: OrderLine,
    place: int,
    typed: dict[str, Any],
    error: DomainError | None = None,
) -> str:
    return render_template(
        "mall/review_form.html",
        order=order,
        line=line,
        place=place,
        typed=typed,
        error=error,
        review=None,
        text_max=reviews.TEXT_MAX,
        pictures_max=reviews.PICTURES_MAX,
    )


def _more_form(review_id: int, typed: dict[str, Any], error: DomainError | None = None) -> str:
    review = reviews.review_of(current_member().id, review_id)
    return render_template(
        "mall/review_form.html",
        line=orders.line_by_id(review.order_line_id),
        review=review,
        typed=typed,
        error=error,
        text_max=reviews.TEXT_MAX,
        pictures_max=reviews.PICTURES_MAX,
    )
