"""The team and the rankings over HTTP."""

import pytest

from app import commission, settings
from app.core.db import transaction
from app.distribution import team
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    make_distributor,
    make_distributor_of,
    make_member,
    make_plan,
    make_sku,
    paid_order,
)
from tests.mall.pages import text_of

TEAM = "/me/distribution/team"
RANKING = "/me/distribution/ranking"


@pytest.fixture
def earner(me):
    make_plan()
    make_distributor_of(me)
    return me


def test_team_by_level_with_masked_names(client, earner):
    near = make_distributor("欧阳娜娜", under=earner)
    far = make_member("诸葛亮")
    bind(far, near)
    paid_order(far, make_sku(price_fen=12_345_00))

    first = client.get(TEAM)
    second = client.get(f"{TEAM}?level=2")

    assert "一级成员1" in text_of(first).replace(" ", "")
    assert "二级成员1" in text_of(first).replace(" ", "")
    assert "欧*娜" in first.text
    assert "欧阳娜娜" not in first.text
    assert "还没下单" in first.text
    assert "诸*亮" in second.text
    assert "1 单 · 成交 ¥12,345.00" in text_of(second)
    assert "+¥617.25为我带来" in text_of(second)


def test_names_are_whole_where_the_shop_says_so(client, earner):
    make_distributor("欧阳娜娜", under=earner)
    with transaction():
        settings.change("distribution.team_names_masked", False, actor=ADMIN, now=NOON)

    assert "欧阳娜娜" in client.get(TEAM).text


@pytest.mark.parametrize("level", ["3", "0", "x", "99"])
def test_team_stops_at_the_plans_depth(client, earner, level):
    page = client.get(f"{TEAM}?level={level}").text

    assert "三级成员" not in page
    assert "还没有一级成员，把推广码发给好友吧" in page


def test_who_came_lately_is_counted(client, earner):
    make_distributor("欧阳娜娜", under=earner)

    assert "今日新增1本周1本月1" in text_of(client.get(TEAM)).replace(" ", "")


def test_who_came_and_has_not_bought_is_counted_up_to_a_cap(client, earner, monkeypatch):
    for name in ("甲一", "乙二", "丙三"):
        bind(make_member(name), earner)
    buyer = make_member("李晓梅")
    bind(buyer, earner)
    paid_order(buyer, make_sku())

    said = text_of(client.get(TEAM)).replace(" ", "")
    monkeypatch.setattr("app.distribution.team.queries.QUIET_MAX", 2)

    assert "来过未下单3" in said
    assert team.quiet_count(earner.id, 1) == 2
    assert team.quiet_count(earner.id, 2) == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("q=没有", "没有找到“没有”"),
        ("sort=quiet", "大家都下过单了"),
        ("sort=sales", "李*梅"),
        ("q=晓", "李*梅"),
        ("sort=nonsense&after=x", "李*梅"),
    ],
)
def test_searching_and_sorting(client, earner, asked, said):
    buyer = make_member("李晓梅")
    bind(buyer, earner)
    paid_order(buyer, make_sku())

    assert said in client.get(f"{TEAM}?{asked}").text


def test_a_long_team_goes_on(client, earner):
    for number in range(22):
        bind(make_member(f"友{number}"), earner)

    page = client.get(TEAM).text
    [after] = [part.split('"')[0] for part in page.split("after=")[1:]]
    more = client.get(f"{TEAM}?level=1&after={after}").text

    assert page.count('class="row"') == 20
    assert more.count('class="row"') == 2
    assert "没有更多了" not in more


def test_another_distributors_team_is_not_shown(client, earner):
    make_distributor("欧阳娜娜", under=make_distributor("别人"))

    assert "欧*娜" not in client.get(TEAM).text


def test_the_ranking_masks_others_and_names_oneself(client, earner):
    other = make_distributor("欧阳娜娜")
    for rival, fen in ((earner, 100_00), (other, 88_888_00)):
        buyer = make_member()
        bind(buyer, rival)
        paid_order(buyer, make_sku(price_fen=fen))
    commission.team.rank(NOON)

    words = text_of(client.get(RANKING))

    assert "欧*娜" in words
    assert "欧阳娜娜" not in words
    assert "¥88,888.00" in words
    assert "第 2 名" in words
    assert "11月16日 至 11月22日" in words
    assert "11月1日 至 11月30日" in text_of(client.get(f"{RANKING}?period=month"))


def test_an_empty_ranking_says_so(client, earner):
    words = text_of(client.get(RANKING))

    assert "这一期还没有人上榜" in words
    assert "还没有上榜" in words


def test_who_is_no_distributor_is_led_to_joining(client, me):
    assert client.get(RANKING).location == "/me/distribution"
