"""One request of the fuzzer: drawn by Hypothesis, sent as bytes, its answer judged."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes

from hypothesis import strategies as st
from werkzeug.routing import IntegerConverter

from app import ledger
from app.core.db import db
from scripts.wechat_sandbox import notices, push
from tests.admin.desk import PASSWORD
from tests.fuzz import values
from tests.fuzz.ground import Ground, Target, address

BOUNDARY = "----fuzz7MA4YWxkTrZu0gW"
# For a field that no form shows: what its name suggests.
_SUGGESTED = {
    "quantity": "1",
    "reason": "客户要求",
    "note": "核对无误",
    "password": PASSWORD,
    "again": PASSWORD,
    "to": "/me",
    "q": "茶",
    "before": "3",
    "page": "2",
    "at": "2026-11-22T10:00",
    "seen": "1",
    "version": "1",
    "sku": "1",
    "product": "1",
}
_CONTENT_TYPES = ["text/plain", "application/xml", "application/json", "multipart/form-data", "", "\x7f/x"]  # fmt: skip


class Broken(AssertionError):
    """An answer that no request may get."""


@dataclass
class Ask:
    """What is sent. `shown` says it to the person who reads a failure."""

    who: str
    person: int
    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    shown: Any = None

    def __repr__(self) -> str:
        text = f"{self.who}[{self.person}] {self.method} {self.path} ?{self.query!r}"
        return f"{text} {self.content_type} {self.shown!r}"[:1500]


# --- drawing -------------------------------------------------------------------------------


@st.composite
def asks(draw: st.DrawFn, ground: Ground) -> Ask:
    """A request to any route; one in eight is a call from WeChat."""
    if draw(st.integers(0, 7)) == 7:
        return draw(_from_wechat(ground))
    # What changes something is asked more often than what only shows.
    pool = [t for t in ground.targets if t.method != "GET"]
    if draw(st.integers(0, 3)) == 3:
        pool = [t for t in ground.targets if t.method == "GET"]
    target = draw(st.sampled_from(pool))
    path = draw(_path(ground, target))
    ask = Ask(target.who, draw(st.integers(0, 1)), target.method, path)
    if target.who == "key":
        ask.headers = {"Idempotency-Key": draw(st.just("fuzz-key-1") | values.texts)}
    if draw(st.integers(0, 5)) == 5:
        ask.headers["Accept"] = "application/json"
    if target.method == "GET":
        ask.query = draw(_pairs(_base(draw, target), target.names))
    elif target.document is not None or draw(st.integers(0, 15)) == 15:
        _with_json(draw, ask, target)
    else:
        _with_form(draw, ask, target)
    return ask


@st.composite
def _path(draw: st.DrawFn, ground: Ground, target: Target) -> str:
    """An address of this route: mostly of something that is there."""
    chosen: dict[str, Any] = {}
    for name in sorted(target.rule.arguments):
        known = ground.known(target, name)
        is_number = isinstance(target.rule._converters[name], IntegerConverter)
        if draw(st.integers(0, 9)) < 8:
            chosen[name] = draw(st.sampled_from(known))
        elif is_number:
            chosen[name] = draw(st.sampled_from([0, 2, 2**31, 2**63 - 1, 2**63, 10**30]))
        else:
            short = [text for text in values.TEXTS if 0 < len(text) < 400]
            chosen[name] = draw(st.sampled_from(short)).encode(errors="replace").decode()
    return address(ground, target, chosen) or "/"


def _base(draw: st.DrawFn, target: Target) -> list[tuple[str, str]]:
    if target.forms:
        return list(draw(st.sampled_from(target.forms)).fields)
    count = min(len(target.names), 8)
    if target.method == "GET" or not count:
        return []
    return [(name, _SUGGESTED.get(name, "1")) for name in target.names[:count]]


@st.composite
def _pairs(draw: st.DrawFn, base: list[tuple[str, str]], names: list[str]) -> list[tuple[str, str]]:
    """`base` with up to three fields changed, doubled, left out or added."""
    pairs = list(base)
    for _ in range(draw(st.integers(0, 3))):
        act = draw(st.sampled_from(["change", "change", "change", "double", "drop", "add"]))
        if act == "add" or not pairs:
            name = draw(st.sampled_from(names)) if names else draw(values.texts)
            pairs.append((name, draw(values.texts)))
            continue
        at = draw(st.integers(0, len(pairs) - 1))
        if act == "change":
            pairs[at] = (pairs[at][0], draw(values.texts))
        elif act == "double":
            pairs.append((pairs[at][0] + draw(st.sampled_from(["", "[]"])), draw(values.texts)))
        else:
            del pairs[at]
    return pairs


def _with_form(draw: st.DrawFn, ask: Ask, target: Target) -> None:
    form = draw(st.sampled_from(target.forms)) if target.forms else None
    base = list(form.fields) if form else _base(draw, target)
    fields = draw(_pairs(base, target.names))
    wanted = list(form.files) if form else ["file"] if "file" in target.names else []
    files = [(name, *draw(values.files)) for name in wanted if draw(st.integers(0, 9))]
    if draw(st.integers(0, 19)) == 19:
        files.append((draw(st.sampled_from([*(n for n, _ in base), "file"])), *draw(values.files)))
    if files:
        ask.body, ask.content_type = (
            _multipart(fields, files),
            f"multipart/form-data; boundary={BOUNDARY}",
        )
    else:
        ask.body, ask.content_type = _encoded(fields), "application/x-www-form-urlencoded"
    if draw(st.integers(0, 40)) == 40:
        ask.content_type = draw(st.sampled_from(_CONTENT_TYPES))
    ask.shown = [(n, v[:200]) for n, v in fields] + [(n, f, d[:40]) for n, f, d in files]


def _with_json(draw: st.DrawFn, ask: Ask, target: Target) -> None:
    document: Any = target.document
    if not isinstance(document, dict) or draw(st.integers(0, 9)) == 9:
        document = draw(values.documents)
    else:
        document = dict(document)
        for _ in range(draw(st.integers(0, 2))):
            name = draw(st.sampled_from([*sorted(document), "x"]))
            document[name] = draw(values.documents)
    ask.body = json.dumps(document).encode()
    if draw(st.integers(0, 20)) == 20:
        ask.body = draw(st.sampled_from([b"[" * 100_000, b"{", b"\xff\xfe", b"NaN", b"1e999", b'"\\ud800"']))  # fmt: skip
    ask.content_type, ask.shown = "application/json", ask.body[:300]


def _encoded(pairs: list[tuple[str, str]]) -> bytes:
    """As a browser writes a form, with what no browser would: lone surrogates."""

    def part(text: str) -> str:
        return quote_from_bytes(text.encode("utf-8", "surrogatepass"))

    return "&".join(f"{part(name)}={part(value)}" for name, value in pairs).encode()


def _multipart(fields: list[tuple[str, str]], files: list[tuple[str, str, bytes]]) -> bytes:
    def line(text: str) -> bytes:
        clean = text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        return clean.encode("utf-8", "surrogatepass")

    parts = []
    for name, value in fields:
        head = b'Content-Disposition: form-data; name="' + line(name) + b'"'
        parts.append(head + b"\r\n\r\n" + value.encode("utf-8", "surrogatepass"))
    for name, filename, data in files:
        head = b'Content-Disposition: form-data; name="%b"; filename="%b"'
        named = head % (line(name), line(filename))
        parts.append(named + b"\r\nContent-Type: application/octet-stream\r\n\r\n" + data)
    start = b"--" + BOUNDARY.encode()
    return b"".join(start + b"\r\n" + part + b"\r\n" for part in parts) + start + b"--\r\n"


# --- calls from WeChat ---------------------------------------------------------------------

_MESSAGE = {
    "MsgType": ["text", "event", "image", "voice", "location", "link", "shortvideo", "video"],
    "Event": ["subscribe", "unsubscribe", "SCAN", "CLICK", "VIEW", "LOCATION", "TEMPLATESENDJOBFINISH"],
    "EventKey": ["qrscene_1", "1", "HELP", "qrscene_", ""],
    "Content": ["怎么退货", ""],
    "MsgId": ["1000000000000001"],
    "MsgID": ["77"],
    "Status": ["success", "failed:user block"],
    "Ticket": ["gQ"],
    "PicUrl": ["http://mmbiz.qpic.cn/1"],
    "MediaId": ["1"],
    "Location_X": ["23.1"],
    "Latitude": ["23.1"],
    "Scale": ["20"],
    "CreateTime": ["1760000000"],
}  # fmt: skip
_PAID: dict[str, Any] = {
    "trade_state": "SUCCESS",
    "success_time": "2026-11-21T12:00:00+08:00",
    "payer": {"openid": "oTest"},
    "amount": {"total": 9900, "payer_total": 9900, "currency": "CNY"},
    "transaction_id": "4200000000000000000000000001",
}
_REFUND: dict[str, Any] = {
    "refund_status": "SUCCESS",
    "out_refund_no": "R1",
    "refund_id": "50300",
    "success_time": "2026-11-21T12:00:00+08:00",
    "amount": {"total": 9900, "refund": 100, "payer_total": 9900, "payer_refund": 100},
}
_TRANSFER: dict[str, Any] = {
    "out_bill_no": "T1",
    "transfer_bill_no": "13300",
    "state": "SUCCESS",
    "transfer_amount": 5000,
    "openid": "oTest",
    "create_time": "2026-11-21T12:00:00+08:00",
    "update_time": "2026-11-21T12:00:00+08:00",
    "fail_reason": "",
}
_NOTICES = {
    "/wechat/pay/notify": ("TRANSACTION.SUCCESS", _PAID),
    "/wechat/refund/notify": ("REFUND.SUCCESS", _REFUND),
    "/wechat/transfer/notify": ("MCHTRANSFER.BILL.FINISHED", _TRANSFER),
}


@st.composite
def _from_wechat(draw: st.DrawFn, ground: Ground) -> Ask:
    """Signed as WeChat signs, so that what is inside is read."""
    if draw(st.booleans()):
        return draw(_notice(ground))
    if draw(st.integers(0, 4)) == 4:
        query = [("code", draw(values.texts)), ("state", draw(values.texts))]
        return Ask("nobody", 0, "GET", "/wechat/oauth/callback", query)
    named = draw(st.lists(st.sampled_from(sorted(_MESSAGE)), unique=True, max_size=6))
    fields: dict[str, Any] = {
        "ToUserName": ground.sandbox.original_id,
        "FromUserName": draw(st.sampled_from(["oTest00000000000000000000001"]) | values.texts),
        "CreateTime": "1760000000",
        "MsgType": draw(st.sampled_from(_MESSAGE["MsgType"])),
    }
    for name in named:
        fields[name] = draw(st.sampled_from(_MESSAGE[name]) | values.texts)
    clean = {name: str(text).encode(errors="replace").decode() for name, text in fields.items()}
    query, body = push.envelope(
        ground.sandbox,
        draw(st.sampled_from(["safe", "safe", "plain"])),
        clean["FromUserName"],
        clean,
    )
    if draw(st.integers(0, 9)) == 9:
        body = draw(
            st.binary(max_size=60) | st.sampled_from([b"<xml>" * 9000, b"<xml/>", b"<a>1</a>"])
        )
    shown = {name: text[:200] for name, text in clean.items()}
    return Ask(
        "nobody",
        0,
        "POST",
        "/wechat/callback",
        sorted(query.items()),
        body,
        "text/xml",
        shown=shown,
    )


@st.composite
def _notice(draw: st.DrawFn, ground: Ground) -> Ask:
    path = draw(st.sampled_from(sorted(_NOTICES)))
    event_type, base = _NOTICES[path]
    number = draw(st.sampled_from([*ground.values["number"], *ground.values["trade_number"]]))
    resource: Any = {
        **base,
        "mchid": ground.sandbox.mchid,
        "appid": ground.sandbox.appid,
        "mch_id": ground.sandbox.mchid,
        "out_trade_no": str(number),
    }
    for _ in range(draw(st.integers(0, 3))):
        resource[draw(st.sampled_from(sorted(resource)))] = draw(values.documents)
    if draw(st.integers(0, 15)) == 15:
        resource = draw(values.documents)
    event = {
        "event_type": draw(st.sampled_from([event_type] * 8 + ["REFUND.CLOSED", "X" * 50])),
        "resource_type": "encrypt-resource",
        "resource": json.dumps(resource, ensure_ascii=False).encode(errors="replace").decode(),
        "summary": "支付成功",
        "event_id": draw(st.sampled_from(["EV-1", "EV-2", "E" * 70, ""])),
        "created_at": 1_760_000_000,
    }
    body, headers = notices.message(ground.sandbox, event, {})
    if draw(st.integers(0, 15)) == 15:
        headers[draw(st.sampled_from(sorted(headers)))] = draw(st.sampled_from(["", "1", "9" * 40, "好"]))  # fmt: skip
    shown = json.dumps(resource, ensure_ascii=True)[:600]
    given = {n: v for n, v in headers.items() if n.lower() != "content-type"}
    return Ask("nobody", 0, "POST", path, [], body, "application/json", given, shown)


# --- sending and judging -------------------------------------------------------------------


def send(ground: Ground, ask: Ask) -> int:
    """The answer's status. Raises Broken, or what the mall raised."""
    people = ground.people[ask.who]
    client = people[ask.person % len(people)]()
    headers = dict(ask.headers)
    if ask.who == "key":
        headers["Authorization"] = f"Bearer {ground.key}"
    elif ask.path.startswith("/api/v1/me") and ask.method != "GET":
        known = client.get("/api/v1/me").json or {}
        headers["X-CSRF-Token"] = str(known.get("csrf_token", ""))
        headers.setdefault("Idempotency-Key", "fuzz-key-1")
    answer = client.open(
        ask.path,
        method=ask.method,
        query_string=_encoded(ask.query).decode(),
        data=ask.body or None,
        content_type=ask.content_type or None,
        headers={
            n: v.encode("ascii", "replace").decode().translate(_NO_CONTROL)
            for n, v in headers.items()
        },
    )
    body = answer.get_data()
    status = answer.status_code
    answer.close()
    if status == 500 or b"Traceback (most recent call last)" in body:
        raise Broken(f"{status}: {body[:300]!r}")
    return status


# A server in front takes no header with a control character.
_NO_CONTROL = dict.fromkeys([*range(32), 127], "?")


def play(ground: Ground, asked: list[Ask]) -> list[int]:
    """Send these one after the other, see that the books are sound, and forget it."""
    with ground.example():
        statuses = [send(ground, ask) for ask in asked]
        db.session.rollback()
        if ground.has_moved():
            wrong = {row.code: row.sample for row in ledger.verify() if row.offending}
            if wrong:
                raise Broken(f"the books are not sound: {wrong}")
    return statuses
