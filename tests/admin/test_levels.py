"""The ladder in the panel: looking, editing, and giving a level by hand."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from app.core.db import db
from app.distribution import levels
from app.distribution.levels import FOREVER, DistributorLevel, LevelChange
from tests.admin.desk import acts, fill, fresh

FORM = {
    "code": "leader",
    "name": "团长",
    "rank": "20",
    "benefits": "直推佣金 13%",
    "match": "any",
    "conditions.own_sales_fen": "5,000.50",
    "conditions.orders": "",
    "conditions.customers": "10",
    "keep.period": "month",
    "keep.match": "all",
    "keep.orders": "5",
}


@pytest.fixture
def desk(session):
    return fill()


@pytest.fixture
def owner(desk, admin_client):
    return admin_client("owner")


def stored(code: str) -> levels.Level | None:
    return levels.ladder().get(code)


def test_a_level_is_made_as_it_was_typed(owner):
    answer = owner.post("/admin/level-new", data=FORM)

    assert answer.status_code == 302
    made = stored("leader")
    assert made is not None
    assert (made.name, made.rank, made.benefits) == ("团长", 20, "直推佣金 13%")
    assert made.conditions.document() == {
        "match": "any",
        "own_sales_fen": 5_000_50,
        "customers": 10,
    }
    assert made.keep.document() == {"period": "month", "match": "all", "orders": 5}
    assert len(acts("level.save")) == 2


def test_what_was_stored_stands_in_the_editor_again(owner):
    owner.post("/admin/level-new", data=FORM)

    page = owner.get("/admin/levels/leader").text

    assert 'value="5000.50"' in page
    assert '<option value="month" selected>' in page


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"code": "Leader"}, "标识应为 1 到 20 位小写字母"),
        ({"name": ""}, "等级名称应为 1 到 10 个字"),
        ({"rank": "x"}, "级别序号应为 1 到 99"),
        ({"rank": "10"}, "级别序号 10 已被“高级分销员”使用"),
        ({"conditions.own_sales_fen": "1e3"}, "直推销售额格式不正确"),
        ({"conditions.customers": "-3"}, "成交客户数应为正整数"),
        ({"keep.orders": ""}, "请至少填写一项保级条件"),
        (
            {"conditions.own_sales_fen": "1000", "conditions.customers": "", "match": "all"},
            "请调高“团长”的条件",
        ),
    ],
)
def test_what_does_not_fit_is_shown_with_what_was_typed(owner, changed, says):
    answer = owner.post("/admin/level-new", data={**FORM, **changed})

    assert answer.status_code == 422
    assert says in answer.text
    assert "直推佣金 13%" in answer.text
    assert db.session.scalars(sa.select(DistributorLevel.code)).all() == ["senior"]


def test_the_base_level_is_edited_by_its_name_and_benefits(owner):
    answer = owner.post("/admin/levels/normal", data={"name": "会员", "benefits": "分享得佣金"})

    assert answer.status_code == 302
    base = stored("normal")
    assert base is not None
    assert (base.name, base.benefits, base.rank) == ("会员", "分享得佣金", 0)
    assert "会员" in owner.get("/admin/levels").text


def test_a_level_is_switched_off_on_and_deleted(owner):
    owner.post("/admin/levels/senior/switch", data={"is_active": "0"})
    assert stored("senior").is_active is False
    owner.post("/admin/levels/senior/switch", data={"is_active": "1"})
    assert stored("senior").is_active is True

    owner.post("/admin/levels/senior/remove")

    assert stored("senior") is None
    assert len(acts("level.switch")) == 2
    assert len(acts("level.remove")) == 1


def test_a_level_in_use_is_not_deleted_and_the_page_says_why(owner, desk):
    give(owner, desk)

    answer = owner.post("/admin/levels/senior/remove")

    assert answer.status_code == 409
    assert "有分销员正处于或曾处于这个等级" in answer.text
    assert stored("senior") is not None


def give(client, desk, **changed):
    data = {"level": "senior", "reason": "双十一带货", "until": "2099-12-31", **changed}
    return client.post(f"/admin/distributors/{desk.distributor.id}/level", data=data)


def test_an_admin_gives_a_level_until_the_end_of_a_day(owner, desk):
    assert give(owner, desk).status_code == 302

    row = fresh(desk.distributor)
    assert row.level == "senior"
    # Midnight in Shanghai after that day.
    assert row.level_kept_until == datetime(2099, 12, 31, 16, tzinfo=UTC)
    [entry] = acts("distributor.level")
    assert entry.reason == "双十一带货"
    page = owner.get(f"/admin/distributors/{row.id}").text
    assert "普通分销员 → <b>高级分销员</b>" in page
    assert "保留至 2099-12-31" in page
    assert "双十一带货" in owner.get("/admin/level-changes").text
    assert "2099-12-31" in owner.get("/admin/audit").text


def test_without_a_day_it_stands_for_ever(owner, desk):
    give(owner, desk, until="")

    assert fresh(desk.distributor).level_kept_until == FOREVER
    assert "长期" in owner.get(f"/admin/distributors/{desk.distributor.id}").text


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"reason": " "}, "请填写调整原因"),
        ({"level": "nobody"}, "请选择启用中的等级"),
        ({"until": "tomorrow"}, "请选择日期，或留空"),
        ({"until": "2020-01-01"}, "保留到的日期应晚于今天"),
        ({"until": "9999-12-31"}, "请选择日期，或留空"),
    ],
)
def test_a_decision_that_does_not_fit_is_shown_in_its_dialog(owner, desk, changed, says):
    answer = give(owner, desk, **changed)

    assert answer.status_code == 422
    assert says in answer.text
    assert 'id="level" tabindex="-1" aria-labelledby="level-title" data-open' in answer.text
    assert fresh(desk.distributor).level == "normal"
    assert db.session.scalars(sa.select(LevelChange)).all() == []


def test_who_may_only_look_sees_no_way_to_change(desk, admin_client):
    client = admin_client("auditor")

    assert "新建等级" not in client.get("/admin/levels").text
    assert "调整等级" not in client.get(f"/admin/distributors/{desk.distributor.id}").text
    assert give(client, desk).status_code == 403
    assert fresh(desk.distributor).level == "normal"


def test_the_distributors_page_says_what_is_missing(owner, desk):
    page = owner.get(f"/admin/distributors/{desk.distributor.id}").text

    assert "¥100 / ¥1,000" in page
    assert "还差 ¥900" in page
