"""Reviews, favourites and history on the phone."""

import io
import re

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from app import interests, reviews, settings
from app.core.db import db, run_unit, transaction
from app.interests import Favourite, Visit
from app.reviews import Review, ReviewStatus
from tests.factories import ADMIN, NOON, make_member, make_sku, received_order
from tests.mall.pages import text_of
from tests.uploads.test_uploads import photo


@pytest.fixture
def order(me):
    return received_order(me, make_sku())


def upload(client, data=None):
    return client.post(
        "/me/pictures",
        data={"file": (io.BytesIO(data or photo()), "a.jpg")},
        headers={"Accept": "application/json"},
    )


def shown(order, *, stars=5, text="很好喝", anonymous=False):
    with transaction():
        settings.change("review.checked", False, actor=ADMIN, now=NOON)
    return run_unit(
        reviews.write,
        order.member_id,
        order.lines[0].id,
        reviews.ReviewInput(stars, text, is_anonymous=anonymous),
        now=NOON,
    )


def test_the_way_to_a_review_starts_at_the_order_and_at_me(client, order):
    form = f"/orders/{order.number}/review/1"

    assert f'href="{form}"' in client.get(f"/orders/{order.number}").text
    assert f'href="{form}"' in client.get("/me/reviews").text
    assert "待评价" in client.get("/me").text
    assert "高山绿茶" in client.get(form).text


def test_a_review_with_a_picture(client, order):
    path = upload(client).json["path"]

    answer = client.post(
        f"/orders/{order.number}/review/1",
        data={"stars": "4", "text": "很好喝", "pictures": [path], "is_anonymous": "1"},
    )

    row = db.session.execute(sa.select(Review)).scalar_one()
    assert answer.status_code == 303
    assert (row.stars, row.text, row.pictures, row.is_anonymous) == (4, "很好喝", [path], True)
    page = text_of(client.get("/me/reviews?tab=done"))
    assert "审核中" in page
    assert "很好喝" in page


def test_what_was_typed_stays_on_a_refusal(client, order):
    path = upload(client).json["path"]

    answer = client.post(
        f"/orders/{order.number}/review/1",
        data={"stars": "4", "text": "好" * 501, "pictures": [path]},
    )

    assert answer.status_code == 422
    assert "最多 500 个字" in answer.text
    assert path in answer.text
    assert db.session.scalars(sa.select(Review.id)).all() == []


def test_others_orders_cannot_be_reviewed(client, me):
    theirs = received_order(make_member("赵磊"), make_sku())

    answers = [
        client.get(f"/orders/{theirs.number}/review/1"),
        client.post(f"/orders/{theirs.number}/review/1", data={"stars": "1"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert db.session.scalars(sa.select(Review.id)).all() == []


@pytest.mark.parametrize("place", [0, 2])
def test_a_line_that_is_not_there(client, order, place):
    assert client.get(f"/orders/{order.number}/review/{place}").status_code == 404


def test_others_reviews_cannot_be_added_to(client, me):
    theirs = shown(received_order(make_member("赵磊"), make_sku()))

    answers = [
        client.get(f"/me/reviews/{theirs.id}/more"),
        client.post(f"/me/reviews/{theirs.id}/more", data={"text": "好"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert theirs.followed_at is None


def test_adding_to_a_review(client, order):
    row = shown(order)

    client.post(f"/me/reviews/{row.id}/more", data={"text": "喝了一个月"})

    assert (row.followup_text, row.followup_status) == ("喝了一个月", ReviewStatus.SHOWN)
    assert "当天追评" in client.get(f"/p/{row.product_id}/reviews").text


def test_the_product_shows_its_score_and_the_newest(client, order):
    row = shown(order, stars=4)

    page = text_of(client.get(f"/p/{row.product_id}"))

    assert "4.0 分" in page
    assert "好评 100%" in page
    assert "王*芳" in page
    assert "王小芳" not in page


def test_anonymous_means_no_name_and_no_face(client, me, order):
    with transaction():
        me.avatar_url = "https://wx.test/face.png"
    row = shown(order, anonymous=True)

    page = client.get(f"/p/{row.product_id}/reviews").text

    assert "匿名用户" in page
    assert "王*芳" not in page
    assert "face.png" not in page


def test_hidden_and_waiting_reviews_are_seen_by_nobody_else(client, order):
    row = shown(order)
    run_unit(reviews.hide, [row.id], actor=ADMIN, now=NOON)

    assert "很好喝" not in client.get(f"/p/{row.product_id}/reviews").text
    assert "还没有评价" in client.get(f"/p/{row.product_id}").text


def test_what_a_review_says_is_text(client, order):
    row = shown(order, text="<script>alert(1)</script>")

    assert "<script>alert" not in client.get(f"/p/{row.product_id}/reviews").text


def test_uploads_are_for_members_and_for_pictures(client, me):
    refused = upload(client, b"<svg></svg>")

    assert (refused.status_code, refused.json["field"]) == (422, "picture")
    with client.session_transaction() as kept:
        kept.clear()
    assert upload(client).status_code == 401


# --- favourites and history --------------------------------------------------------


def test_the_heart_turns_on_and_off(client, me):
    sku = make_sku()
    address = f"/p/{sku.product_id}/favourite"
    js = {"Accept": "application/json"}

    on = client.post(address, data={"wanted": "1"}, headers=js).json
    page = client.get(f"/p/{sku.product_id}").text
    off = client.post(address, data={"wanted": "0"}, headers=js).json

    assert (on, off) == ({"is_favourite": True}, {"is_favourite": False})
    assert "已收藏" in page
    assert db.session.scalars(sa.select(Favourite.id)).all() == []


def test_favourites_say_what_fell(client, me):
    sku = make_sku(price_fen=100_00)
    client.post(f"/p/{sku.product_id}/favourite", data={"wanted": "1"})
    with transaction():
        sku.price_fen = 90_00

    assert "比收藏时降 ¥10.00" in text_of(client.get("/me/favourites"))


def test_looking_leaves_a_footprint_that_can_be_cleared(client, me):
    sku = make_sku()
    client.get(f"/p/{sku.product_id}")

    page = text_of(client.get("/me/history"))
    client.post("/me/history/clear")

    assert re.search("今天.*高山绿茶", page)
    assert db.session.scalars(sa.select(Visit.product_id)).all() == []


def test_visitors_leave_no_footprint(client, session, weixin):
    sku = make_sku()
    with client.session_transaction() as kept:
        kept["login_failed"] = True

    assert client.get(f"/p/{sku.product_id}").status_code == 200
    assert db.session.scalars(sa.select(Visit.product_id)).all() == []


def test_a_busy_database_costs_the_footprint_only(client, me, monkeypatch):
    def busy(*_: object, **__: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr(interests, "visit", busy)

    assert client.get(f"/p/{make_sku().product_id}").status_code == 200


def test_the_name_can_be_changed(client, me):
    answer = client.post("/me/profile/name", data={"nickname": " 小芳  👩‍👧 "})

    assert answer.status_code == 303
    assert me.nickname == "小芳 👩‍👧"


@pytest.mark.parametrize("typed", ["", "  ", "名" * 21, "小\u202e芳", "小\x07芳"])
def test_a_name_that_cannot_be(client, me, typed):
    answer = client.post("/me/profile/name", data={"nickname": typed})

    assert answer.status_code == 422
    assert me.nickname == "王小芳"
