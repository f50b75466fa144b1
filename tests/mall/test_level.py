"""The level of a distributor on the phone: badge, progress, benefits."""

import pytest

from app.core import clock
from app.core.db import run_unit
from app.distribution import levels
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    days,
    distributor,
    make_distributor_of,
    make_level,
    make_member,
    make_plan,
    make_sku,
    paid_order,
)
from tests.mall.pages import text_of

LEVEL = "/me/distribution/level"


@pytest.fixture
def sold(me):
    """`me` is a distributor with one sale of 256 yuan."""
    make_plan()
    make_level("senior", 10, "高级分销员", benefits="直推佣金 12%", conditions={"orders": 1})
    make_level(
        "leader",
        20,
        "团长",
        benefits="直推佣金 13%",
        conditions={"match": "any", "own_sales_fen": 1_000_00, "customers": 1_000},
        keep={"period": "month", "orders": 5},
    )
    make_level("partner", 30, "城市合伙人")
    make_distributor_of(me)
    buyer = make_member("李晓梅")
    bind(buyer, me)
    paid_order(buyer, make_sku(price_fen=256_00))
    return me


def give(member, code: str, until=None) -> None:
    word = {"reason": "奖励", "until": until, "actor": ADMIN, "now": clock.now()}
    run_unit(levels.assign, distributor(member).id, code, **word)


def test_the_centre_shows_the_level_and_what_is_missing(client, sold):
    page = text_of(client.get("/me/distribution"))

    assert "高级分销员" in page
    assert "升到“团长”，满足其中一项即可" in page
    assert "还差 ¥744" in page
    assert "还差 999 人" in page


def test_the_level_page_shows_benefits_and_the_whole_ladder(client, sold):
    answer = client.get(LEVEL)
    page = text_of(answer)

    assert "直推佣金 12%" in page
    assert "¥256 / ¥1,000" in page
    assert "高级分销员 当前" in page
    assert "满足其一：直推销售额满 ¥1,000，成交客户数满 1,000 人" in page
    assert "由商家授予" in page
    assert 'max="100" value="25"' in answer.text


def test_a_level_with_a_keep_rule_says_it(client, sold):
    give(sold, "leader", NOON + days(10))

    page = text_of(client.get(LEVEL))

    assert "每月 直推订单数满 5 单" in page
    assert "保留至 2026-12-01" in page
    assert "保留期内不考核" in page
    assert "已是最高等级" in page


def test_a_level_that_is_switched_off_is_nobodys_goal(client, sold):
    run_unit(levels.switch, "leader", is_active=False, actor=ADMIN, now=NOON)

    assert "团长" not in text_of(client.get(LEVEL))


def test_who_is_no_distributor_is_led_to_joining(client, me):
    answer = client.get(LEVEL)

    assert (answer.status_code, answer.location) == (302, "/me/distribution")
