"""The personal centre over HTTP, and who may see what."""

import dataclasses
import re

import pytest

from app import settings
from config import OFFICIAL
from tests.factories import (
    bind,
    give_available,
    make_distributor,
    make_distributor_of,
    make_sku,
    paid_order,
    place_order,
)
from tests.mall.pages import text_of


def test_customer_sees_badges_and_an_invitation(client, me):
    place_order(me, make_sku())
    paid_order(me, make_sku())

    page = client.get("/me")

    assert "王小芳" in page.text
    assert page.text.count('<em class="num">1</em>') == 2
    assert "成为分销员，分享好物赚佣金" in page.text
    assert "我的邀请人暂无" in text_of(page)


def test_distributor_sees_the_wallet_card(client, me):
    make_distributor_of(me)
    give_available(me, 12_888_00)

    words = text_of(client.get("/me"))

    assert "可提现¥12,888.00" in words
    assert "我的推广码" in words


def test_upline_is_shown_masked(client, me):
    bind(me, make_distributor("欧阳娜娜"))

    page = client.get("/me").text

    assert "欧*娜" in page
    assert "欧阳娜娜" not in page


def test_profile_is_asked_for_by_script_and_by_form(client, me):
    scripted = client.post("/me/profile", headers={"Accept": "application/json"})
    plain = client.post("/me/profile")

    assert scripted.json["url"].startswith("http://open.test/authorize?scope=snsapi_userinfo")
    assert plain.location.startswith("http://open.test/authorize?scope=snsapi_userinfo")


def test_help_says_the_rules_in_force(client, me):
    page = client.get("/help").text

    days = settings.value(settings.registry.GUARD_DAYS)
    assert f"好友确认收货满 {days} 天" in page
    assert "单笔最低 ¥1.00，最高 ¥200.00" in page


def test_privacy_page(client, me):
    assert "加密保存" in client.get("/privacy").text


def test_unknown_page(client, me):
    answer = client.get("/nothing-here")

    assert answer.status_code == 404
    assert "页面不存在或已被移走" in answer.text
    assert "回到首页" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/me",
        "/me/address",
        "/me/wallet",
        "/me/wallet/withdraw",
        "/me/distribution",
        "/me/distribution/code",
        "/me/distribution/team",
        "/orders",
        "/me/aftersales",
        "/orders/M1/aftersale",
        "/checkout?sku=1",
    ],
)
def test_members_pages_send_strangers_to_log_in(client, session, weixin, path):
    answer = client.get(path)

    assert answer.status_code == 302
    assert answer.location.startswith("http://open.test/authorize")


def test_plain_browser_is_told_to_open_wechat(app, client, session):
    config = app.extensions["mall_config"]
    real = dataclasses.replace(config, wechat_open_base=OFFICIAL["WECHAT_OPEN_BASE"])
    app.extensions["mall_config"] = real
    try:
        answer = client.get("/me")
    finally:
        app.extensions["mall_config"] = config

    assert answer.status_code == 403
    assert "请在微信中打开" in answer.text


def test_every_view_of_the_mall_names_its_login_rule(app):
    views = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint[:5] == "mall."}
    without = {
        name
        for name in views - {"mall.oauth_callback"}
        if not hasattr(app.view_functions[name], "login_rule")
    }

    assert without == set()


def test_no_member_number_appears_in_an_address(app):
    rules = [r.rule for r in app.url_map.iter_rules() if r.endpoint.startswith("mall.")]

    assert not [rule for rule in rules if re.search(r"<int:(member|order|withdrawal)", rule)]
