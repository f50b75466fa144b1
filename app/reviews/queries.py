import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from app import settings
from app.core.db import Rows, db
from app.core.errors import NotFound
from app.core.pages import Page, newest_first
from app.orders import Order, OrderLine, OrderStatus
from app.reviews.models import Grade, ProductRating, Review, ReviewStatus


class Filter(enum.StrEnum):
    """Which reviews of a product to list (筛选)."""

    ALL = ""
    PICTURED = "pictured"  # 有图
    GOOD = "good"
    MIDDLING = "middling"
    BAD = "bad"


_STARS = {Grade.GOOD: (4, 5), Grade.MIDDLING: (3,), Grade.BAD: (1, 2)}


@dataclass(frozen=True)
class ToReview:
    """A line of an order that its buyer may review."""

    line: OrderLine
    order: Order
    until: datetime
    # Its number among the lines of its order, from 1.
    place: int


def window() -> timedelta:
    """So long after receipt a line may be reviewed."""
    return timedelta(days=settings.value(settings.registry.REVIEW_DAYS))


def line_of(member_id: int, line_id: int) -> OrderLine:
    """A line of this member's orders. Raises NotFound for anyone else's."""
    found = db.session.scalar(
        sa.select(OrderLine)
        .join(Order)
        .where(OrderLine.id == line_id, Order.member_id == member_id, Order.hidden_at.is_(None))
        .options(joinedload(OrderLine.order))
    )
    if found is None:
        raise NotFound("订单不存在")
    return found


def _reviewable(member_id: int, now: datetime) -> list[sa.ColumnElement[bool]]:
    return [
        Order.member_id == member_id,
        Order.hidden_at.is_(None),
        Order.status.in_([OrderStatus.RECEIVED, OrderStatus.FINISHED]),
        Order.received_at > now - window(),
        sa.or_(OrderLine.refunded_fen < OrderLine.paid_fen, OrderLine.paid_fen == 0),
        OrderLine.id.not_in(sa.select(Review.order_line_id).where(Review.member_id == member_id)),
    ]


def to_review(
    member_id: int, *, now: datetime, before: int | None = None, size: int = 20
) -> Page[ToReview]:
    """What a member may review now (待评价), newest first."""
    page = newest_first(
        sa.select(OrderLine)
        .join(Order)
        .where(*_reviewable(member_id, now))
        .options(joinedload(OrderLine.order).selectinload(Order.lines)),
        OrderLine.id,
        before=before,
        size=size,
    )
    lasts = window()
    return Page(
        [
            ToReview(line, line.order, line.order.received_at + lasts, _place(line))
            for line in page.items
        ],
        page.next_before,
    )


def _place(line: OrderLine) -> int:
    return [other.id for other in line.order.lines].index(line.id) + 1


def to_review_count(member_id: int, *, now: datetime) -> int:
    """How many lines wait for a review of this member."""
    return (
        db.session.scalar(
            sa.select(sa.func.count())
            .select_from(OrderLine)
            .join(Order)
            .where(*_reviewable(member_id, now))
        )
        or 0
    )


def reviewable_lines(member_id: int, order_id: int, *, now: datetime) -> set[int]:
    """The lines of an order that its buyer may review now."""
    return set(
        db.session.scalars(
            sa.select(OrderLine.id)
            .join(Order)
            .where(OrderLine.order_id == order_id, *_reviewable(member_id, now))
        )
    )


def latest_of_order(order_id: int) -> dict[int, Review]:
    """The reviews of an order by the line that they are about."""
    rows = db.session.scalars(sa.select(Review).filter_by(order_id=order_id))
    return {row.order_line_id: row for row in rows}


def review_of(member_id: int, review_id: int) -> Review:
    """A review of this member. Raises NotFound for anyone else's."""
    found = db.session.scalar(sa.select(Review).filter_by(id=review_id, member_id=member_id))
    if found is None:
        raise NotFound("评价不存在")
    return found


def reviews_of(member_id: int, *, before: int | None = None, size: int = 10) -> Page[Review]:
    """What a member wrote, newest first, whether others see it or not."""
    query = sa.select(Review).filter_by(member_id=member_id)
    return newest_first(query, Review.id, before=before, size=size)


_RATING = sa.select(ProductRating).where(ProductRating.product_id == sa.bindparam("product_id"))


def rating_of(product_id: int) -> ProductRating:
    """What the shown reviews of a product amount to; zeros without any."""
    found = db.session.scalar(_RATING, {"product_id": product_id})
    return found or ProductRating(
        product_id=product_id, good=0, middling=0, bad=0, pictured=0, stars_sum=0
    )


def page_of_product(
    product_id: int,
    wanted: Filter = Filter.ALL,
    *,
    before: int | None = None,
    size: int = 10,
) -> Page[Review]:
    """What everybody sees of a product's reviews, newest first."""
    query = sa.select(Review).filter_by(product_id=product_id, status=ReviewStatus.SHOWN)
    if wanted is Filter.PICTURED:
        query = query.where(Review.has_pictures)
    elif wanted is not Filter.ALL:
        query = query.where(Review.stars.in_(_STARS[Grade(wanted.value)]))
    return newest_first(query, Review.id, before=before, size=size)


def first_of_product(product_id: int, *, size: int = 2) -> Sequence[Review]:
    """The newest few, for the product's own page."""
    return page_of_product(product_id, size=size).items


# --- the desk ----------------------------------------------------------------------


def review(review_id: int) -> Review:
    """For the admin panel. Raises NotFound."""
    found = db.session.get(Review, review_id)
    if found is None:
        raise NotFound("评价不存在")
    return found


def desk(status: ReviewStatus | None, *, stars: int | None = None, title: str = "") -> Rows:
    """Reviews in a state, or all, as the panel's list reads them.

    Waiting includes waiting additions.
    """
    query: Rows = sa.select(Review)
    if status is not None:
        query = query.where(_in(status))
    if stars is not None:
        query = query.where(Review.stars == stars)
    if title:
        query = query.where(Review.title.contains(title, autoescape=True))
    return query


def counts_by_status() -> dict[ReviewStatus, int]:
    """How many reviews each tab of the desk has."""
    return {
        status: db.session.scalar(sa.select(sa.func.count()).select_from(Review).where(_in(status)))
        or 0
        for status in ReviewStatus
    }


def waiting() -> tuple[int, datetime | None]:
    """How many reviews wait for a person, and since when the first does."""
    since = sa.case(
        (Review.status == ReviewStatus.WAITING, Review.created_at), else_=Review.followed_at
    )
    count, oldest = db.session.execute(
        sa.select(sa.func.count(), sa.func.min(since, type_=Review.created_at.type)).where(
            _in(ReviewStatus.WAITING)
        )
    ).one()
    return count, oldest


def _in(status: ReviewStatus) -> sa.ColumnElement[bool]:
    if status is ReviewStatus.WAITING:
        return sa.or_(Review.status == status, Review.followup_status == status)
    return Review.status == status
