"""Bonuses on the phone: progress, what earlier periods paid, and why."""

import pytest

from app import ledger
from app.commission import bonus
from app.core import clock
from app.core.db import run_unit
from tests.commission.bonus.ground import (
    COMPUTED,
    NOVEMBER,
    approve,
    give_shop,
    make_bonus,
    post,
    rows,
    run_job,
    sell,
    the_run,
)
from tests.factories import ADMIN, make_distributor, make_distributor_of
from tests.mall.pages import text_of

BONUSES = "/me/distribution/bonuses"


@pytest.fixture
def near(me):
    make_distributor_of(me, now=NOVEMBER)
    return me


def test_the_present_period_says_how_far_it_is(client, near):
    make_bonus(conditions={"clean_record": True})
    sell(near, 600_00)

    page = text_of(client.get(BONUSES))

    assert "月度销售奖2026 年 11 月" in page
    assert "直推销售额¥600" in page
    assert "本期预计返利¥18.00" in page
    assert "再卖 ¥400 可得 ¥50.00" in page
    assert "满 ¥1,0005%" in page
    assert "还须满足：考核期内没有违规记录。" in page
    assert "11月1日至11月30日好友确认收货的订单计入，退款的部分不计；12月16日后核算" in page
    assert BONUSES in client.get("/me/distribution").text


def test_the_wallet_leads_to_why(client, near):
    give_shop(10_000_00)
    make_bonus()
    sell(near, 1_000_00)
    run_job()
    [row] = rows()
    path = f"{BONUSES}/{row.id}"
    assert "核算中" in text_of(client.get(BONUSES))
    approve(the_run())
    assert "审核已通过，即将发放" in text_of(client.get(path))
    post(the_run())

    assert f'href="{path}"' in client.get("/me/wallet").text
    with clock.fixed(COMPUTED):
        assert f'href="{path}"' in client.get("/me/wallet/statements/2026-12").text
    page = text_of(client.get(path))
    assert "已转入可提现" in page
    assert "达到满 ¥1,000 这一档，全部按 5%¥1,000 × 5%" in page
    assert ledger.wallet_of(near.id).available_fen == 50_00


def test_a_refusal_is_read_with_its_reason(client, near):
    make_bonus()
    sell(near, 600_00)
    run_job()
    run_unit(
        bonus.reviews.refuse,
        the_run().id,
        [near.id],
        reason="这一期资料不全",
        seen=1,
        actor=ADMIN,
        now=COMPUTED,
    )

    assert "没有发放：这一期资料不全" in text_of(client.get(f"{BONUSES}/{rows()[0].id}"))


def test_anyone_elses_bonus_is_not_there(client, near):
    make_bonus()
    sell(make_distributor(), 600_00)
    run_job()

    assert client.get(f"{BONUSES}/{rows()[0].id}").status_code == 404


def test_points_are_told_and_nothing_is_promised_where_nothing_runs(client, near):
    assert "现在没有进行中的返利" in text_of(client.get(BONUSES))
    make_bonus(reward="points", steps=[{"from": 100_00, "bps": 200}])

    page = text_of(client.get(BONUSES))

    assert "我的积分0" in page
    assert "再卖 ¥100 可得 200 积分" in page
    assert "每元 2 积分" in page


def test_who_is_no_distributor_is_led_to_the_centre(client, me):
    answer = client.get(BONUSES)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/me/distribution")
