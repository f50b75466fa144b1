"""The server endpoint: follows, scans, repeats, and bodies that must be refused."""

import hashlib
import time
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from app import members
from app.core.db import db
from app.distribution import AttemptResult, BindingAttempt
from app.webhooks.models import InboxMessage
from app.wechat import current
from tests.factories import code_of, make_distributor

OPENID = "oScanner000000000000000001"


@pytest.fixture
def push(client, migrated_app):
    """`push(fields)`: post a plain message as WeChat would; returns the response."""
    config = migrated_app.extensions["mall_config"]

    def post(body: str | bytes, *, token: str | None = None, **extra: str):
        timestamp, nonce = str(int(time.time())), "n0nce"
        parts = sorted([token or config.wechat_token, timestamp, nonce])
        query = {
            "signature": hashlib.sha1("".join(parts).encode()).hexdigest(),
            "timestamp": timestamp,
            "nonce": nonce,
            "openid": OPENID,
            **extra,
        }
        return client.post(f"/wechat/callback?{urlencode(query)}", data=body)

    return post


def event(migrated_app, name: str, *, key: str = "", created: int = 1763700000) -> str:
    original = migrated_app.extensions["mall_config"].wechat_original_id
    return (
        f"<xml><ToUserName><![CDATA[{original}]]></ToUserName>"
        f"<FromUserName><![CDATA[{OPENID}]]></FromUserName>"
        f"<CreateTime>{created}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        f"<Event><![CDATA[{name}]]></Event><EventKey><![CDATA[{key}]]></EventKey>"
        f"<Ticket><![CDATA[gQH]]></Ticket></xml>"
    )


def rows(model) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def test_following_by_a_code_makes_a_member_and_binds(session, push, migrated_app):
    owner = make_distributor("陈梅")

    answer = push(event(migrated_app, "subscribe", key=f"qrscene_{code_of(owner)}"))

    member = members.by_openid(OPENID)
    assert answer.status_code == 200
    assert "你已接受陈梅的邀请" in answer.get_data(as_text=True)
    assert (member.upline1_id, member.is_subscribed) == (owner.id, True)


def test_scanning_while_following_binds(session, push, migrated_app):
    owner = make_distributor("陈梅")

    push(event(migrated_app, "SCAN", key=code_of(owner)))

    assert members.by_openid(OPENID).upline1_id == owner.id


def test_a_repeat_gets_the_same_answer_and_does_nothing_twice(session, push, migrated_app):
    owner = make_distributor("陈梅")
    body = event(migrated_app, "subscribe", key=f"qrscene_{code_of(owner)}")

    answers = [push(body).get_data() for _ in range(3)]

    assert len(set(answers)) == 1
    assert rows(BindingAttempt) == 1
    assert rows(InboxMessage) == 1


def test_a_forged_scene_binds_nobody_but_the_member_follows(session, push, migrated_app):
    answer = push(event(migrated_app, "subscribe", key="qrscene_NOSUCHCODE"))

    member = members.by_openid(OPENID)
    attempt = db.session.execute(sa.select(BindingAttempt)).scalar_one()
    assert answer.status_code == 200
    assert (member.upline1_id, member.is_subscribed) == (None, True)
    assert attempt.result is AttemptResult.UNKNOWN_CODE


def test_leaving_keeps_the_member(session, push, migrated_app):
    push(event(migrated_app, "subscribe"))

    answer = push(event(migrated_app, "unsubscribe", created=1763700001))

    assert answer.get_data() == b"success"
    assert members.by_openid(OPENID).is_subscribed is False


def test_a_wrong_signature_is_refused(session, push, migrated_app):
    answer = push(event(migrated_app, "subscribe"), token="another token")

    assert answer.status_code == 403
    assert (rows(members.Member), rows(InboxMessage)) == (0, 0)


def test_entities_are_refused(session, push, migrated_app):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + event(migrated_app, "subscribe", key="&a;")

    answer = push(bomb)

    assert answer.status_code == 403
    assert rows(members.Member) == 0


def test_a_body_over_64_kib_is_refused(session, push, migrated_app):
    answer = push(event(migrated_app, "subscribe") + " " * 65536)

    assert answer.status_code == 403
    assert rows(members.Member) == 0


def test_a_message_for_another_account_is_refused(session, push, migrated_app):
    body = event(migrated_app, "subscribe").replace("gh_", "gx_")

    assert push(body).status_code == 403
    assert rows(members.Member) == 0


@pytest.mark.parametrize("body", [b"", b"not xml", b"<xml></xml>", b"\xff\xfe", b"<xml><a>"])
def test_a_body_that_nobody_can_read_is_answered_with_success(session, push, body):
    answer = push(body)

    assert (answer.status_code, answer.get_data()) == (200, b"success")
    assert rows(InboxMessage) == 0


def test_a_doubled_sender_is_not_a_sender(session, push, migrated_app):
    body = event(migrated_app, "subscribe").replace(
        "<CreateTime>", "<FromUserName>oOther</FromUserName><CreateTime>"
    )

    assert push(body).get_data() == b"success"
    assert rows(members.Member) == 0


def test_the_address_check_echoes(client, migrated_app):
    config = migrated_app.extensions["mall_config"]
    signature = hashlib.sha1("".join(sorted([config.wechat_token, "1", "2"])).encode()).hexdigest()

    good = client.get(
        f"/wechat/callback?signature={signature}&timestamp=1&nonce=2&echostr=4375120948345356249"
    )
    bad = client.get("/wechat/callback?signature=0&timestamp=1&nonce=2&echostr=1")

    assert (good.status_code, good.get_data()) == (200, b"4375120948345356249")
    assert bad.status_code == 403


def test_the_end_of_a_cdata_in_a_reply_is_escaped(app):
    from app.wechat import Push

    reply = current().endpoint.text_reply(
        Push(OPENID, "text", "", "k"), "a]]><b>", timestamp=1763700000
    )

    assert "a]]]]><![CDATA[><b>" in reply
