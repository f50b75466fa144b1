"""The server endpoint: follows, scans, repeats, and bodies that must be refused."""

import hashlib
import re
import time
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from app import members
from app.core.db import db, transaction
from app.distribution import AttemptResult, BindingAttempt
from app.webhooks.models import InboxMessage
from app.wechat import current, replies
from scripts.wechat_sandbox import push as wechat_push
from tests.admin.desk import reply_rule
from tests.counting import counted
from tests.factories import ADMIN, NOON, bind, code_of, make_distributor, make_sku

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


@pytest.mark.parametrize(("name", "prefix"), [("subscribe", "qrscene_"), ("SCAN", "")])
def test_a_products_code_binds_and_shows_the_product(session, push, migrated_app, name, prefix):
    owner, sku = make_distributor("陈梅"), make_sku()

    answer = push(event(migrated_app, name, key=f"{prefix}{code_of(owner)}-p{sku.product_id}"))

    assert members.by_openid(OPENID).upline1_id == owner.id
    assert f"<![CDATA[{sku.product.title}]]>" in answer.text
    assert f"<![CDATA[http://mall.test/p/{sku.product_id}]]>" in answer.text


def test_a_code_of_a_product_that_is_gone_binds_as_any_other(session, push, migrated_app):
    owner, sku = make_distributor("陈梅"), make_sku(is_on_shelf=False)

    answer = push(
        event(migrated_app, "subscribe", key=f"qrscene_{code_of(owner)}-p{sku.product_id}")
    )

    assert members.by_openid(OPENID).upline1_id == owner.id
    assert "你已接受陈梅的邀请" in answer.text


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


def test_a_message_whose_number_is_none_is_answered_with_success(session, push, migrated_app):
    body = event(migrated_app, "").replace(
        "<MsgType><![CDATA[event]]>", "<MsgId>NaN</MsgId><MsgType><![CDATA[text]]>"
    )

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


# --- what the reply rules answer -------------------------------------------------

DEFAULT = "你好，这里是云集好物。点击下方菜单可以逛商城、查订单；人工客服在工作时间内回复。"
MEDIA = {
    "image": {"PicUrl": "https://mmbiz.example/1", "MediaId": "m1"},
    "voice": {"MediaId": "m1", "Format": "amr"},
    "video": {"MediaId": "m1", "ThumbMediaId": "t1"},
    "shortvideo": {"MediaId": "m1", "ThumbMediaId": "t1"},
    "location": {"Location_X": "30.2", "Location_Y": "120.1", "Scale": "20", "Label": "杭州"},
    "link": {"Title": "一", "Description": "二", "Url": "https://a.example/"},
    "something_new": {"Field": "1"},
}


@pytest.fixture
def say(client, migrated_app):
    """`say(fields, mode)`: push these fields as WeChat would; the reply as the phone shows it."""
    kept = migrated_app.extensions["mall_config"]
    config = SimpleNamespace(
        token=kept.wechat_token,
        aes_key=kept.wechat_aes_key,
        appid=kept.wechat_app_id,
        original_id=kept.wechat_original_id,
    )

    def push(fields, *, mode: str = "plain", openid: str = OPENID):
        whole = {
            "ToUserName": config.original_id,
            "FromUserName": openid,
            "CreateTime": 1763700000,
            **fields,
        }
        query, body = wechat_push.envelope(config, mode, openid, whole)
        answer = client.post(f"/wechat/callback?{urlencode(query)}", data=body)
        assert answer.status_code == 200
        return wechat_push.open_reply(config, mode, openid, answer.get_data())

    return push


def text(content: str, number: int = 1) -> dict:
    return {"MsgType": "text", "Content": content, "MsgId": number}


def happened(name: str, key: str = "", **fields) -> dict:
    return {"MsgType": "event", "Event": name, "EventKey": key, **fields}


def said(content: str) -> dict:
    return {"kind": "text", "body": {"content": content}}


def article_rule(*keywords: str, **given):
    return reply_rule(
        *keywords,
        reply_type="news",
        content="",
        **{"title": "上新", "description": "来看看", "url": "{mall}/p/1", **given},
    )


def test_a_text_gets_what_its_keyword_says(session, say):
    reply_rule("运费", content="{shop}满 99 元包邮")

    assert say(text(" 运费 ")) == said("云集好物满 99 元包邮")
    assert say(text("别的", 2)) == said(DEFAULT)


@pytest.mark.parametrize("kind", MEDIA)
def test_every_other_message_gets_the_default(session, say, kind):
    assert say({"MsgType": kind, "MsgId": 1, **MEDIA[kind]}) == said(DEFAULT)

    reply_rule(kind="default", content="收到，稍后回复")
    assert say({"MsgType": kind, "MsgId": 2, **MEDIA[kind]}) == said("收到，稍后回复")


def test_following_gets_the_follow_rule(session, say):
    reply_rule(kind="follow", content="你好，{shop}欢迎你")

    assert say(happened("subscribe")) == said("你好，云集好物欢迎你")


@pytest.mark.parametrize(("name", "prefix"), [("subscribe", "qrscene_"), ("SCAN", "")])
def test_a_scanned_code_gets_the_rule_that_names_the_inviter(session, say, name, prefix):
    reply_rule(kind="follow_by_code", content="{inviter}邀请你来{shop}")
    code = code_of(make_distributor("陈梅"))

    assert say(happened(name, f"{prefix}{code}", Ticket="gQH")) == said("陈梅邀请你来云集好物")
    assert members.by_openid(OPENID).is_subscribed is True


def test_the_inviter_of_a_member_is_known_later(session, say):
    reply_rule("我的邀请人", content="{inviter}")
    owner = make_distributor("陈梅")

    assert say(text("我的邀请人", 1)) == said(DEFAULT)
    bind(members.by_openid(OPENID), owner)

    assert say(text("我的邀请人", 2)) == said("陈梅")


def test_scanning_without_a_rule_keeps_its_words(session, say):
    code = code_of(make_distributor("陈梅"))
    back = "欢迎回来，点击下方菜单进入商城。"

    assert say(happened("SCAN", code, Ticket="g")) == said(f"你已接受陈梅的邀请。\n{back}")
    assert say(happened("SCAN", code, Ticket="g", CreateTime=1763700001)) == said(back)


def test_a_tap_on_the_menu_gets_what_its_key_says(session, say):
    reply_rule("CONTACT_US", content="请留言")

    assert say(happened("CLICK", "CONTACT_US")) == said("请留言")
    assert say(happened("CLICK", "UNKNOWN_KEY")) == said(DEFAULT)


@pytest.mark.parametrize(
    "name",
    [
        "VIEW",
        "LOCATION",
        "unsubscribe",
        "TEMPLATESENDJOBFINISH",
        "subscribe_msg_popup_event",
        "subscribe_msg_sent_event",
        "an_event_of_tomorrow",
        "",
    ],
)
def test_what_nobody_said_is_not_answered(session, say, name):
    reply_rule(kind="default", content="默认")
    reply_rule(kind="follow", content="关注")

    assert say(happened(name)) is None


def test_events_without_a_class_are_not_taken_for_one_another(session, say):
    say(happened("subscribe_msg_sent_event", CreateTime=1))
    say(happened("subscribe_msg_sent_event", CreateTime=2))
    say(happened("subscribe_msg_sent_event", CreateTime=2), openid="oAnother000000000000000001")

    assert rows(InboxMessage) == 3


@pytest.mark.parametrize("mode", ["plain", "compat", "safe"])
def test_every_reply_is_right_in_every_mode(session, say, mode):
    reply_rule("文字", content="a]]>b<&")
    article_rule("图文", title="上新]]>", picture_url="https://img.example/1.jpg?a=1&b=2")
    reply_rule("人工", reply_type="service", content="")
    reply_rule("安静", reply_type="none", content="")

    article = say(text("图文", 2), mode=mode)

    assert say(text("文字", 1), mode=mode) == said("a]]>b<&")
    assert article["kind"] == "news"
    assert article["body"]["articles"] == [
        {
            "title": "上新]]>",
            "description": "来看看",
            "picurl": "https://img.example/1.jpg?a=1&b=2",
            "url": "http://mall.test/p/1",
        }
    ]
    assert say(text("人工", 3), mode=mode) == {
        "kind": "note",
        "body": {"content": "已转接人工客服"},
    }
    assert say(text("安静", 4), mode=mode) is None


def test_a_repeat_gets_the_first_reply_although_the_rule_is_gone(session, say):
    reply_rule("运费", content="包邮")
    first = say(text("运费"))

    with transaction():
        for rule in replies.rules():
            replies.remove(rule.id, actor=ADMIN, now=NOON)

    assert first == said("包邮")
    assert say(text("运费")) == first
    assert say(text("运费"), mode="safe") == first
    assert say(text("运费", 2)) == said(DEFAULT)


def test_leaving_keeps_what_a_member_has(session, say):
    owner = make_distributor("陈梅")
    say(happened("subscribe", f"qrscene_{code_of(owner)}", Ticket="g"))

    assert say(happened("unsubscribe")) is None

    member = members.by_openid(OPENID)
    assert (member.is_subscribed, member.upline1_id) == (False, owner.id)


def test_the_last_of_two_hundred_rules_is_found(session, say):
    for number in range(200):
        reply_rule(*(f"词{number}之{i}" for i in range(10)), kind="contains", sort=number)

    assert say(text("问词199之9")) == said("满 99 元包邮")


# --- what a push costs -------------------------------------------------------------


def tables(asked: list[str]) -> list[str]:
    """`INSERT members` for each statement, in order."""
    found = []
    for statement in asked:
        # Not the table of a question within the question.
        words = re.sub(r"\((?:[^()]|\([^()]*\))*\)", "", statement).split()
        place = {"SELECT": "FROM", "INSERT": "INTO", "UPDATE": "UPDATE"}[words[0]]
        found.append(f"{words[0]} {words[words.index(place) + 1]}")
    return found


@pytest.fixture
def kept_rules(app, monkeypatch):
    """The reply rules were read a moment ago."""
    monkeypatch.setattr(current().replies, "seconds", 3600)
    current().replies.now()
    yield
    monkeypatch.undo()
    current().replies.now()


def test_words_of_a_member_cost_three_statements(session, say, kept_rules):
    say(happened("subscribe"))

    with counted() as asked:
        say(text("怎么退货"))

    assert tables(asked) == ["INSERT wechat_messages", "SELECT members", "UPDATE wechat_messages"]


def test_a_scan_by_a_bound_member_locks_nobody_and_costs_six_statements(session, say, kept_rules):
    code = code_of(make_distributor("陈梅"))
    say(happened("subscribe", f"qrscene_{code}", Ticket="g"))
    db.session.commit()
    db.session.expire_all()

    with counted() as asked:
        say(happened("SCAN", code, Ticket="g", CreateTime=1763700001))

    assert tables(asked) == [
        "INSERT wechat_messages",
        "SELECT members",
        # As the member stands, before whom the code leads to, and whether the rules changed.
        "SELECT members",
        "INSERT binding_attempts",
        "INSERT scans",
        "UPDATE wechat_messages",
    ]
    assert not [statement for statement in asked if "FOR UPDATE" in statement]


def test_a_repeat_costs_two_statements(session, say, kept_rules):
    say(text("怎么退货"))

    with counted() as asked:
        say(text("怎么退货"))

    assert tables(asked) == ["INSERT wechat_messages", "SELECT wechat_messages"]


def test_who_left_and_follows_again_is_a_follower(session, push, migrated_app):
    push(event(migrated_app, "subscribe"))
    push(event(migrated_app, "unsubscribe", created=1763700001))

    push(event(migrated_app, "subscribe", created=1763700002))

    assert members.by_openid(OPENID).is_subscribed is True
