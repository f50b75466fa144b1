"""Reviews (评价): what buyers say of what they received, and what the shop answers.

One review for each line of an order, by its buyer, once the goods were received and
as long as the setting allows; not of a line that was refunded whole. Later its
author may add to it once (追评). Both wait for a person before others see them,
unless the shop chose otherwise (先审后发).

What a product's reviews amount to is kept in `product_ratings`, moved in the same
transaction as the review itself: it always equals the sum over the shown ones.
Deleting an account deletes its reviews with their pictures.
"""

from app.reviews.models import (
    TRANSITIONS,
    Grade,
    ProductRating,
    Review,
    ReviewStatus,
)
from app.reviews.queries import (
    Filter,
    ToReview,
    counts_by_status,
    desk,
    first_of_product,
    latest_of_order,
    page_of_product,
    rating_of,
    review,
    review_of,
    reviewable_lines,
    reviews_of,
    to_review,
    to_review_count,
    waiting,
)
from app.reviews.service import (
    FOLLOW_UP_DAYS,
    PICTURES_MAX,
    TEXT_MAX,
    AlreadyReviewed,
    NotReviewable,
    ReviewInput,
    decide,
    erase,
    follow_up,
    hide,
    reply,
    show,
    write,
)

__all__ = [
    "FOLLOW_UP_DAYS",
    "PICTURES_MAX",
    "TEXT_MAX",
    "TRANSITIONS",
    "AlreadyReviewed",
    "Filter",
    "Grade",
    "NotReviewable",
    "ProductRating",
    "Review",
    "ReviewInput",
    "ReviewStatus",
    "ToReview",
    "counts_by_status",
    "desk",
    "decide",
    "erase",
    "first_of_product",
    "follow_up",
    "hide",
    "latest_of_order",
    "page_of_product",
    "rating_of",
    "reply",
    "review",
    "review_of",
    "reviewable_lines",
    "reviews_of",
    "show",
    "to_review",
    "to_review_count",
    "waiting",
    "write",
]
