"""Official-account API: what the account sends to people."""

import json
import re
import secrets

from flask import Blueprint, jsonify

from . import faults, people, push
from .oa import OAError, box, check_token, follower, ok, payload

bp = Blueprint("messages", __name__, url_prefix="/cgi-bin")
bp.before_request(check_token)

# Limits of typed template fields, by the key's letters.
FIELD_RULES = {
    "thing": r".{1,20}",
    "phrase": r"[\u4e00-\u9fff]{1,5}",
    "character_string": r"[\x20-\x7e]{1,32}",
    "number": r"-?[\d.]{1,32}",
    "letter": r"[A-Za-z]{1,32}",
    "amount": r"[¥￥$€£]?-?\d{1,10}(\.\d{1,2})?元?",
    "time": r".{1,40}",
    "date": r".{1,40}",
    "phone_number": r"[\d+()\- ]{1,17}",
    "car_number": r".{1,8}",
    "const": r".{1,20}",
    "name": r".{1,20}",
    "symbol": r".{1,5}",
}


def notification_values(data, *, keys=None) -> dict[str, str]:
    """Check the typed fields of a template or subscription notice."""
    if not isinstance(data, dict) or not data:
        raise OAError(47003, "argument invalid! data is empty")
    # first and remark have been ignored since 2023; colours too.
    values = {
        k: v.get("value") if isinstance(v, dict) else None
        for k, v in data.items()
        if k not in ("first", "remark")
    }
    if keys is not None and set(values) != set(keys):
        odd = min(set(values) ^ set(keys))
        raise OAError(47003, f"argument invalid! data.{odd}.value is empty")
    for key, value in values.items():
        kind = re.sub(r"\d+$", "", key)
        rule = FIELD_RULES.get(kind)
        if not isinstance(value, str) or not value:
            raise OAError(47003, f"argument invalid! data.{key}.value is empty")
        if rule and not re.fullmatch(rule, value, re.DOTALL):
            raise OAError(47003, f"argument invalid! data.{key}.value invalid")
    return values


def template(template_id) -> dict:
    known = box().config.templates + box().store.get("templates", [])
    found = next((t for t in known if t["template_id"] == template_id), None)
    if found is None:
        raise OAError(40037, "invalid template_id")
    return found


@bp.get("/template/get_all_private_template")
def all_templates():
    rows = box().config.templates + box().store.get("templates", [])
    return jsonify(
        template_list=[
            {
                "template_id": t["template_id"],
                "title": t["title"],
                "primary_industry": "",
                "deputy_industry": "",
                "example": "",
                "content": "\n".join(f"{k}：{{{{{k}.DATA}}}}" for k in t["keys"] or ()),
            }
            for t in rows
        ]
    )


@bp.post("/template/api_add_template")
def add_template():
    args = payload()
    short = args.get("template_id_short")
    if not isinstance(short, str) or not short:
        raise OAError(40037, "invalid template_id")
    added = box().store.get("templates", [])
    if len(added) + len(box().config.templates) >= 25:
        raise OAError(45026, "template num exceeds limit")
    new = {"template_id": secrets.token_urlsafe(33)[:43], "title": short, "keys": None}
    box().store.put("templates", [*added, new])
    return ok(template_id=new["template_id"])


@bp.post("/message/template/send")
def send_template():
    args = payload()
    person = follower(args.get("touser"))
    found = template(args.get("template_id"))
    if not person["following"]:
        raise OAError(43004, "require subscribe")
    values = notification_values(args.get("data"), keys=found["keys"])
    store = box().store
    client_id = args.get("client_msg_id")
    with store.tx():
        if client_id:
            seen = {
                k: v for k, v in store.get("client_msg_ids", {}).items() if v > store.now() - 600
            }
            if client_id in seen:
                raise OAError(43117, "client_msg_id is duplicated")
            store.put("client_msg_ids", seen | {client_id: store.now()})
        message_id = store.get("message_id", 3_000_000_000) + 1
        store.put("message_id", message_id)
        store.say(
            person["openid"],
            "account",
            "template",
            {
                "title": found["title"],
                "url": args.get("url") or "",
                "values": values,
                "id": message_id,
            },
        )
    # Taken now, so that faults meet messages in the order in which they were sent.
    fault = faults.take(store, "template") or {"kind": ""}
    if fault["kind"] != "lose":
        status = push.DELIVERY[fault["kind"]]
        push.later(box(), push.template_finished, person["openid"], message_id, status)
    return ok(msgid=message_id)


@bp.post("/message/subscribe/bizsend")
def send_subscription():
    args = payload()
    person = follower(args.get("touser"))
    found = template(args.get("template_id"))
    values = notification_values(args.get("data"), keys=found["keys"])
    store = box().store
    with store.tx():
        consents = json.loads(people.get(store, person["openid"])["consents"])
        if consents.get(found["template_id"], 0) < 1:
            raise OAError(43101, "user refuse to accept the msg")
        consents[found["template_id"]] -= 1
        store.run(
            "UPDATE persons SET consents = ? WHERE openid = ?",
            json.dumps(consents),
            person["openid"],
        )
        store.say(
            person["openid"],
            "account",
            "template",
            {
                "title": found["title"],
                "url": args.get("page") or "",
                "values": values,
            },
        )
        message_id = store.get("message_id", 3_000_000_000) + 1
        store.put("message_id", message_id)
    push.later(box(), push.subscription_sent, person["openid"], found["template_id"], message_id)
    return ok()


@bp.post("/message/custom/send")
def send_custom():
    args = payload()
    person = follower(args.get("touser"))
    kind = args.get("msgtype")
    body = args.get(kind) if isinstance(kind, str) else None
    if kind not in ("text", "image", "news", "voice", "video", "music", "mpnewsarticle", "link"):
        raise OAError(40008, "invalid message type")
    if not isinstance(body, dict):
        raise OAError(47001, "data format error")
    if kind == "text" and not (isinstance(body.get("content"), str) and body["content"]):
        raise OAError(44004, "empty content")
    if kind == "text" and len(body["content"].encode()) > 2048:
        raise OAError(45002, "content size out of limit")
    if not person["following"]:
        raise OAError(43004, "require subscribe")
    store = box().store
    with store.tx():
        code = people.use_window(store, person["openid"])
        if code:
            words = {45015: "response out of time limit or subscription is canceled"}
            raise OAError(code, words.get(code, "out of response count limit"))
        store.say(person["openid"], "account", kind, push.custom_body(kind, body))
    return ok()
