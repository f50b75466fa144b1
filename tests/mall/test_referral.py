"""/r/<code>: who it binds, whom it does not, and where it leads."""

import uuid
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from app import members
from app.core.db import db
from app.distribution import AttemptResult, BindingAttempt
from app.distribution.channels import Scan, ScanSource
from app.wechat import OAuthUser
from app.wechat.account import Account
from tests.admin.desk import a_channel
from tests.factories import code_of, make_distributor, make_member


def attempts() -> list[AttemptResult]:
    return list(db.session.scalars(sa.select(BindingAttempt.result).order_by(BindingAttempt.id)))


def test_a_code_binds_whoever_comes_by_it(session, client, log_in):
    owner, visitor = make_distributor("陈梅"), make_member()
    log_in(client, visitor)

    answer = client.get(f"/r/{code_of(owner)}")

    assert (answer.status_code, answer.location) == (302, "/")
    assert members.get(visitor.id).upline1_id == owner.id
    assert attempts() == [AttemptResult.BOUND]


@pytest.mark.parametrize("code", ["FORGED99", "' OR 1=1 --", "x" * 300, "%00", "林杰"])
def test_a_forged_code_binds_nobody_and_the_page_still_opens(session, client, log_in, code):
    make_distributor("陈梅")
    visitor = make_member()
    log_in(client, visitor)

    page = client.get(f"/r/{code}", follow_redirects=True)

    assert page.status_code == 200
    assert page.request.path == "/"
    assert members.get(visitor.id).upline1_id is None
    assert attempts() == [AttemptResult.UNKNOWN_CODE]


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/admin",
        "/wechat/oauth/callback",
        "/%0d%0aSet-Cookie:x",
    ],
)
def test_a_link_leads_nowhere_but_into_the_mall(session, client, log_in, target):
    owner, visitor = make_distributor(), make_member()
    log_in(client, visitor)

    answer = client.get(f"/r/{code_of(owner)}", query_string={"to": target})

    assert answer.status_code == 302
    assert answer.location in ("/", "/%0d%0aSet-Cookie:x")
    assert "evil" not in answer.location


def test_a_visitor_who_is_not_known_yet_is_bound_at_the_first_login(session, client):
    owner = make_distributor()
    with client.session_transaction() as kept:
        kept["login_failed"] = True

    client.get(f"/r/{code_of(owner)}")

    with client.session_transaction() as kept:
        assert kept["referral"] == code_of(owner)
    assert attempts() == []


# --- channels, and what is kept of each visit -----------------------------------------

WECHAT = {"User-Agent": "Mozilla/5.0 MicroMessenger/8.0.50"}


def scans() -> list[Scan]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(Scan).order_by(Scan.id)).unique())


def come_back(client, monkeypatch, path: str, user: OAuthUser, *, times: int = 1):
    """Open `path` in WeChat without a login, and come back from WeChat as `user`."""
    monkeypatch.setattr(Account, "exchange", lambda _self, _code: user)
    sent = client.get(path, headers=WECHAT)
    state = parse_qs(urlsplit(sent.location).query)["state"][0]
    code = uuid.uuid4().hex
    for _ in range(times):
        answer = client.get(f"/wechat/oauth/callback?code={code}&state={state}", headers=WECHAT)
    return answer


def test_a_channels_link_binds_and_is_recorded(session, client, log_in):
    owner, visitor = make_distributor("陈梅"), make_member()
    made = a_channel(owner=code_of(owner))
    log_in(client, visitor)

    answer = client.get(f"/r/{made.code}")

    assert (answer.status_code, answer.location) == (302, "/")
    assert members.get(visitor.id).upline1_id == owner.id
    (scan,) = scans()
    assert (scan.channel_id, scan.source, scan.result) == (made.id, ScanSource.LINK, "bound")


@pytest.mark.parametrize("query", ["", "?to=/help"])
def test_a_snapshot_user_is_recorded_and_nobody_is_made_or_bound(
    session, client, monkeypatch, query
):
    owner = make_distributor("陈梅")
    made = a_channel(owner=code_of(owner))
    before = members_in_all()

    page = come_back(
        client,
        monkeypatch,
        f"/r/{made.code}{query}",
        OAuthUser("oVirtual", is_snapshot=True),
        times=2,
    )

    assert page.status_code == 200
    (scan,) = scans()
    assert (scan.openid, scan.member_id, scan.result) == ("oVirtual", None, "snapshot")
    assert (scan.channel_id, scan.owner_id) == (made.id, owner.id)
    assert members_in_all() == before
    assert attempts() == []


def test_a_snapshot_users_referral_code_leads_to_its_owner(session, client, monkeypatch):
    owner = make_distributor()

    come_back(client, monkeypatch, f"/r/{code_of(owner)}", OAuthUser("oVirtual", is_snapshot=True))

    (scan,) = scans()
    assert (scan.channel_id, scan.owner_id, scan.code) == (None, owner.id, code_of(owner))


def test_a_snapshot_user_who_came_by_no_code_leaves_nothing(session, client, monkeypatch):
    come_back(client, monkeypatch, "/me", OAuthUser("oVirtual", is_snapshot=True))

    assert scans() == []


def test_the_first_login_by_a_link_is_one_visit(session, client, monkeypatch):
    owner = make_distributor()
    made = a_channel(owner=code_of(owner))

    answer = come_back(
        client, monkeypatch, f"/r/{made.code}", OAuthUser("oReal", is_snapshot=False)
    )
    client.get(answer.location, headers=WECHAT)

    assert answer.location == f"/r/{made.code}"
    assert [(s.source, s.result) for s in scans()] == [(ScanSource.LINK, "bound")]
    assert members.by_openid("oReal").upline1_id == owner.id


def members_in_all() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(members.Member)) or 0


# --- machines -------------------------------------------------------------------------

BOTS = [
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Sogou web spider/4.0",
    "facebookexternalhit/1.1",
    "curl/8.5.0",
    "python-requests/2.32",
]


@pytest.mark.parametrize("agent", BOTS)
def test_a_crawler_binds_nobody_even_with_a_members_session(session, client, log_in, agent):
    owner, visitor = make_distributor("陈梅"), make_member()
    log_in(client, visitor)

    client.get(f"/r/{code_of(owner)}", headers={"User-Agent": agent})

    assert members.get(visitor.id).upline1_id is None
    assert attempts() == [AttemptResult.CRAWLER]


def test_a_crawler_without_a_session_keeps_no_code_for_later(session, client):
    owner = make_distributor()

    client.get(f"/r/{code_of(owner)}", headers={"User-Agent": BOTS[0]})

    with client.session_transaction() as kept:
        assert "referral" not in kept


@pytest.mark.parametrize("header", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}])
def test_a_page_fetched_ahead_binds_nobody(session, client, log_in, header):
    owner, visitor = make_distributor(), make_member()
    log_in(client, visitor)

    client.get(f"/r/{code_of(owner)}", headers=header)

    assert members.get(visitor.id).upline1_id is None


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (Linux; Android 14; V2318A) MicroMessenger/8.0.50 NetType/WIFI Language/zh_CN",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148 MicroMessenger/8.0.49",
        "Mozilla/5.0 (Linux; Android 13; CUBOT_X50) MicroMessenger/8.0.50",
    ],
)
def test_a_phone_is_no_machine(session, client, log_in, agent):
    owner, visitor = make_distributor(), make_member()
    log_in(client, visitor)

    client.get(f"/r/{code_of(owner)}", headers={"User-Agent": agent})

    assert attempts() == [AttemptResult.BOUND]
