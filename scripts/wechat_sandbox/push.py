"""Messages and events pushed to the mall's server address, and what it replies.

WeChat waits five seconds, asks three times in all with the same MsgId or
CreateTime, and tells the person that the account is out of service when no
usable answer came.
"""

import json
import secrets
import time
import xml.etree.ElementTree as ElementTree

import requests

from . import people, signing, wire

TIMEOUT_SECONDS = 5
TRIES = 3
OUT_OF_SERVICE = "该公众号暂时无法提供服务，请稍后再试"
REPLY_KINDS = {"text", "image", "voice", "video", "music", "news", "transfer_customer_service"}
NUMBERS = {"CreateTime", "MsgId", "MsgID", "MenuId"}
# What became of a template message, by the fault that was scripted for it.
DELIVERY = {"": "success", "block": "failed:user block", "fail": "failed: system failed"}


class BadReply(Exception):
    """The mall's answer is none that WeChat understands."""


def to_xml(fields: dict) -> str:
    parts = []
    for name, value in fields.items():
        if isinstance(value, list):
            parts += [f"<{name}>{to_xml(row)[5:-6]}</{name}>" for row in value]
        elif isinstance(value, dict):
            parts.append(f"<{name}>{to_xml(value)[5:-6]}</{name}>")
        elif name in NUMBERS:
            parts.append(f"<{name}>{value}</{name}>")
        else:
            safe = str(value).replace("]]>", "]]]]><![CDATA[>")
            parts.append(f"<{name}><![CDATA[{safe}]]></{name}>")
    return "<xml>" + "".join(parts) + "</xml>"


def crypto(config) -> signing.MessageCrypto:
    return signing.MessageCrypto(token=config.token, aes_key=config.aes_key, appid=config.appid)


def envelope(config, mode: str, openid: str, fields: dict) -> tuple[dict, bytes]:
    """Query and body of one push in the given mode."""
    timestamp, nonce = str(int(time.time())), str(secrets.randbelow(10**10))
    query = {
        "signature": signing.sorted_sha1(config.token, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
        "openid": openid,
    }
    if mode == "plain":
        return query, to_xml(fields).encode()
    cipher = crypto(config)
    encrypted = cipher.encrypt(to_xml(fields))
    query["encrypt_type"] = "aes"
    query["msg_signature"] = cipher.signature(timestamp, nonce, encrypted)
    shown = fields if mode == "compat" else {"ToUserName": fields["ToUserName"]}
    return query, to_xml({**shown, "Encrypt": encrypted}).encode()


def _parse_xml(text: str) -> ElementTree.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadReply("回复含有 DOCTYPE")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - declarations were refused above
    except ElementTree.ParseError:
        raise BadReply("回复不是 XML，也不是 success") from None
    if root.tag != "xml":
        raise BadReply("回复的根元素不是 xml")
    return root


def open_reply(config, mode: str, openid: str, body: bytes) -> dict | None:
    """The reply as a chat line; None for “no reply”. Raises BadReply."""
    try:
        text = body.decode().strip()
    except UnicodeDecodeError:
        raise BadReply("回复不是 UTF-8") from None
    if text in ("", "success"):
        return None
    root = _parse_xml(text)
    encrypted = root.findtext("Encrypt")
    if encrypted is not None and mode != "plain":
        cipher = crypto(config)
        expected = cipher.signature(
            root.findtext("TimeStamp", ""), root.findtext("Nonce", ""), encrypted
        )
        if expected != root.findtext("MsgSignature"):
            raise BadReply("回复的 MsgSignature 不对")
        try:
            root = _parse_xml(cipher.decrypt(encrypted))
        except ValueError:
            raise BadReply("回复解密失败") from None
    elif mode == "safe":
        raise BadReply("安全模式下回复须加密")
    if root.findtext("ToUserName") != openid:
        raise BadReply("回复的 ToUserName 不是该用户")
    if root.findtext("FromUserName") != config.original_id:
        raise BadReply("回复的 FromUserName 不是本公众号")
    if not root.findtext("CreateTime", "").isdigit():
        raise BadReply("回复缺少 CreateTime")
    return _chat_line(root)


def _chat_line(root: ElementTree.Element) -> dict | None:
    kind = root.findtext("MsgType")
    if kind not in REPLY_KINDS:
        raise BadReply(f"不支持的回复类型 {kind}")
    if kind == "text":
        content = root.findtext("Content")
        if not content:
            raise BadReply("文本回复没有 Content")
        return {"kind": "text", "body": {"content": content}}
    if kind == "news":
        items = root.findall("Articles/item")
        if not items or root.findtext("ArticleCount") != str(len(items)):
            raise BadReply("ArticleCount 与图文数不符")
        return {
            "kind": "news",
            "body": {
                "articles": [
                    {
                        "title": i.findtext("Title", ""),
                        "description": i.findtext("Description", ""),
                        "picurl": i.findtext("PicUrl", ""),
                        "url": i.findtext("Url", ""),
                    }
                    for i in items[:1]  # WeChat has shown one article since October 2018.
                ]
            },
        }
    if kind == "transfer_customer_service":
        return {"kind": "note", "body": {"content": "已转接人工客服"}}
    media = root.find(kind.capitalize())
    return {
        "kind": kind,
        "body": {"media_id": media.findtext("MediaId", "") if media is not None else ""},
    }


def custom_body(kind: str, body: dict) -> dict:
    if kind == "text":
        return {"content": body["content"]}
    if kind == "news":
        rows = body.get("articles") or []
        keys = ("title", "description", "url", "picurl")
        return {"articles": [{k: str(a.get(k, "")) for k in keys} for a in rows[:1]]}
    return {k: str(v) for k, v in body.items() if isinstance(v, (str, int))}


def send(box, openid: str, fields: dict, *, name: str, shows_reply: bool = True) -> dict:
    """Push one message; return {"ok", "tries", "reply", "error"} and fill the chat."""
    config, store = box.config, box.store
    mode = store.get("mode") or config.mode
    fields = {
        "ToUserName": config.original_id,
        "FromUserName": openid,
        "CreateTime": int(store.now()),
        **fields,
    }
    outcome = {"ok": False, "tries": 0, "reply": None, "error": ""}
    for outcome["tries"] in range(1, TRIES + 1):
        query, body = envelope(config, mode, openid, fields)
        started = time.monotonic()
        status, answer = 0, b""
        try:
            response = wire.send(
                "POST",
                config.callback_url,
                params=query,
                data=body,
                timeout=TIMEOUT_SECONDS,
                headers={"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"},
            )
            status, answer = response.status_code, response.content
            if status == 200:
                outcome["reply"] = open_reply(config, mode, openid, answer)
                outcome.update(ok=True, error="")
            else:
                outcome["error"] = f"HTTP {status}"
        except requests.RequestException as error:
            outcome["error"] = "超时" if isinstance(error, requests.Timeout) else "连接失败"
        except BadReply as error:
            outcome["error"] = str(error)
        store.log_call(
            direction="out",
            name=name,
            method="POST",
            path="/wechat/callback",
            status=status,
            is_ok=int(outcome["ok"]),
            duration_ms=int((time.monotonic() - started) * 1000),
            result=outcome["error"] or ("有回复" if outcome["reply"] else "success"),
            request=f"第 {outcome['tries']} 次，{mode} 模式\n{to_xml(fields)}",
            response=answer.decode("utf-8", "replace")[:4000],
        )
        # Only silence is asked again; an answer that cannot be used is final.
        if outcome["ok"] or status == 200:
            break
    if shows_reply:
        if outcome["reply"]:
            store.say(openid, "account", outcome["reply"]["kind"], outcome["reply"]["body"])
        elif not outcome["ok"]:
            store.say(openid, "system", "note", {"content": OUT_OF_SERVICE})
    return outcome


def later(box, act, *values) -> None:
    """Run `act(box, *values)` soon, outside the request that caused it."""
    box.worker.submit(act, box, *values)


def template_finished(box, openid: str, message_id: int, status: str = "success") -> None:
    send(
        box,
        openid,
        {
            "MsgType": "event",
            "Event": "TEMPLATESENDJOBFINISH",
            "MsgID": message_id,
            "Status": status,
        },
        name="推送：模板消息送达",
        shows_reply=False,
    )


def subscription_sent(box, openid: str, template_id: str, message_id: int) -> None:
    """Whether a subscription notice arrived."""
    listed = {
        "TemplateId": template_id,
        "MsgID": message_id,
        "ErrorCode": 0,
        "ErrorStatus": "success",
    }
    _subscription(box, openid, "sent", {"List": listed})


def subscription_popup(box, openid: str, answers: dict[str, bool]) -> dict:
    """The person answered the page's question for subscription notices."""
    with box.store.tx():
        consents = json.loads(people.get(box.store, openid)["consents"])
        for template_id, allows in answers.items():
            # A yes is good for one notice.
            consents[template_id] = consents.get(template_id, 0) + int(allows)
        _keep_consents(box.store, openid, consents)
    return _subscription(box, openid, "popup", _answered(answers, PopupScene="0"))


def subscription_change(box, openid: str, answers: dict[str, bool]) -> dict:
    """The person switched notices in the account's settings; off takes every consent."""
    with box.store.tx():
        consents = json.loads(people.get(box.store, openid)["consents"])
        for template_id, allows in answers.items():
            if not allows:
                consents[template_id] = 0
        _keep_consents(box.store, openid, consents)
    return _subscription(box, openid, "change", _answered(answers))


def _answered(answers: dict[str, bool], **more: str) -> dict:
    rows = [
        {
            "TemplateId": template_id,
            "SubscribeStatusString": "accept" if allows else "reject",
            **more,
        }
        for template_id, allows in answers.items()
    ]
    return {"List": rows}


def _keep_consents(store, openid: str, consents: dict) -> None:
    store.run("UPDATE persons SET consents = ? WHERE openid = ?", json.dumps(consents), openid)


def _subscription(box, openid: str, what: str, content: dict) -> dict:
    fields = {
        "MsgType": "event",
        "Event": f"subscribe_msg_{what}_event",
        f"SubscribeMsg{what.capitalize()}Event": content,
    }
    return send(box, openid, fields, name="推送：订阅通知", shows_reply=False)


# What a person does


def text(box, openid: str, content: str) -> dict:
    box.store.say(openid, "person", "text", {"content": content})
    people.open_window(box.store, openid, "message")
    fields = {"MsgType": "text", "Content": content, "MsgId": _message_id()}
    return send(box, openid, fields, name="推送：文本消息")


def _message_id() -> int:
    return int(time.time() * 1000) * 10**6 + secrets.randbelow(10**6)


def follow(box, openid: str, *, qr: dict | None = None) -> dict:
    store = box.store
    scene = qr["scene"] if qr else ""
    store.run(
        "UPDATE persons SET following = 1, subscribed_at = ?, subscribe_scene = ?, qr_scene = ?"
        " WHERE openid = ?",
        store.now(),
        "ADD_SCENE_QR_CODE" if qr else "ADD_SCENE_SEARCH",
        scene,
        openid,
    )
    people.open_window(store, openid, "follow")
    store.say(
        openid, "system", "note", {"content": "你已关注该公众号" + ("（扫码）" if qr else "")}
    )
    fields = {
        "MsgType": "event",
        "Event": "subscribe",
        "EventKey": f"qrscene_{scene}" if qr else "",
    }
    if qr:
        fields["Ticket"] = qr["ticket"]
    return send(box, openid, fields, name="推送：扫码关注" if qr else "推送：关注")


def unfollow(box, openid: str) -> dict:
    with box.store.tx() as db:
        db.execute(
            "UPDATE persons SET following = 0, qr_scene = '', allowances = '[]' WHERE openid = ?",
            (openid,),
        )
        db.execute("DELETE FROM tag_members WHERE openid = ?", (openid,))
    box.store.say(openid, "system", "note", {"content": "你已取消关注"})
    fields = {"MsgType": "event", "Event": "unsubscribe", "EventKey": ""}
    return send(box, openid, fields, name="推送：取消关注", shows_reply=False)


def scan(box, openid: str, qr: dict) -> dict:
    """A code of the account was scanned: follow with its scene, or SCAN."""
    if not people.get(box.store, openid)["following"]:
        return follow(box, openid, qr=qr)
    people.open_window(box.store, openid, "scan")
    fields = {
        "MsgType": "event",
        "Event": "SCAN",
        "EventKey": qr["scene"],
        "Ticket": qr["ticket"],
    }
    return send(box, openid, fields, name="推送：扫码")


def click(box, openid: str, key: str, *, kind: str = "CLICK", scanned: str | None = None) -> dict:
    people.open_window(box.store, openid, "click")
    fields = {"MsgType": "event", "Event": kind, "EventKey": key}
    if scanned is not None:
        fields["ScanCodeInfo"] = {"ScanType": "qrcode", "ScanResult": scanned}
    return send(box, openid, fields, name="推送：点击菜单")


def view(box, openid: str, url: str) -> dict:
    menu_id = (box.store.get("menu") or {}).get("menuid", 0)
    fields = {"MsgType": "event", "Event": "VIEW", "EventKey": url, "MenuId": menu_id}
    return send(box, openid, fields, name="推送：菜单打开网页", shows_reply=False)


def check_url(box, *, waits: bool = False) -> dict:
    """WeChat's check of the server address (GET with echostr).

    With `waits`, a mall that does not listen yet is no event worth showing.
    """
    config = box.config
    timestamp, nonce = str(int(time.time())), str(secrets.randbelow(10**10))
    echo = str(secrets.randbelow(9 * 10**18) + 10**18)
    query = {
        "signature": signing.sorted_sha1(config.token, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
        "echostr": echo,
    }
    started, status, body, error = time.monotonic(), 0, "", ""
    try:
        response = wire.send("GET", config.callback_url, params=query, timeout=TIMEOUT_SECONDS)
        status, body = response.status_code, response.content.decode("utf-8", "replace")
        if status != 200 or body != echo:
            error = "没有原样返回 echostr"
    except requests.RequestException:
        error = "连接失败"
        if waits:
            return {"ok": False, "error": error, "status": 0}
    box.store.log_call(
        direction="out",
        name="校验服务器地址",
        method="GET",
        path="/wechat/callback",
        status=status,
        is_ok=int(not error),
        duration_ms=int((time.monotonic() - started) * 1000),
        result=error or "通过",
        request=f"echostr={echo}",
        response=body[:500],
    )
    box.store.put("url_check", {"ok": not error, "error": error, "at": time.time()})
    return {"ok": not error, "error": error, "status": status}
