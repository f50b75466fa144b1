"""Messages and events pushed to the mall, in all three modes, and its replies."""

import io
import time

import pytest
import requests
from flask import Response
from wechatpy import create_reply, parse_message
from wechatpy.exceptions import WeChatClientException

from scripts.wechat_sandbox.oa import qr_image
from scripts.wechat_sandbox.push import OUT_OF_SERVICE

from .conftest import WANG, wait_for
from .test_web_login import browser

pytestmark = pytest.mark.engine_free


def chat(sandbox):
    return sandbox.control.get(f"/persons/{WANG}/chat")["chat"]


def reply_with(text):
    def reply(fields):
        message = parse_message(
            f"<xml><ToUserName>{fields['ToUserName']}</ToUserName>"
            f"<FromUserName>{fields['FromUserName']}</FromUserName><CreateTime>1</CreateTime>"
            "<MsgType>text</MsgType><Content>x</Content><MsgId>1</MsgId></xml>"
        )
        return create_reply(text, message=message).render()

    return reply


@pytest.mark.parametrize("mode", ["plain", "compat", "safe"])
def test_text_and_reply_in_every_mode(sandbox, mode):
    sandbox.control.post("/settings", mode=mode)
    sandbox.mall.reply = reply_with("您好 <王芳> & 欢迎")

    outcome = sandbox.control.post(f"/persons/{WANG}/text", content="在吗 ]]> <b>")

    query, fields, outer = sandbox.mall.messages[0]
    assert outcome["ok"]
    assert fields["Content"] == "在吗 ]]> <b>"
    assert fields["ToUserName"] == sandbox.config.original_id
    assert query["openid"] == WANG
    assert ("Encrypt" in outer, "Content" in outer) == (mode != "plain", mode != "safe")
    assert (chat(sandbox)[-1]["side"], chat(sandbox)[-1]["body"]) == (
        "account",
        {"content": "您好 <王芳> & 欢迎"},
    )


def test_follow_by_code_then_scan_then_leave(sandbox, client):
    made = client.qrcode.create(
        {
            "action_name": "QR_LIMIT_STR_SCENE",
            "action_info": {"scene": {"scene_str": "d_42"}},
        }
    )

    sandbox.control.post(f"/persons/{WANG}/scan", ticket=made["ticket"])
    sandbox.control.post(f"/persons/{WANG}/scan", url=made["url"])
    sandbox.control.post(f"/persons/{WANG}/unfollow")
    sandbox.control.post(f"/persons/{WANG}/follow")

    events = [(m[1]["Event"], m[1]["EventKey"], m[1].get("Ticket")) for m in sandbox.mall.messages]
    assert events == [
        ("subscribe", "qrscene_d_42", made["ticket"]),
        ("SCAN", "d_42", made["ticket"]),
        ("unsubscribe", None, None),
        ("subscribe", None, None),
    ]


def test_an_expired_code_leads_nowhere(sandbox, client):
    made = client.qrcode.create(
        {
            "expire_seconds": 60,
            "action_name": "QR_SCENE",
            "action_info": {"scene": {"scene_id": 7}},
        }
    )
    sandbox.control.post("/clock", advance=61)

    answer = requests.post(
        f"{sandbox.control.base}/persons/{WANG}/scan", json={"ticket": made["ticket"]}, timeout=5
    )

    assert answer.status_code == 404
    assert sandbox.mall.messages == []


def test_menu_click_and_view(sandbox, client):
    sandbox.control.post(f"/persons/{WANG}/click", key="MY_CODE")
    sandbox.control.post(f"/persons/{WANG}/view", url="http://mall/")

    assert [(m[1]["Event"], m[1]["EventKey"]) for m in sandbox.mall.messages] == [
        ("CLICK", "MY_CODE"),
        ("VIEW", "http://mall/"),
    ]


def test_errors_are_asked_three_times_with_the_same_message(sandbox):
    sandbox.mall.reply = lambda fields: Response(status=500)

    outcome = sandbox.control.post(f"/persons/{WANG}/text", content="在吗")

    assert (outcome["ok"], outcome["tries"]) == (False, 3)
    assert len({(m[1]["MsgId"], m[1]["CreateTime"]) for m in sandbox.mall.messages}) == 1
    assert chat(sandbox)[-1]["body"] == {"content": OUT_OF_SERVICE}


def test_silence_is_asked_again_and_the_second_answer_counts(sandbox, monkeypatch):
    monkeypatch.setattr("scripts.wechat_sandbox.push.TIMEOUT_SECONDS", 0.2)
    asked = []

    def slow_once(fields):
        asked.append(fields)
        if len(asked) == 1:
            time.sleep(0.5)
        return "success"

    sandbox.mall.reply = slow_once

    outcome = sandbox.control.post(f"/persons/{WANG}/text", content="在吗")

    assert (outcome["ok"], outcome["tries"]) == (True, 2)


@pytest.mark.parametrize(
    "answer", ['{"ok":1}', "<xml><Content>x</Content></xml>", "<html>", "<!DOCTYPE x>"]
)
def test_garbage_shows_that_the_account_is_out_of_service(sandbox, answer):
    sandbox.control.post("/settings", mode="plain")
    sandbox.mall.reply = lambda fields: answer

    outcome = sandbox.control.post(f"/persons/{WANG}/text", content="在吗")

    assert (outcome["ok"], outcome["tries"]) == (False, 1)
    assert chat(sandbox)[-1]["body"] == {"content": OUT_OF_SERVICE}


def test_a_clear_reply_is_refused_in_safe_mode(sandbox):
    sandbox.mall.reply = lambda fields: Response(reply_with("你好")(fields))

    outcome = sandbox.control.post(f"/persons/{WANG}/text", content="在吗")

    assert outcome["error"] == "安全模式下回复须加密"


def test_the_address_is_checked_with_echostr(sandbox):
    assert sandbox.control.post("/check-url") == {"ok": True, "error": "", "status": 200}


# The phone's own calls


def test_phone_scans_a_picture_of_the_accounts_code(sandbox, client):
    made = client.qrcode.create(
        {
            "action_name": "QR_LIMIT_STR_SCENE",
            "action_info": {"scene": {"scene_str": "poster"}},
        }
    )
    picture = requests.get(
        f"{sandbox.url}/cgi-bin/showqrcode", params={"ticket": made["ticket"]}, timeout=5
    )
    session = browser(sandbox)

    answer = session.post(
        sandbox.url + "/phone/decode", files={"picture": ("c.jpg", picture.content)}, timeout=10
    ).json()

    assert answer == {"kind": "account"}
    assert sandbox.mall.messages[0][1]["EventKey"] == "qrscene_poster"


def test_phone_opens_links_of_the_mall_only(sandbox):
    session = browser(sandbox)
    link = sandbox.config.mall_url + "/r/ABC"

    def scan(content):
        upload = {"picture": ("c.png", io.BytesIO(qr_image(content)))}
        return session.post(sandbox.url + "/phone/decode", files=upload, timeout=10).json()

    assert scan(link) == {"kind": "page", "url": link}
    assert scan("http://evil.example/")["message"] == "无法识别"
    assert scan("http://weixin.qq.com/q/unknown")["kind"] == "unknown"
    codes = session.get(sandbox.url + "/phone/codes", timeout=5).json()
    assert [c["text"] for c in codes["links"]] == [link]


def test_links_of_the_mall_can_be_laid_before_the_scanner(sandbox):
    link = sandbox.config.mall_url + "/r/CHENMEI"

    sandbox.control.post("/links", expect=201, url=link, title="陈梅的推广码")
    other = requests.post(
        sandbox.control.base + "/links", json={"url": "http://evil.example/"}, timeout=5
    )

    codes = browser(sandbox).get(sandbox.url + "/phone/codes", timeout=5).json()
    assert codes["links"] == [{"text": link, "title": "陈梅的推广码", "note": "推广链接"}]
    assert other.status_code == 400


def test_phone_menu_presses(sandbox, client):
    client.menu.create(
        {
            "button": [
                {"name": "商城", "type": "view", "url": sandbox.config.mall_url + "/"},
                {
                    "name": "我的",
                    "sub_button": [{"name": "推广码", "type": "click", "key": "MY_CODE"}],
                },
            ]
        }
    )
    session = browser(sandbox)
    session.post(sandbox.url + "/phone/follow", timeout=10)

    opened = session.post(sandbox.url + "/phone/menu", json={"path": [0]}, timeout=10).json()
    session.post(sandbox.url + "/phone/menu", json={"path": [1, 0]}, timeout=10)
    session.post(sandbox.url + "/phone/text", json={"content": "你好"}, timeout=10)
    state = session.get(sandbox.url + "/phone/state", timeout=5).json()

    assert opened == {"open": sandbox.config.mall_url + "/"}
    seen = {m[1].get("Event", m[1]["MsgType"]) for m in sandbox.mall.messages}
    assert {"subscribe", "CLICK", "text"} <= seen
    assert state["menu"][1]["sub_button"][0]["name"] == "推广码"
    assert state["person"]["following"]
    assert any(c["name"] == "推送：点击菜单" and c["is_ok"] for c in state["calls"])


# --- how messages end ----------------------------------------------------------------


def events(sandbox, name):
    return [fields for _, fields, _ in sandbox.mall.messages if fields.get("Event") == name]


@pytest.mark.parametrize(
    ("kind", "status"), [("block", "failed:user block"), ("fail", "failed: system failed")]
)
def test_a_template_message_may_not_arrive(sandbox, client, kind, status):
    template = sandbox.config.templates[4]
    sandbox.control.post(f"/persons/{WANG}/follow")
    sandbox.control.fault("template", kind)

    sent = client.message.send_template(
        WANG,
        template["template_id"],
        {"thing1": {"value": "王芳"}, "time2": {"value": "2026-11-21 12:00"}},
    )

    event = wait_for(lambda: events(sandbox, "TEMPLATESENDJOBFINISH"))[0]
    assert (event["MsgID"], event["Status"]) == (str(sent["msgid"]), status)


def test_the_event_of_a_template_message_may_be_lost(sandbox, client):
    template = sandbox.config.templates[4]["template_id"]
    data = {"thing1": {"value": "王芳"}, "time2": {"value": "2026-11-21 12:00"}}
    sandbox.control.post(f"/persons/{WANG}/follow")
    sandbox.control.fault("template", "lose")

    client.message.send_template(WANG, template, data)
    second = client.message.send_template(WANG, template, data)

    event = wait_for(lambda: events(sandbox, "TEMPLATESENDJOBFINISH"))
    assert [e["MsgID"] for e in event] == [str(second["msgid"])]


# --- subscription notices ------------------------------------------------------------


def test_a_yes_to_the_question_allows_one_notice_and_its_end_is_told(sandbox, client):
    template = sandbox.config.templates[4]["template_id"]
    data = {"thing1": {"value": "王芳"}, "time2": {"value": "2026-11-21 12:00"}}
    body = {"touser": WANG, "template_id": template, "data": data}

    sandbox.control.post(f"/persons/{WANG}/popup", templates={template: True})
    client.post("message/subscribe/bizsend", data=body)

    asked = events(sandbox, "subscribe_msg_popup_event")[0]["SubscribeMsgPopupEvent"]["List"]
    assert asked == {
        "TemplateId": template,
        "SubscribeStatusString": "accept",
        "PopupScene": "0",
    }
    event = wait_for(lambda: events(sandbox, "subscribe_msg_sent_event"))[0]
    listed = event["SubscribeMsgSentEvent"]["List"]
    assert (listed["TemplateId"], listed["ErrorCode"], listed["ErrorStatus"]) == (
        template,
        "0",
        "success",
    )
    with pytest.raises(WeChatClientException, match="43101"):
        client.post("message/subscribe/bizsend", data=body)


def test_a_no_allows_nothing(sandbox, client):
    first, second = (t["template_id"] for t in sandbox.config.templates[:2])

    sandbox.control.post(f"/persons/{WANG}/popup", templates={first: True, second: False})

    rows = events(sandbox, "subscribe_msg_popup_event")[0]["SubscribeMsgPopupEvent"]["List"]
    assert [row["SubscribeStatusString"] for row in rows] == ["accept", "reject"]
    person = next(p for p in sandbox.control.get("/persons")["persons"] if p["openid"] == WANG)
    assert person["consents"] == {first: 1, second: 0}


def test_switching_notices_off_takes_every_consent(sandbox, client):
    template = sandbox.config.templates[4]["template_id"]
    sandbox.control.post(f"/persons/{WANG}/consent", template_id=template, times=3)

    sandbox.control.post(f"/persons/{WANG}/change", templates={template: False})

    row = events(sandbox, "subscribe_msg_change_event")[0]["SubscribeMsgChangeEvent"]["List"]
    assert row == {"TemplateId": template, "SubscribeStatusString": "reject"}
    person = next(p for p in sandbox.control.get("/persons")["persons"] if p["openid"] == WANG)
    assert person["consents"] == {template: 0}


def test_an_answer_about_an_unknown_template_is_refused(sandbox):
    answer = requests.post(
        f"{sandbox.control.base}/persons/{WANG}/popup",
        json={"templates": {"nobody": True}},
        timeout=5,
    )

    assert answer.status_code == 400
    assert events(sandbox, "subscribe_msg_popup_event") == []
