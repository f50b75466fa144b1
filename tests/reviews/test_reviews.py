"""Reviews: who may write one, who sees it, and what a product's amount to."""

import itertools
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import audit, reviews, settings, uploads
from app.audit import AuditEntry
from app.core.db import db, run_unit, transaction
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.reviews import Filter, Grade, ProductRating, Review, ReviewInput, ReviewStatus
from tests.factories import ADMIN, NOON, days, make_member, make_sku, paid_order, received_order

W, S, H = ReviewStatus.WAITING, ReviewStatus.SHOWN, ReviewStatus.HIDDEN
GOOD = ReviewInput(5, "很好喝")


@pytest.fixture
def at_once(session):
    """Reviews are seen without a person's look."""
    with transaction():
        settings.change(settings.registry.REVIEW_CHECKED.key, False, actor=ADMIN, now=NOON)


@pytest.fixture
def bought(session):
    buyer = make_member("王小芳")
    return buyer, received_order(buyer, make_sku())


def say(order, given=GOOD, *, member=None, now=NOON) -> Review:
    return run_unit(
        reviews.write,
        (member or order).id if member else order.member_id,
        order.lines[0].id,
        given,
        now=now,
    )


def numbers(product_id: int) -> tuple[int, ...]:
    row = db.session.get(ProductRating, product_id, populate_existing=True)
    return (
        (0, 0, 0, 0, 0)
        if row is None
        else (row.good, row.middling, row.bad, row.pictured, row.stars_sum)
    )


def counted(product_id: int) -> tuple[int, ...]:
    """The same from the reviews themselves."""
    rows = db.session.scalars(sa.select(Review).filter_by(product_id=product_id, status=S)).all()
    grades = [row.grade for row in rows]
    return (
        grades.count(Grade.GOOD),
        grades.count(Grade.MIDDLING),
        grades.count(Grade.BAD),
        sum(row.has_pictures for row in rows),
        sum(row.stars for row in rows),
    )


def test_a_review_waits_for_a_person(bought):
    _buyer, order = bought

    made = say(order, ReviewInput(4, " 很好喝 \n\n\x07 会再买 "))

    assert (made.status, made.stars, made.text) == (W, 4, "很好喝\n会再买")
    assert reviews.page_of_product(made.product_id).items == []
    assert numbers(made.product_id) == (0, 0, 0, 0, 0)
    assert reviews.waiting() == (1, NOON)


def test_where_the_shop_chose_so_it_is_seen_at_once(bought, at_once):
    made = say(bought[1])

    assert made.status is S
    assert numbers(made.product_id) == (1, 0, 0, 0, 5)


def test_one_review_a_line(bought):
    say(bought[1])

    with pytest.raises(reviews.AlreadyReviewed):
        say(bought[1], ReviewInput(1))

    assert db.session.scalars(sa.select(Review.stars)).all() == [5]


def test_only_the_buyer_reviews(bought):
    with pytest.raises(NotFound):
        say(bought[1], member=make_member())

    assert db.session.scalars(sa.select(Review.id)).all() == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (ReviewInput(0), "stars"),
        (ReviewInput(6), "stars"),
        (ReviewInput(5, "好" * 501), "text"),
        (ReviewInput(5, pictures=["u/x.jpg"]), "pictures"),
        (ReviewInput(5, pictures=[f"u/{n}.jpg" for n in range(7)]), "pictures"),
    ],
)
def test_what_does_not_fit_is_refused(bought, given, field):
    with pytest.raises(InvalidInput) as refused:
        say(bought[1], given)

    assert refused.value.field == field
    assert db.session.scalars(sa.select(Review.id)).all() == []


def test_nothing_is_reviewed_before_it_came(session):
    order = paid_order(make_member(), make_sku())

    with pytest.raises(reviews.NotReviewable, match="确认收货后"):
        say(order)

    assert reviews.to_review_count(order.member_id, now=NOON) == 0


def test_the_window_is_thirty_days_from_receipt(bought):
    buyer, order = bought
    last = NOON + days(30) - timedelta(seconds=1)

    assert reviews.to_review_count(buyer.id, now=last) == 1
    assert reviews.to_review_count(buyer.id, now=NOON + days(30)) == 0
    with pytest.raises(reviews.NotReviewable, match="30 天"):
        say(order, now=NOON + days(30))
    assert say(order, now=last).id


def test_what_was_refunded_whole_is_not_reviewed(bought):
    buyer, order = bought
    with transaction():
        order.lines[0].refunded_fen = order.lines[0].paid_fen

    with pytest.raises(reviews.NotReviewable, match="全额退款"):
        say(order)

    assert reviews.to_review_count(buyer.id, now=NOON) == 0


def test_what_was_refunded_in_part_is(bought):
    buyer, order = bought
    with transaction():
        order.lines[0].refunded_fen = 1

    assert reviews.to_review_count(buyer.id, now=NOON) == 1
    assert say(order).id


def test_what_waits_for_a_review_is_listed_with_its_place(bought):
    buyer, order = bought

    (row,) = reviews.to_review(buyer.id, now=NOON).items

    assert (row.line.id, row.place, row.until) == (order.lines[0].id, 1, NOON + days(30))
    say(order)
    assert reviews.to_review(buyer.id, now=NOON).items == []


def test_showing_and_hiding_move_the_counters_and_are_audited(bought):
    made = say(bought[1], ReviewInput(3))

    run_unit(reviews.show, [made.id], actor=ADMIN, now=NOON)
    shown = numbers(made.product_id)
    run_unit(reviews.hide, [made.id], actor=ADMIN, now=NOON)

    assert shown == (0, 1, 0, 0, 3)
    assert numbers(made.product_id) == (0, 0, 0, 0, 0)
    acts = db.session.scalars(
        sa.select(AuditEntry.action).filter_by(subject="review").order_by(AuditEntry.id)
    ).all()
    assert acts == ["review.show", "review.hide"]


def test_showing_twice_counts_once(bought):
    made = say(bought[1])

    first = run_unit(reviews.show, [made.id], actor=ADMIN, now=NOON)
    second = run_unit(reviews.show, [made.id], actor=ADMIN, now=NOON)

    assert (first, second) == (1, 0)
    assert numbers(made.product_id) == (1, 0, 0, 0, 5)


def test_a_decision_that_is_none_is_refused(bought):
    made = say(bought[1])
    run_unit(reviews.show, [made.id], actor=ADMIN, now=NOON)

    with pytest.raises(IllegalMove):
        run_unit(reviews.decide, made.id, S, is_followup=False, actor=ADMIN, now=NOON)
    with pytest.raises(IllegalMove):
        run_unit(reviews.decide, made.id, S, is_followup=True, actor=ADMIN, now=NOON)

    assert numbers(made.product_id) == (1, 0, 0, 0, 5)


def test_the_counters_equal_the_sum_whatever_happens(session, at_once):
    sku = make_sku(stock=1000)
    made = [
        say(received_order(make_member(), sku), ReviewInput(stars)) for stars in (5, 5, 4, 3, 2, 1)
    ]

    for step, (review, to) in enumerate(itertools.product(made, (H, S, H))):
        if step % 4 == 3:
            continue
        if to in reviews.TRANSITIONS[db.session.get(Review, review.id).status]:
            run_unit(reviews.decide, review.id, to, is_followup=False, actor=ADMIN, now=NOON)
        assert numbers(sku.product_id) == counted(sku.product_id)

    run_unit(reviews.erase, made[0].member_id)
    assert numbers(sku.product_id) == counted(sku.product_id)


@pytest.mark.parametrize(
    ("stars", "tenths", "good"),
    [([], 0, 0), ([5], 50, 100), ([5, 4, 4], 43, 100), ([5, 4], 45, 100), ([5, 5, 4, 1], 38, 75)],
)
def test_the_average_is_rounded_to_tenths(stars, tenths, good):
    counts = {grade: sum(Grade.of(s) is grade for s in stars) for grade in Grade}
    row = ProductRating(
        product_id=1,
        good=counts[Grade.GOOD],
        middling=counts[Grade.MIDDLING],
        bad=counts[Grade.BAD],
        pictured=0,
        stars_sum=sum(stars),
    )

    assert (row.average_tenths, row.good_percent) == (tenths, good)


def test_people_filter_by_grade_and_pictures(session, at_once, tmp_path):
    from tests.uploads.test_uploads import photo

    sku = make_sku()
    orders = [received_order(make_member(), sku) for _ in range(3)]
    path = uploads.keep(orders[0].member_id, photo(), folder=tmp_path, now=NOON)
    with_picture = say(orders[0], ReviewInput(5, pictures=[path]))
    middling, bad = say(orders[1], ReviewInput(3)), say(orders[2], ReviewInput(1))

    def ids(wanted):
        return [row.id for row in reviews.page_of_product(sku.product_id, wanted).items]

    assert ids(Filter.ALL) == [bad.id, middling.id, with_picture.id]
    assert ids(Filter.PICTURED) == ids(Filter.GOOD) == [with_picture.id]
    assert ids(Filter.MIDDLING) == [middling.id]
    assert ids(Filter.BAD) == [bad.id]
    assert with_picture.pictures == [path]


def test_an_addition_waits_on_its_own(bought):
    buyer, order = bought
    made = say(order)
    run_unit(reviews.show, [made.id], actor=ADMIN, now=NOON)

    run_unit(reviews.follow_up, buyer.id, made.id, text="又买了", pictures=[], now=NOON + days(20))

    row = reviews.review(made.id)
    assert (row.status, row.followup_status, row.followup_text) == (S, W, "又买了")
    assert reviews.counts_by_status() == {W: 1, S: 1, H: 0}
    assert reviews.waiting() == (1, NOON + days(20))
    run_unit(reviews.hide, [made.id], actor=ADMIN, now=NOON)
    assert (row.status, row.followup_status) == (S, H)
    assert numbers(row.product_id) == (1, 0, 0, 0, 5)


def test_an_addition_is_made_once(bought):
    buyer, order = bought
    made = say(order)
    run_unit(reviews.follow_up, buyer.id, made.id, text="又买了", pictures=[], now=NOON)

    with pytest.raises(reviews.AlreadyReviewed, match="已经追评"):
        run_unit(reviews.follow_up, buyer.id, made.id, text="再来", pictures=[], now=NOON)

    assert reviews.review(made.id).followup_text == "又买了"


@pytest.mark.parametrize(
    ("text", "now", "refusal"),
    [
        (" ", NOON, InvalidInput),
        ("好", NOON + days(180), reviews.NotReviewable),
    ],
)
def test_an_addition_says_something_and_in_time(bought, text, now, refusal):
    buyer, order = bought
    made = say(order)

    with pytest.raises(refusal):
        run_unit(reviews.follow_up, buyer.id, made.id, text=text, pictures=[], now=now)

    assert reviews.review(made.id).followed_at is None


def test_nobody_adds_to_anothers_review(bought):
    made = say(bought[1])

    with pytest.raises(NotFound):
        run_unit(reviews.follow_up, make_member().id, made.id, text="好", pictures=[], now=NOON)

    assert reviews.review(made.id).followed_at is None


def test_the_shops_answer_can_be_mended_and_is_audited(bought):
    made = say(bought[1])

    run_unit(reviews.reply, made.id, "谢谢", actor=ADMIN, now=NOON)
    run_unit(reviews.reply, made.id, "谢谢光临", actor=ADMIN, now=NOON)

    assert reviews.review(made.id).reply == "谢谢光临"
    entries = audit.entries_of("review", made.id, ["review.reply"])
    assert [(e.before, e.after) for e in entries] == [
        (None, {"reply": "谢谢"}),
        ({"reply": "谢谢"}, {"reply": "谢谢光临"}),
    ]


@pytest.mark.parametrize("text", ["", "  \n ", "谢" * 501])
def test_an_empty_or_endless_answer_is_refused(bought, text):
    made = say(bought[1])

    with pytest.raises(InvalidInput):
        run_unit(reviews.reply, made.id, text, actor=ADMIN, now=NOON)

    assert reviews.review(made.id).reply == ""
    assert audit.entries_of("review", made.id, ["review.reply"]) == []
