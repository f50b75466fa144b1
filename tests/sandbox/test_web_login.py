"""OAuth pages and calls, snapshot users, JS-SDK configuration, the webview's cookies."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from wechatpy.oauth import WeChatOAuthException
from wechatpy.utils import random_string

from .conftest import LIN, WANG

pytestmark = pytest.mark.engine_free


def browser(sandbox, openid=WANG):
    session = requests.Session()
    if openid:
        answer = session.post(sandbox.url + "/phone/person", json={"openid": openid}, timeout=5)
        assert answer.json() == {"ok": True}
    return session


def code_from(answer):
    assert answer.status_code == 302, answer.text
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def login(sandbox, oauth, scope="snsapi_base"):
    client = oauth(scope)
    session = browser(sandbox)
    if scope == "snsapi_base":
        answer = session.get(client.authorize_url, allow_redirects=False, timeout=5)
    else:
        answer = session.post(
            client.authorize_url.split("#")[0],
            data={"answer": "allow"},
            allow_redirects=False,
            timeout=5,
        )
    return client, code_from(answer)


def refused(call, *args):
    with pytest.raises(WeChatOAuthException) as caught:
        call(*args)
    return caught.value.errcode


def test_silent_login(sandbox, oauth):
    client, code = login(sandbox, oauth)

    answer = client.fetch_access_token(code)

    assert (answer["openid"], answer["scope"]) == (WANG, "snsapi_base")
    assert "is_snapshotuser" not in answer
    assert refused(client.get_user_info) == 48001
    assert client.check_access_token()
    assert client.refresh_access_token(answer["refresh_token"])["openid"] == WANG


def test_redirect_carries_state_and_keeps_the_query(sandbox, oauth):
    client = oauth(path="/wechat/oauth/callback?next=1")

    answer = browser(sandbox).get(client.authorize_url, allow_redirects=False, timeout=5)

    target = urlsplit(answer.headers["Location"])
    assert target.query.startswith("next=1&code=")
    assert target.query.endswith("&state=s8f3a1")
    assert answer.headers["Cache-Control"] == "no-store"


def test_code_works_once_and_for_five_minutes(sandbox, oauth):
    client, code = login(sandbox, oauth)
    client.fetch_access_token(code)
    assert refused(client.fetch_access_token, code) == 40163
    _, late = login(sandbox, oauth)
    sandbox.control.post("/clock", advance=301)

    assert refused(client.fetch_access_token, late) == 40029
    assert refused(client.fetch_access_token, "made-up") == 40029


def test_consent_page_then_profile(sandbox, oauth):
    client = oauth("snsapi_userinfo")
    page = browser(sandbox).get(client.authorize_url, timeout=5)
    _, code = login(sandbox, oauth, "snsapi_userinfo")

    client.fetch_access_token(code)
    profile = client.get_user_info()

    assert "允许" in page.text
    assert (profile["nickname"], profile["sex"], profile["city"]) == ("王芳", 0, "")
    assert requests.get(profile["headimgurl"], timeout=5).headers["Content-Type"] == "image/png"


def test_a_refusal_comes_back_without_code(sandbox, oauth):
    url = oauth("snsapi_userinfo").authorize_url.split("#")[0]

    answer = browser(sandbox).post(url, data={"answer": "deny"}, allow_redirects=False, timeout=5)

    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"state": ["s8f3a1"]}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda u: u.replace("127.0.0.1", "127.0.0.2", 2), "10003"),
        (
            lambda u: u.replace("response_type=code&", "").replace("?", "?response_type=code&", 1),
            "10002",
        ),
        (lambda u: u.replace("snsapi_base", "snsapi_login"), "10005"),
        (lambda u: u.replace("s8f3a1", "a-b"), "10002"),
        (lambda u: u.replace("s8f3a1", "a" * 129), "10002"),
        (lambda u: u.replace("appid=wx", "appid=wy"), "10001"),
    ],
)
def test_wrong_addresses_show_wechats_error_page(sandbox, oauth, change, code):
    url = oauth().authorize_url
    base, query = url.split("?", 1)
    url = base + change("?" + query)

    answer = browser(sandbox).get(url, allow_redirects=False, timeout=5)

    assert answer.status_code == 200
    assert code in answer.text


def test_a_tab_without_a_person_asks_who_holds_the_phone(sandbox, oauth):
    session = requests.Session()
    url = oauth().authorize_url

    page = session.get(url, timeout=5)
    answer = session.post(
        sandbox.url + "/phone/choose",
        timeout=5,
        allow_redirects=False,
        data={"openid": WANG, "back": url.split("#")[0].removeprefix(sandbox.url)},
    )

    assert "林杰" in page.text
    assert code_from(
        session.get(sandbox.url + answer.headers["Location"], allow_redirects=False, timeout=5)
    )


def test_snapshot_users_are_virtual(sandbox, oauth):
    sandbox.control.post(f"/persons/{WANG}/snapshot", on=True)
    client, code = login(sandbox, oauth)

    answer = client.fetch_access_token(code)

    assert answer["is_snapshotuser"] == 1
    assert answer["openid"] != WANG
    assert len(answer["openid"]) == 28


def test_wrong_secret_and_appid(sandbox, oauth):
    client, code = login(sandbox, oauth)
    client.secret = "x"
    assert refused(client.fetch_access_token, code) == 40125
    client.app_id = "wx1"
    assert refused(client.fetch_access_token, code) == 40013


# JS-SDK


def js_config(sandbox, client, url=None, **change):
    url = url or sandbox.config.mall_url + "/p/1?from=x"
    ticket, nonce = client.jsapi.get_jsapi_ticket(), random_string(16)
    values = {
        "appId": sandbox.config.appid,
        "nonceStr": nonce,
        "timestamp": 1735689600,
        "url": url,
        "signature": client.jsapi.get_jsapi_signature(nonce, ticket, 1735689600, url),
    }
    return requests.post(sandbox.url + "/_js/config", json=values | change, timeout=5).json()


def test_js_config_with_wechatpys_signature(sandbox, client):
    assert js_config(sandbox, client) == {"ok": True, "errMsg": "config:ok"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signature": "0" * 40}, "config:invalid signature"),
        ({"url": "http://evil.example/"}, "config:invalid url domain"),
        ({"appId": "wx1"}, "config:invalid appid"),
    ],
)
def test_wrong_js_config(sandbox, client, change, message):
    assert js_config(sandbox, client, **change) == {"ok": False, "errMsg": message}


def test_sdk_script_is_served(sandbox):
    answer = requests.get(sandbox.url + "/open/js/jweixin-1.6.0.js", timeout=5)

    assert answer.headers["Content-Type"].startswith("text/javascript")
    for name in ("chooseWXPay", "requestMerchantTransfer", "updateAppMessageShareData"):
        assert name in answer.text


# Whose cookies the webview holds


def test_each_person_has_an_own_cookie_jar(sandbox):
    session = browser(sandbox)
    session.cookies.set("mall_session", "of-wang", domain="127.0.0.1", path="/")

    session.post(sandbox.url + "/phone/person", json={"openid": LIN}, timeout=5)
    as_lin = session.cookies.get_dict()
    session.cookies.set("mall_session", "of-lin", domain="127.0.0.1", path="/")
    session.post(sandbox.url + "/phone/person", json={"openid": WANG}, timeout=5)

    assert as_lin == {"sandbox_person": LIN}
    assert session.cookies.get_dict() == {"sandbox_person": WANG, "mall_session": "of-wang"}


def test_foreign_pages_cannot_act_for_the_phone(sandbox):
    session = browser(sandbox)

    answer = session.post(
        sandbox.url + "/phone/follow", headers={"Origin": "http://evil.example"}, timeout=5
    )

    assert answer.status_code == 403
    assert not sandbox.control.get("/persons")["persons"][2]["following"]
