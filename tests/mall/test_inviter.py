"""我的邀请人: the name as the shop shows it, until when, and appealing."""

import pytest

from app import settings
from app.core.db import db, run_unit
from app.distribution import appeals
from app.settings import registry
from tests.factories import ADMIN, NOON, bind, make_distributor
from tests.mall.pages import text_of


def rule(setting, value) -> None:
    run_unit(settings.change, setting.key, value, actor=ADMIN, now=NOON)


@pytest.mark.parametrize(
    ("how", "name"),
    [("masked", "欧*梅"), ("full", "欧阳陈梅"), ("hidden", "商城的一位分销员")],
)
def test_the_name_is_shown_as_the_shop_says(client, me, how, name):
    bind(me, make_distributor("欧阳陈梅"))
    rule(registry.INVITER_NAME, how)

    assert f"邀请人{name}" in text_of(client.get("/me/inviter"))
    assert f"我的邀请人{name}" in text_of(client.get("/me"))


def test_whoever_came_alone_has_none_and_may_say_otherwise(client, me):
    page = text_of(client.get("/me/inviter"))

    assert "邀请人暂无" in page
    assert "提交申诉" in page


def test_a_validity_is_shown(client, me):
    bind(me, make_distributor("陈梅"))
    rule(registry.BINDING_VALID_DAYS, 30)

    assert "有效至2026-12-21 12:00" in text_of(client.get("/me/inviter"))


def test_an_appeal_is_kept_and_waits(client, me):
    answer = client.post("/me/inviter", data={"text": "是林杰介绍我来的"})

    assert (answer.status_code, answer.location) == (303, "/me/inviter")
    page = text_of(client.get("/me/inviter"))
    assert "申诉处理中" in page
    assert "提交申诉" not in page
    db.session.rollback()
    assert [row.text for row in appeals.of_member(me.id)] == ["是林杰介绍我来的"]


def test_an_empty_appeal_is_refused_in_words(client, me):
    answer = client.post("/me/inviter", data={"text": " "})

    assert answer.status_code == 422
    assert "请写明情况" in answer.text
    assert list(appeals.of_member(me.id)) == []


def test_a_second_open_appeal_is_refused_in_words(client, me):
    client.post("/me/inviter", data={"text": "一"})

    answer = client.post("/me/inviter", data={"text": "二"})

    assert "还在处理" in answer.text
    db.session.rollback()
    assert len(appeals.of_member(me.id)) == 1
