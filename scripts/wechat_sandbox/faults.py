"""Scripted misbehaviour: what tests ask for instead of waiting for bad luck.

A fault has a target, a kind, options and a number of times, or no end. Targets are
shell patterns over: a path such as `/v3/pay/transactions/jsapi`, `notice:EVENT_TYPE`,
`transfer` or `template`. The table of kinds is in the package docstring.
"""

import json
import socket
import threading
from fnmatch import fnmatchcase

from flask import Response, g, request

API_KINDS = {
    "delay",
    "hang",
    "slow_drip",
    "status",
    "html",
    "wrong_type",
    "errcode",
    "drop",
    "bad_signature",
}
NOTICE_KINDS = {
    "delay",
    "double",
    "lose",
    "reorder",
    "bad_signature",
    "stale",
    "amount",
    "mchid",
    "appid",
    "signtest",
}
TRANSFER_KINDS = {"fail", "expire", "accepted", "stuck"}
TEMPLATE_KINDS = {"block", "fail", "lose"}
# `remaining` of a fault that does not wear out.
FOREVER = -1

V3_CODES = {
    400: "PARAM_ERROR",
    401: "SIGN_ERROR",
    403: "NO_AUTH",
    404: "RESOURCE_NOT_EXISTS",
    429: "FREQUENCY_LIMITED",
    500: "SYSTEM_ERROR",
    502: "SYSTEM_ERROR",
    503: "SYSTEM_ERROR",
}
HTML_PAGE = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class Release:
    """Lets a test end every hang at once."""

    def __init__(self):
        self._event = threading.Event()

    def wait(self, seconds: float) -> None:
        self._event.wait(seconds)

    def event(self) -> threading.Event:
        """Set by the next `fire`; for waits in many steps."""
        return self._event

    def fire(self) -> None:
        self._event.set()
        self._event = threading.Event()


def kinds_for(target: str) -> set[str]:
    if target.startswith("notice:"):
        return NOTICE_KINDS
    if target == "template":
        return TEMPLATE_KINDS
    return TRANSFER_KINDS if target == "transfer" else API_KINDS


def add(store, *, target: str, kind: str, times=1, options: dict | None = None) -> int:
    """`times` is a number, or "forever": until the faults are cleared."""
    if kind not in kinds_for(target):
        raise ValueError(f"{target} takes {sorted(kinds_for(target))}")
    if times == "forever":
        times = FOREVER
    elif int(times) < 1:
        raise ValueError("times must be at least 1, or forever")
    if kind == "wrong_type" and not {"value", "field"} & set(options or {}):
        raise ValueError("wrong_type wants the value of the whole answer, or a field")
    return store.insert(
        "faults", target=target, kind=kind, remaining=times, options=json.dumps(options or {})
    )


def take(store, subject: str) -> dict | None:
    """The oldest fault that fits, used up by one; its options are in the dict."""
    if not store.one("SELECT 1 FROM faults WHERE remaining <> 0 LIMIT 1"):
        return None
    with store.tx() as db:
        for row in store.all("SELECT * FROM faults WHERE remaining <> 0 ORDER BY id"):
            if fnmatchcase(subject, row["target"]):
                db.execute(
                    "UPDATE faults SET remaining = remaining - 1 WHERE id = ? AND remaining > 0",
                    (row["id"],),
                )
                return {"kind": row["kind"], **json.loads(row["options"])}
    return None


def before_call(box):
    """Apply an API fault that acts before the call; remember one that acts after."""
    fault = take(box.store, request.path)
    g.fault = fault
    if fault is None:
        return None
    kind = fault["kind"]
    if kind in ("delay", "hang"):
        box.release.wait(float(fault.get("seconds", 30 if kind == "hang" else 1)))
        return None if kind == "delay" else Response("", 504)
    if kind == "html":
        return Response(HTML_PAGE, int(fault.get("status", 502)), content_type="text/html")
    if kind == "errcode":
        code = int(fault.get("errcode", -1))
        return Response(
            json.dumps({"errcode": code, "errmsg": fault.get("errmsg", "system error")}),
            content_type="application/json",
        )
    if kind == "status":
        status = int(fault.get("status", 500))
        body = {
            "code": fault.get("code", V3_CODES.get(status, "SYSTEM_ERROR")),
            "message": fault.get("message", "系统繁忙，请稍后再试"),
        }
        return Response(
            json.dumps(body, ensure_ascii=False), status, content_type="application/json"
        )
    return None


def spoil(response):
    """Give the answer, or one field of it, another type; before it is signed."""
    fault = getattr(g, "fault", None)
    if fault and fault["kind"] == "wrong_type":
        answer = fault.get("value")
        if "field" in fault:
            data = json.loads(response.get_data() or "{}")
            answer = {**data, fault["field"]: fault.get("value")}
        response.set_data(json.dumps(answer, ensure_ascii=False))
        response.content_type = "application/json"
    return response


def after_call(box, response):
    """The call has acted; lose its answer, or let it trickle, if the fault says so."""
    fault = getattr(g, "fault", None)
    if fault and fault["kind"] == "slow_drip":
        body = response.get_data()
        length = len(body)
        response.response = _drip(body, box.release.event(), float(fault.get("seconds", 1)))
        response.headers["Content-Length"] = str(length)
    if fault and fault["kind"] == "drop":
        for name in ("werkzeug.socket", "gunicorn.socket"):
            if connection := request.environ.get(name):
                # Both directions, so that the client sees a broken connection at once.
                connection.shutdown(socket.SHUT_RDWR)
        response.headers["X-Sandbox-Fault"] = "drop"
    return response


def _drip(body: bytes, ended: threading.Event, seconds: float):
    """A byte at a time, `seconds` apart; the rest at once when the faults are cleared."""
    yield b""  # The headers go at once.
    for number in range(len(body)):
        if ended.wait(seconds):
            yield body[number:]
            return
        yield body[number : number + 1]
