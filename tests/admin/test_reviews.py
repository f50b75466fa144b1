"""Reviews at the desk: the queue, deciding one by one and many, answering."""

import sqlalchemy as sa

from app.core.db import db
from app.reviews import Review, ReviewStatus
from tests.admin.desk import a_review, acts, fresh
from tests.mall.pages import text_of

W, S, H = ReviewStatus.WAITING, ReviewStatus.SHOWN, ReviewStatus.HIDDEN


def test_the_queue_shows_what_waits(session, admin_client):
    a_review()
    client = admin_client("operations")

    page = text_of(client.get("/admin/reviews"))

    assert "茶香很足" in page
    assert "孙丽" in page
    assert "待审评价" in text_of(client.get("/admin/"))


def test_a_batch_shows_and_hides(session, admin_client):
    first, second = a_review(), a_review()
    client = admin_client("operations")

    client.post("/admin/reviews/batch", data={"ids": [first.id, second.id], "action": "show"})
    shown = [fresh(row).status for row in (first, second)]
    client.post("/admin/reviews/batch", data={"ids": [first.id], "action": "hide"})

    assert shown == [S, S]
    assert (fresh(first).status, fresh(first).followup_status) == (H, S)
    assert len(acts("review.show")) == 4
    assert len(acts("review.hide")) == 1


def test_a_part_is_decided_on_its_own(session, admin_client):
    row = a_review()
    client = admin_client("operations")

    client.post(f"/admin/reviews/{row.id}/decide", data={"to": "shown", "part": "review"})
    client.post(f"/admin/reviews/{row.id}/decide", data={"to": "hidden", "part": "followup"})

    assert (fresh(row).status, row.followup_status) == (S, H)


def test_an_answer_is_kept_or_refused_at_its_field(session, admin_client):
    row = a_review()
    client = admin_client("operations")

    refused = client.post(f"/admin/reviews/{row.id}/reply", data={"reply": " "})
    client.post(f"/admin/reviews/{row.id}/reply", data={"reply": "谢谢支持"})

    assert (refused.status_code, "请填写回复内容" in refused.text) == (422, True)
    assert fresh(row).reply == "谢谢支持"


def test_filters_by_stars_and_product(session, admin_client):
    a_review(5), a_review(1)
    client = admin_client("auditor")

    def count(query: str) -> int:
        return client.get(f"/admin/reviews?{query}").text.count("茶香很足")

    assert [count("stars=5"), count("stars=2"), count("title=绿茶"), count("title=陶瓷")] == [
        1,
        0,
        2,
        0,
    ]


def test_who_may_look_may_not_decide(session, admin_client):
    row = a_review()
    client = admin_client("auditor")

    answer = client.post("/admin/reviews/batch", data={"ids": [row.id], "action": "show"})

    assert answer.status_code == 403
    assert db.session.scalars(sa.select(Review.status)).all() == [W]
