"""Tokens, QR codes, users, menus, tags, templates, customer messages."""

import pytest
import requests
from wechatpy.exceptions import WeChatClientException

from .conftest import LIN, WANG, wait_for

pytestmark = pytest.mark.engine_free


def refused(call, *args, **kw):
    with pytest.raises(WeChatClientException) as caught:
        call(*args, **kw)
    return caught.value.errcode


def token(sandbox, **more):
    return requests.post(
        sandbox.url + "/cgi-bin/stable_token",
        timeout=5,
        json={
            "grant_type": "client_credential",
            "appid": sandbox.config.appid,
            "secret": sandbox.config.secret,
            **more,
        },
    ).json()


def follow(sandbox, *openids):
    for openid in openids:
        sandbox.control.post(f"/persons/{openid}/follow")


def test_stable_token_stays_the_same_until_it_is_nearly_over(sandbox):
    first = token(sandbox)

    again = token(sandbox)
    sandbox.control.post("/clock", advance=7200 - 299)
    later = token(sandbox)

    assert first["expires_in"] == 7200
    assert again["access_token"] == first["access_token"]
    assert later["access_token"] != first["access_token"]


def test_forced_token_kills_the_old_one_and_is_limited(sandbox):
    old = token(sandbox)["access_token"]

    new = token(sandbox, force_refresh=True)["access_token"]
    too_soon = token(sandbox, force_refresh=True)

    ask = {"openid": WANG}
    answer = requests.get(
        sandbox.url + "/cgi-bin/user/info", params={**ask, "access_token": old}, timeout=5
    )
    assert answer.status_code == 200
    assert answer.json()["errcode"] == 40001
    answer = requests.get(
        sandbox.url + "/cgi-bin/user/info", params={**ask, "access_token": new}, timeout=5
    )
    assert answer.json() == {"subscribe": 0, "openid": WANG, "tagid_list": []}
    assert too_soon["errcode"] == 45011


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"secret": "x"}, 40125),
        ({"appid": "wx1"}, 40013),
        ({"grant_type": "x"}, 40002),
    ],
)
def test_token_refuses_wrong_credentials(sandbox, change, code):
    assert token(sandbox, **change)["errcode"] == code


def test_plain_token_and_missing_and_expired_tokens(sandbox):
    config = sandbox.config
    answer = requests.get(
        sandbox.url + "/cgi-bin/token",
        timeout=5,
        params={
            "grant_type": "client_credential",
            "appid": config.appid,
            "secret": config.secret,
        },
    ).json()

    missing = requests.get(sandbox.url + "/cgi-bin/user/info", timeout=5).json()
    sandbox.control.post("/clock", advance=7201)
    expired = requests.get(
        sandbox.url + "/cgi-bin/user/info",
        timeout=5,
        params={"access_token": answer["access_token"]},
    ).json()

    assert answer["expires_in"] == 7200
    assert (missing["errcode"], expired["errcode"]) == (41001, 42001)


def test_client_renews_a_token_that_was_killed(sandbox, client):
    client.user.get(WANG)
    sandbox.control.post("/access-token/expire")

    assert client.user.get(WANG)["subscribe"] == 0


def test_jsapi_ticket_is_cached_by_wechatpy(client):
    ticket = client.jsapi.get_jsapi_ticket()

    assert ticket == client.jsapi.get_jsapi_ticket()


def test_temporary_and_permanent_codes(sandbox, client):
    temporary = client.qrcode.create(
        {
            "expire_seconds": 2_592_000,
            "action_name": "QR_STR_SCENE",
            "action_info": {"scene": {"scene_str": "d_42"}},
        }
    )
    permanent = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "p"}}}
    one, two = client.qrcode.create(permanent), client.qrcode.create(permanent)
    picture = requests.get(
        sandbox.url + "/cgi-bin/showqrcode", params={"ticket": temporary["ticket"]}, timeout=5
    )

    assert temporary["expire_seconds"] == 2_592_000
    assert temporary["url"].startswith("http://weixin.qq.com/q/")
    assert "expire_seconds" not in one
    assert one["ticket"] == two["ticket"]
    assert picture.headers["Content-Type"] == "image/jpg"
    assert picture.content[:2] == b"\xff\xd8"
    assert requests.get(sandbox.url + "/cgi-bin/showqrcode?ticket=x", timeout=5).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"action_name": "QR", "action_info": {"scene": {"scene_id": 1}}},
        {"action_name": "QR_SCENE", "action_info": {"scene": {"scene_id": 0}}},
        {"action_name": "QR_SCENE", "action_info": {"scene": {"scene_id": 2**32}}},
        {"action_name": "QR_LIMIT_SCENE", "action_info": {"scene": {"scene_id": 100_001}}},
        {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "x" * 65}}},
        {"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": ""}}},
        {
            "action_name": "QR_STR_SCENE",
            "expire_seconds": 2_592_001,
            "action_info": {"scene": {"scene_str": "x"}},
        },
    ],
)
def test_codes_outside_the_limits_are_refused(client, sandbox, body):
    assert refused(client.qrcode.create, body) == 40053
    assert sandbox.control.get("/qrcodes")["qrcodes"] == []


def test_user_info_tells_the_scene_but_no_name(sandbox, client):
    client.qrcode.create(
        {
            "action_name": "QR_LIMIT_STR_SCENE",
            "action_info": {"scene": {"scene_str": "d_42"}},
        }
    )
    sandbox.control.post(f"/persons/{WANG}/follow", scene="d_42")

    user = client.user.get(WANG)

    assert user["subscribe"] == 1
    assert user["subscribe_scene"] == "ADD_SCENE_QR_CODE"
    assert user["qr_scene_str"] == "d_42"
    assert "nickname" not in user
    assert client.user.get_batch([WANG])[0]["openid"] == WANG
    assert refused(client.user.get, "oNobody") == 40003


MENU = {
    "button": [
        {"name": "商城", "type": "view", "url": "http://127.0.0.1:8000/"},
        {"name": "我的", "sub_button": [{"name": "推广码", "type": "click", "key": "MY_CODE"}]},
    ]
}


def test_menus_with_a_rule_for_a_tag(sandbox, client):
    follow(sandbox, WANG, LIN)
    assert refused(client.menu.add_conditional, {**MENU, "matchrule": {"tag_id": "100"}}) == 65303
    assert client.menu.get() is None  # wechatpy turns 46003 into None.
    client.menu.create(MENU)
    tag = client.tag.create("分销员")
    client.tag.tag_user(tag["id"], [LIN])
    special = {"button": [{"name": "分销中心", "type": "click", "key": "D"}]}
    menu_id = client.menu.add_conditional({**special, "matchrule": {"tag_id": str(tag["id"])}})[
        "menuid"
    ]

    assert client.menu.get()["menu"]["button"] == MENU["button"]
    assert client.menu.try_match(LIN)["button"][0]["name"] == "分销中心"
    assert client.menu.try_match(WANG)["button"][0]["name"] == "商城"
    assert client.menu.get_menu_info()["is_menu_open"] == 1
    client.menu.del_conditional(menu_id)
    assert client.menu.try_match(LIN)["button"][0]["name"] == "商城"
    assert refused(client.menu.add_conditional, {**special, "matchrule": {"sex": "1"}}) == 65320
    client.menu.delete()
    assert client.menu.get() is None


@pytest.mark.parametrize(
    ("button", "code"),
    [
        ([], 40016),
        ([{"name": "一", "type": "click", "key": "k"}] * 4, 40016),
        ([{"name": "六个汉字太长", "type": "click", "key": "k"}], 40018),
        ([{"name": "一", "type": "dance", "key": "k"}], 40017),
        ([{"name": "一", "type": "click", "key": "k" * 129}], 40019),
        ([{"name": "一", "type": "view", "url": "http://a/" + "u" * 1024}], 40020),
        ([{"name": "一", "sub_button": [{"name": "二", "type": "click", "key": "k"}] * 6}], 40023),
        ([{"name": "一", "sub_button": [{"name": "二", "type": "view"}]}], 40027),
    ],
)
def test_menus_outside_the_limits_are_refused(client, button, code):
    assert refused(client.menu.create, {"button": button}) == code
    assert client.menu.get() is None


def test_tags(sandbox, client):
    follow(sandbox, WANG)
    tag = client.tag.create("金牌分销员")

    client.tag.tag_user(tag["id"], [WANG])

    assert client.tag.get() == [{"id": tag["id"], "name": "金牌分销员", "count": 1}]
    assert client.tag.get_user_tag(WANG) == [tag["id"]]
    assert client.user.get(WANG)["tagid_list"] == [tag["id"]]
    assert client.tag.get_tag_users(tag["id"])["data"]["openid"] == [WANG]
    client.tag.update(tag["id"], "银牌")
    client.tag.untag_user(tag["id"], [WANG])
    assert client.tag.get_user_tag(WANG) == []
    assert refused(client.tag.create, "银牌") == 45157
    assert refused(client.tag.create, "十一个汉字的名称太长了吧") == 45158
    assert refused(client.tag.tag_user, 99, [WANG]) == 45159
    assert refused(client.tag.tag_user, tag["id"], [WANG] * 51) == 40032
    client.tag.delete(tag["id"])
    assert client.tag.get() == []


def test_customer_messages_need_a_window(sandbox, client):
    assert refused(client.message.send_text, WANG, "你好") == 43004
    follow(sandbox, WANG)
    sandbox.control.post("/clock", advance=61)
    assert refused(client.message.send_text, WANG, "你好") == 45015
    sandbox.control.post(f"/persons/{WANG}/text", content="在吗")

    for _ in range(5):
        client.message.send_text(WANG, "你好")

    assert refused(client.message.send_text, WANG, "你好") == 45047
    sandbox.control.post("/clock", advance=48 * 3600)
    assert refused(client.message.send_text, WANG, "你好") == 45015
    lines = sandbox.control.get(f"/persons/{WANG}/chat")["chat"]
    assert sum(line["side"] == "account" for line in lines) == 5


def test_template_message_reaches_the_chat_and_reports(sandbox, client):
    template = client.get("template/get_all_private_template")["template_list"][2]
    data = {
        "amount1": {"value": "12.34元"},
        "thing2": {"value": "王芳的订单"},
        "time3": {"value": "2026-11-21"},
    }
    assert refused(client.message.send_template, WANG, template["template_id"], data) == 43004
    follow(sandbox, WANG)

    sent = client.message.send_template(
        WANG, template["template_id"], data, url=sandbox.config.mall_url
    )

    wait_for(lambda: any(m[1].get("MsgID") == str(sent["msgid"]) for m in sandbox.mall.messages))
    line = sandbox.control.get(f"/persons/{WANG}/chat")["chat"][-1]
    assert (line["kind"], line["body"]["values"]["amount1"]) == ("template", "12.34元")
    long = {**data, "thing2": {"value": "字" * 21}}
    assert refused(client.message.send_template, WANG, template["template_id"], long) == 47003
    assert refused(client.message.send_template, WANG, "x", data) == 40037


def test_subscription_notice_needs_one_consent_each(sandbox, client):
    template_id = sandbox.config.templates[1]["template_id"]
    data = {
        "character_string1": {"value": "M1"},
        "thing2": {"value": "茶"},
        "thing3": {"value": "顺丰"},
        "time4": {"value": "2026-11-21"},
    }

    def send():
        body = {"touser": WANG, "template_id": template_id, "data": data}
        return client.post("message/subscribe/bizsend", data=body)

    assert refused(send) == 43101
    sandbox.control.post(f"/persons/{WANG}/consent", template_id=template_id)

    assert send()["errcode"] == 0
    assert refused(send) == 43101


def test_bad_bodies(sandbox, client):
    url = f"{sandbox.url}/cgi-bin/menu/create?access_token={client.access_token}"

    assert requests.post(url, timeout=5).json()["errcode"] == 44002
    assert requests.post(url, data=b"{", timeout=5).json()["errcode"] == 47001


def test_scripted_error_code_comes_once(sandbox, client):
    sandbox.control.fault("/cgi-bin/user/*", "errcode", errcode=-1)

    assert refused(client.user.get, WANG) == -1
    assert client.user.get(WANG)["openid"] == WANG
