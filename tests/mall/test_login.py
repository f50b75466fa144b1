"""The login of a phone: whose cookie it is, what it carries over, and when it ends.

Lines 17 and 27 of the security checklist. The way through WeChat is in tests/wechat.
"""

import time
from datetime import timedelta

import pytest
import sqlalchemy as sa
from itsdangerous import TimestampSigner

from app.core import clock
from app.core.db import db
from app.core.web import PHONE_LOGIN_SECONDS
from app.orders import Order
from app.wechat.account import OAuthUser
from tests.factories import NOON

WECHAT = {"User-Agent": "Mozilla/5.0 MicroMessenger/8.0.50"}
COOKIE = "mall_session"


@pytest.fixture
def enter(session, noon, weixin, client):
    """Log the browser in as WeChat would; the state that was used."""
    weixin.account.exchange = lambda code: OAuthUser(f"o-{code}", is_snapshot=False)

    def through() -> str:
        away = client.get("/me", headers=WECHAT).headers["Location"]
        state = away.partition("state=")[2]
        client.get(f"/wechat/oauth/callback?code=c&state={state}")
        return state

    return through


def kept(client) -> dict:
    with client.session_transaction() as found:
        return dict(found)


def test_a_login_leaves_the_session_before_it_behind(enter, client, app):
    """Who put a cookie into somebody's browser, or copied it, is not in with them."""
    client.get("/me", headers=WECHAT)
    planted, before = client.get_cookie(COOKIE).value, kept(client)
    client.get("/search?q=tea")

    enter()

    after = kept(client)
    assert after["browser"] != before["browser"]
    assert set(after) == {"_permanent", "member", "since", "browser", "device", "day"}
    thief = app.test_client()
    thief.set_cookie(COOKIE, planted)
    assert thief.get("/me", headers=WECHAT).status_code == 302
    assert client.get("/me").status_code == 200


def test_a_state_logs_in_once(enter, client, app):
    """Used up, it opens nothing: the session it belonged to is over."""
    state = enter()
    mine = kept(client)["member"]

    answer = client.get(f"/wechat/oauth/callback?code=other&state={state}")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert kept(client)["member"] == mine


def test_the_cookie_is_for_no_script_and_no_other_site(enter, client):
    enter()

    with clock.fixed(NOON + timedelta(days=1)):
        said = client.get("/").headers["Set-Cookie"]
        again = client.get("/").headers

    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(said.split("; "))
    assert "Domain" not in said
    # Once a day is enough to keep it alive.
    assert "Set-Cookie" not in again


def test_a_login_ends_after_ninety_days_however_busy(enter, client):
    enter()

    with clock.fixed(NOON + timedelta(seconds=PHONE_LOGIN_SECONDS - 1)):
        assert client.get("/me").status_code == 200
    with clock.fixed(NOON + timedelta(days=90)):
        assert client.get("/me", headers=WECHAT).status_code == 302
        assert client.get("/api/v1/me").status_code == 401
    assert "member" not in kept(client)


def test_a_form_that_comes_after_the_login_says_so_on_a_page_and_a_script_reads_it(client):
    page = client.post("/checkout", data={"sku": "1"})
    answer = client.post("/checkout", data={"sku": "1"}, headers={"Accept": "application/json"})

    assert (page.status_code, page.mimetype) == (401, "text/html")
    assert "登录已过期，刚才的操作没有生效，请返回上一页刷新后再试" in page.text
    assert (answer.status_code, answer.json["code"]) == (401, "login")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Order)) == 0


def test_a_cookie_that_was_idle_for_thirty_days_is_nobodys(enter, client, monkeypatch):
    enter()
    later = time.time() + 30 * 86400 + 2
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: int(later))

    assert client.get("/me", headers=WECHAT).status_code == 302


def test_a_cookie_from_before_logins_had_a_time_has_it_from_now_on(me, client):
    client.get("/me")

    assert kept(client)["since"] == int(NOON.timestamp())
