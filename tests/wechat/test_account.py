"""The official account's API over real HTTP, with WeChat slow, wrong or refusing."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import sqlalchemy as sa

from app import members, wechat
from app.core.db import db
from app.wechat import OAuthFailed, WeChatUnavailable, transport
from app.wechat.transport import Limits
from tests.stack import Stack

CHEN = "oSandbox_chenmei_00000000002"
PAGE = "/p/1?from=a"


def token_calls(stack: Stack) -> int:
    return sum("stable_token" in str(c) for c in stack.look("/calls")["calls"])


def scene_calls(stack: Stack) -> int:
    return sum("qrcode/create" in str(c) for c in stack.look("/calls")["calls"])


def test_many_threads_fetch_one_token(stack: Stack):
    account = wechat.current().account

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: account.temporary_scene(f"CODE{n}"), range(8)))

    assert token_calls(stack) == 1
    assert scene_calls(stack) == 8


def test_a_token_that_wechat_rejects_is_renewed_once(stack: Stack):
    account = wechat.current().account
    account.temporary_scene("CODE1")
    stack.control("/access-token/expire")

    scene = account.temporary_scene("CODE2")

    assert scene.url.startswith("http://weixin.qq.com/q/")
    assert token_calls(stack) == 2


def test_an_endless_40001_stops_after_one_retry(stack: Stack):
    account = wechat.current().account
    stack.control(
        "/faults", target="/cgi-bin/qrcode/create", kind="errcode", errcode=40001, times=50
    )

    with pytest.raises(WeChatUnavailable):
        account.temporary_scene("CODE1")

    assert scene_calls(stack) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "html"},
        # A proxy's page that says all is well.
        {"kind": "html", "status": 200},
    ],
)
def test_an_answer_that_is_no_answer_is_unavailable(stack: Stack, fault):
    account = wechat.current().account
    stack.control("/faults", target="/cgi-bin/qrcode/create", times=3, **fault)

    with pytest.raises(WeChatUnavailable):
        account.temporary_scene("CODE1")


def test_a_call_that_hangs_ends_by_its_time_out(stack: Stack, monkeypatch):
    account = wechat.current().account
    account.temporary_scene("CODE1")
    monkeypatch.setattr(transport, "LIMITS", Limits(connect=1, read=0.3, total=1))
    stack.control("/faults", target="/cgi-bin/qrcode/create", kind="hang", seconds=3, times=1)

    with pytest.raises(WeChatUnavailable):
        account.temporary_scene("CODE2")


def test_jssdk_signs_our_pages_only(stack: Stack):
    account = wechat.current().account

    signed = account.jssdk_config(f"{stack.url}/p/1#top")

    assert set(signed) == {"appId", "timestamp", "nonceStr", "signature"}
    with pytest.raises(ValueError, match="our own pages"):
        account.jssdk_config("https://evil.example/p/1")


# --- logging in ----------------------------------------------------------------------


def phone(stack: Stack, openid: str = CHEN) -> requests.Session:
    """A browser in which this WeChat user is."""
    browser = requests.Session()
    browser.cookies.set("sandbox_person", openid, domain="127.0.0.1", path="/")
    return browser


def callback_of(stack: Stack, browser: requests.Session) -> str:
    """Go to the mall and stop just before WeChat sends the browser back."""
    to_wechat = browser.get(f"{stack.url}/me", allow_redirects=False, timeout=10)
    back = browser.get(to_wechat.headers["Location"], allow_redirects=False, timeout=10)
    return back.headers["Location"]


def member_in(browser: requests.Session, stack: Stack) -> bool:
    return browser.get(f"{stack.url}/me", allow_redirects=False, timeout=10).status_code == 200


def test_the_login_is_silent_and_ends_where_it_began(stack: Stack):
    browser = phone(stack)

    page = browser.get(f"{stack.url}/me/wallet?x=1", timeout=20)

    # Like a browser, requests carries WeChat's fragment over the redirects.
    assert page.status_code == 200
    assert page.url.partition("#")[0] == f"{stack.url}/me/wallet?x=1"


def test_the_way_to_wechat_is_not_kept(stack: Stack):
    answer = phone(stack).get(f"{stack.url}/me", allow_redirects=False, timeout=10)

    assert answer.status_code == 302
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Location"].endswith("#wechat_redirect")


def test_the_callback_asked_twice_with_one_code_is_one_login(stack: Stack):
    browser = phone(stack)
    callback = callback_of(stack, browser)
    twin = requests.Session()
    twin.cookies.update(browser.cookies)

    first = browser.get(callback, allow_redirects=False, timeout=10)
    second = twin.get(callback, allow_redirects=False, timeout=10)

    assert (first.headers["Location"], second.headers["Location"]) == ("/me", "/me")
    assert member_in(browser, stack)
    assert member_in(twin, stack)


def test_a_callback_of_another_browser_logs_nobody_in(stack: Stack):
    callback = callback_of(stack, phone(stack))
    victim = phone(stack, "oSandbox_zhaolei_00000000004")

    victim.get(callback, allow_redirects=False, timeout=10)

    assert not member_in(victim, stack)


def test_an_invented_code_ends_in_a_page_and_not_in_a_loop(stack: Stack):
    browser = phone(stack)
    callback = callback_of(stack, browser)
    state = callback.partition("state=")[2]

    answer = browser.get(
        f"{stack.url}/wechat/oauth/callback?code=invented&state={state}", timeout=20
    )

    # The restart finds the true person: the invented code cost nothing.
    assert answer.status_code == 200


def test_a_snapshot_user_becomes_no_member(stack: Stack):
    stack.control(f"/persons/{CHEN}/snapshot", on=True)

    page = phone(stack).get(f"{stack.url}/me", timeout=20)

    db.session.rollback()
    assert "使用完整服务" in page.text
    assert members.by_openid(CHEN) is None
    assert db.session.scalar(sa.select(sa.func.count(members.Member.id))) == 0


def test_a_code_that_was_used_says_so(stack: Stack):
    code = callback_of(stack, phone(stack)).partition("code=")[2].partition("&")[0]
    account = wechat.current().account
    assert account.exchange(code).openid == CHEN

    with pytest.raises(OAuthFailed) as caught:
        account.exchange(code)

    assert caught.value.is_stale
