import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import audit, settings, uploads
from app.core.db import db, require_transaction
from app.core.errors import DomainError, IllegalMove, InvalidInput
from app.core.rows import add_once, affected, lock_one, lock_rows
from app.orders import Order, OrderLine
from app.reviews import queries
from app.reviews.models import (
    FOLLOW_UP_DAYS,
    TRANSITIONS,
    ProductRating,
    Review,
    ReviewStatus,
)

TEXT_MAX = 500
PICTURES_MAX = 6
# What the desk decides with one button.
BATCH_MAX = 200


class AlreadyReviewed(DomainError):
    code = "already_reviewed"
    message = "这件商品你已经评价过了"


class NotReviewable(DomainError):
    """Not received yet, refunded whole, or too late."""

    code = "not_reviewable"
    message = "这件商品暂时不能评价"


@dataclass(frozen=True)
class ReviewInput:
    """What a buyer typed. `pictures` are paths that `uploads.keep` gave."""

    stars: int
    text: str = ""
    pictures: Sequence[str] = ()
    is_anonymous: bool = False


def write(member_id: int, line_id: int, given: ReviewInput, *, now: datetime) -> Review:
    """Review a line of one's own order (写评价).

    Raises:
        NotFound: the line is not this member's.
        InvalidInput: stars, text or pictures; `field` names it.
        NotReviewable: not received, refunded whole, or too late.
        AlreadyReviewed: there is one.
    """
    require_transaction()
    line = queries.line_of(member_id, line_id)
    if not 1 <= given.stars <= 5:
        raise InvalidInput("stars", "请点亮星星，给商品打个分")
    text = _clean(given.text, "text")
    _expect_reviewable(line, line.order, now)
    pictures = uploads.use(member_id, given.pictures, most=PICTURES_MAX, now=now)
    review = Review(
        order_line_id=line.id,
        order_id=line.order_id,
        member_id=member_id,
        product_id=line.product_id,
        title=line.title,
        sku_name=line.sku_name,
        stars=given.stars,
        text=text,
        pictures=pictures,
        has_pictures=bool(pictures),
        is_anonymous=given.is_anonymous,
        status=_first_status(),
        created_at=now,
    )
    if not add_once(review):
        raise AlreadyReviewed()
    if review.status is ReviewStatus.SHOWN:
        _count(review, 1)
    return review


def follow_up(
    member_id: int, review_id: int, *, text: str, pictures: Sequence[str], now: datetime
) -> Review:
    """Add to one's own review, once (追评). Raises NotFound, InvalidInput, AlreadyReviewed,
    NotReviewable."""
    require_transaction()
    queries.review_of(member_id, review_id)
    review = _locked(review_id)
    if review.followed_at is not None:
        raise AlreadyReviewed("你已经追评过了")
    if not review.may_follow_up(now):
        raise NotReviewable(f"评价满 {FOLLOW_UP_DAYS} 天后不能再追评")
    clean = _clean(text, "text")
    if not clean:
        raise InvalidInput("text", "说说使用一段时间后的感受吧")
    # Read before anything is set: the row is whole or it is not written.
    kept, status = uploads.use(member_id, pictures, most=PICTURES_MAX, now=now), _first_status()
    review.followup_text, review.followup_pictures = clean, kept
    review.followup_status, review.followed_at = status, now
    db.session.flush()
    return review


def show(review_ids: Sequence[int], *, actor: audit.Actor, now: datetime) -> int:
    """Let others see these reviews; how many changed. What waits is what is decided."""
    return _decide_all(review_ids, ReviewStatus.SHOWN, actor, now)


def hide(review_ids: Sequence[int], *, actor: audit.Actor, now: datetime) -> int:
    """Take these reviews from the page; how many changed. What waits is what is decided:
    hiding a shown review whose addition waits hides only the addition."""
    return _decide_all(review_ids, ReviewStatus.HIDDEN, actor, now)


def _decide_all(
    review_ids: Sequence[int], to: ReviewStatus, actor: audit.Actor, now: datetime
) -> int:
    rows = lock_rows(Review, list(review_ids)[:BATCH_MAX])
    changed = 0
    # The counters are locked in the order of their products, whoever else decides.
    for review in sorted(rows, key=lambda row: (row.product_id, row.id)):
        parts = _parts(review, to)
        for is_followup in parts:
            _set(review, to, is_followup=is_followup, actor=actor, now=now)
        changed += bool(parts)
    return changed


def _parts(review: Review, to: ReviewStatus) -> list[bool]:
    """Which parts a decision is about: False the review, True its addition."""
    waiting = [
        is_followup
        for is_followup, status in ((False, review.status), (True, review.followup_status))
        if status is ReviewStatus.WAITING
    ]
    if waiting:
        return waiting
    return [False] if to in TRANSITIONS[review.status] else []


def decide(
    review_id: int, to: ReviewStatus, *, is_followup: bool, actor: audit.Actor, now: datetime
) -> None:
    """Show or hide one part of a review. Raises NotFound, IllegalMove."""
    _set(_locked(review_id), to, is_followup=is_followup, actor=actor, now=now)


def _set(
    review: Review, to: ReviewStatus, *, is_followup: bool, actor: audit.Actor, now: datetime
) -> None:
    before = review.followup_status if is_followup else review.status
    if before is None or to not in TRANSITIONS[before]:
        raise IllegalMove(state=before.value if before else "")
    if is_followup:
        review.followup_status = to
    else:
        review.status = to
        db.session.flush()
        if to is ReviewStatus.SHOWN:
            _count(review, 1)
        elif before is ReviewStatus.SHOWN:
            _count(review, -1)
    audit.record(
        "review.show" if to is ReviewStatus.SHOWN else "review.hide",
        subject="review",
        subject_id=review.id,
        actor=actor,
        now=now,
        before={"status": before.value, "is_followup": is_followup},
        after={"status": to.value, "is_followup": is_followup},
    )
    db.session.flush()


def reply(review_id: int, text: str, *, actor: audit.Actor, now: datetime) -> None:
    """Answer a review for the shop, or mend the answer (商家回复). Raises NotFound, InvalidInput."""
    review = _locked(review_id)
    clean = _clean(text, "reply")
    if not clean:
        raise InvalidInput("reply", "请填写回复内容")
    before = {"reply": review.reply} if review.reply else None
    review.reply, review.replied_at, review.replied_by = clean, now, actor.ref
    audit.record(
        "review.reply",
        subject="review",
        subject_id=review.id,
        actor=actor,
        now=now,
        before=before,
        after={"reply": clean},
    )
    db.session.flush()


def erase(member_id: int) -> None:
    """Delete a member's reviews with their pictures (注销); the ratings follow."""
    require_transaction()
    ids = list(db.session.scalars(sa.select(Review.id).filter_by(member_id=member_id)))
    for review in sorted(lock_rows(Review, ids), key=lambda row: (row.product_id, row.id)):
        if review.status is ReviewStatus.SHOWN:
            _count(review, -1)
        uploads.release([*review.pictures, *review.followup_pictures])
        db.session.delete(review)
    db.session.flush()


def _count(review: Review, by: int) -> None:
    """Move the product's counters by one review: relative, so that no two lose one."""
    if db.session.get(ProductRating, review.product_id) is None:
        add_once(ProductRating(product_id=review.product_id))
    grade = getattr(ProductRating, review.grade.value)
    moved = {
        grade: grade + by,
        ProductRating.stars_sum: ProductRating.stars_sum + by * review.stars,
    }
    if review.has_pictures:
        moved[ProductRating.pictured] = ProductRating.pictured + by
    affected(
        sa.update(ProductRating)
        .where(ProductRating.product_id == review.product_id)
        .values({column.key: value for column, value in moved.items()})
    )


def _expect_reviewable(line: OrderLine, order: Order, now: datetime) -> None:
    if order.received_at is None:
        raise NotReviewable("确认收货后才能评价")
    if line.refunded_fen and line.refunded_fen == line.paid_fen:
        raise NotReviewable("这件商品已全额退款，不能评价")
    if now >= order.received_at + queries.window():
        days = settings.value(settings.registry.REVIEW_DAYS)
        raise NotReviewable(f"收货满 {days} 天后不能再评价")


def _first_status() -> ReviewStatus:
    is_checked = settings.value(settings.registry.REVIEW_CHECKED)
    return ReviewStatus.WAITING if is_checked else ReviewStatus.SHOWN


def _clean(text: str, field: str) -> str:
    """What was typed, without what cannot be seen. Raises InvalidInput."""
    lines = (
        "".join(c for c in line if unicodedata.category(c) not in ("Cc", "Cs")).strip()
        for line in text.replace("\t", " ").splitlines()
    )
    clean = "\n".join(line for line in lines if line)
    if len(clean) > TEXT_MAX:
        raise InvalidInput(field, f"最多 {TEXT_MAX} 个字")
    return clean


def _locked(review_id: int) -> Review:
    return lock_one(Review, review_id, "评价不存在")
