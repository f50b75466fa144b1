"""The JSON API by which tests play persons, time and bad luck (`/_control/…`).

The table of calls is in the package docstring.
"""

import json
import time
from datetime import datetime

from flask import Blueprint, Response, current_app, jsonify, request

from . import authorization, faults, money, pay, people, push, quotas, refund, transfer
from . import config as configuration
from .jssdk import own_origin_only, remember_link

bp = Blueprint("control", __name__, url_prefix="/_control")

FLAGS = {
    "notices_held": bool,
    "auto_refunds": bool,
    "auto_transfers": bool,
    "authorizations_allowed": bool,
    "bills_at_once": bool,
    "notice_delay_seconds": (int, float),
    "mode": str,
    "balance_fen": int,
}


def box():
    return current_app.extensions["sandbox"]


class Refused(Exception):
    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.message = message
        self.status = status


# Tests speak to this API; pages of other sites in the developer's browser must not.
bp.before_request(own_origin_only)


@bp.app_errorhandler(Refused)
def _refuse(error: Refused):
    return jsonify(error=error.message), error.status


def args() -> dict:
    data = request.get_json(force=True, silent=True) if request.get_data() else {}
    if not isinstance(data, dict):
        raise Refused("body must be a JSON object")
    return data


def person(openid: str) -> dict:
    found = people.get(box().store, openid)
    if found is None:
        raise Refused(f"no person {openid}", 404)
    return found


# Persons


@bp.get("/persons")
def list_persons():
    return jsonify(persons=[people.public(p) for p in people.everyone(box().store)])


@bp.post("/persons")
def create_person():
    data = args()
    openid, nickname = data.get("openid"), data.get("nickname")
    if not (isinstance(openid, str) and openid and isinstance(nickname, str) and nickname):
        raise Refused("openid and nickname are needed")
    row = people.add(
        box().store, openid, nickname, role=data.get("role", ""), real_name=data.get("real_name")
    )
    for name in ("is_snapshot", "following"):
        if name in data:
            # Set without an event: a test arranges what was before.
            box().store.run(
                f"UPDATE persons SET {name} = ?, subscribed_at = COALESCE(subscribed_at, ?)"  # noqa: S608
                " WHERE openid = ?",
                int(bool(data[name])),
                box().store.now(),
                openid,
            )
    row = people.get(box().store, openid)
    return jsonify(people.public(row)), 201


@bp.post("/persons/<openid>/<act>")
def act_as(openid: str, act: str):
    who, data, sandbox = person(openid)["openid"], args(), box()
    if act == "follow":
        return jsonify(push.follow(sandbox, who, qr=_qr(data) if _names_qr(data) else None))
    if act == "unfollow":
        return jsonify(push.unfollow(sandbox, who))
    if act == "scan":
        return jsonify(push.scan(sandbox, who, _qr(data)))
    if act == "text":
        return jsonify(push.text(sandbox, who, str(data.get("content", ""))))
    if act == "click":
        return jsonify(push.click(sandbox, who, str(data.get("key", ""))))
    if act == "view":
        return jsonify(push.view(sandbox, who, str(data.get("url", ""))))
    if act == "snapshot":
        sandbox.store.run(
            "UPDATE persons SET is_snapshot = ? WHERE openid = ?",
            int(bool(data.get("on", True))),
            who,
        )
        return jsonify(people.public(person(who)))
    if act == "consent":
        consents = json.loads(person(who)["consents"])
        name = str(data.get("template_id", ""))
        consents[name] = consents.get(name, 0) + int(data.get("times", 1))
        sandbox.store.run(
            "UPDATE persons SET consents = ? WHERE openid = ?", json.dumps(consents), who
        )
        return jsonify(people.public(person(who)))
    if act == "pay":
        try:
            row = pay.pay(sandbox, who, str(data.get("prepay_id", "")))
        except pay.Unpayable as problem:
            raise Refused(str(problem), 409) from None
        return jsonify(pay.transaction(sandbox.config, row))
    raise Refused(f"unknown act {act}", 404)


@bp.post("/persons/<openid>/popup")
def answer_popup(openid: str):
    who = person(openid)["openid"]
    return jsonify(push.subscription_popup(box(), who, _template_answers(args())))


@bp.post("/persons/<openid>/change")
def change_subscriptions(openid: str):
    who = person(openid)["openid"]
    return jsonify(push.subscription_change(box(), who, _template_answers(args())))


def _template_answers(data: dict) -> dict[str, bool]:
    """Template ids to whether the person allows them."""
    found = data.get("templates")
    known = {t["template_id"] for t in box().config.templates + box().store.get("templates", [])}
    if not isinstance(found, dict) or not found or set(found) - known:
        raise Refused("templates must name templates of the account: {id: true or false}")
    return {name: bool(value) for name, value in found.items()}


def _names_qr(data: dict) -> bool:
    return any(data.get(k) for k in ("ticket", "scene", "url"))


def _qr(data: dict) -> dict:
    now = box().store.now()
    for column in ("ticket", "scene", "url"):
        if data.get(column):
            row = box().store.one(
                f"SELECT * FROM qr_codes WHERE {column} = ?"  # noqa: S608
                " AND (expires_at IS NULL OR expires_at > ?) ORDER BY created_at DESC",
                str(data[column]),
                now,
            )
            if row:
                return row
    raise Refused("no such code, or it has expired", 404)


@bp.get("/persons/<openid>/chat")
def chat(openid: str):
    rows = box().store.all(
        "SELECT * FROM chats WHERE openid = ? ORDER BY id", person(openid)["openid"]
    )
    return jsonify(chat=[r | {"body": json.loads(r["body"])} for r in rows])


# Money


@bp.get("/transactions")
def transactions():
    pay.expire(box().store)
    rows = box().store.all("SELECT * FROM orders ORDER BY created_at")
    return jsonify(
        transactions=[
            pay.transaction(box().config, r) | {"prepay_id": r["prepay_id"]} for r in rows
        ]
    )


@bp.get("/refunds")
def refunds():
    rows = box().store.all("SELECT out_refund_no FROM refunds ORDER BY created_at")
    return jsonify(refunds=[refund.shown(box().store, r["out_refund_no"]) for r in rows])


@bp.post("/refunds/<path:out_refund_no>/finish")
def finish_refund(out_refund_no: str):
    status = args().get("status", "SUCCESS")
    if status not in refund.SUMMARIES:
        raise Refused("status must be SUCCESS, ABNORMAL or CLOSED")
    if not refund.finish(box(), out_refund_no, status):
        raise Refused("no such refund in progress", 409)
    return jsonify(refund.shown(box().store, out_refund_no))


@bp.get("/transfers")
def transfers():
    rows = box().store.all("SELECT * FROM transfers ORDER BY created_at")
    return jsonify(transfers=[r | {"request": json.loads(r["request"])} for r in rows])


@bp.post("/transfers/<out_bill_no>/<act>")
def act_on_transfer(out_bill_no: str, act: str):
    sandbox, data = box(), args()
    row = transfer.by_number(sandbox.store, out_bill_no)
    if row is None:
        raise Refused("no such transfer", 404)
    if act == "confirm":
        try:
            transfer.confirm(sandbox, row)
        except transfer.Unconfirmable as problem:
            raise Refused(str(problem), 409) from None
    elif act == "refuse":
        # Closing the page changes nothing: the bill waits until its 24 hours are over.
        pass
    elif act == "proceed":
        sandbox.store.run(
            "UPDATE transfers SET state = 'WAIT_USER_CONFIRM', next_state = NULL, due_at = NULL"
            " WHERE out_bill_no = ? AND state IN ('ACCEPTED', 'PROCESSING')",
            out_bill_no,
        )
    elif act in ("fail", "expire", "succeed"):
        reason = "OVERDUE_CLOSE" if act == "expire" else data.get("reason", "ACCOUNT_FROZEN")
        if reason not in transfer.REASONS:
            raise Refused(f"unknown reason {reason}")
        state = "SUCCESS" if act == "succeed" else "FAIL"
        if not transfer.end_now(sandbox, out_bill_no, state, reason):
            raise Refused("the transfer is final", 409)
    else:
        raise Refused(f"unknown act {act}", 404)
    row = transfer.by_number(sandbox.store, out_bill_no)
    return jsonify(out_bill_no=out_bill_no, state=row["state"], fail_reason=row["fail_reason"])


@bp.get("/authorizations")
def authorizations():
    rows = box().store.all("SELECT * FROM authorizations ORDER BY created_at")
    return jsonify(authorizations=[r | {"request": json.loads(r["request"])} for r in rows])


@bp.post("/authorizations/<out_authorization_no>/<act>")
def act_on_authorization(out_authorization_no: str, act: str):
    """The person agrees, or it ends on WeChat's side, for a reason."""
    sandbox, data = box(), args()
    if authorization.by_number(sandbox.store, out_authorization_no) is None:
        raise Refused("no such authorization", 404)
    if act == "confirm":
        try:
            authorization.confirm(sandbox, out_authorization_no)
        except transfer.Unconfirmable as problem:
            raise Refused(str(problem), 409) from None
    elif act == "close":
        reason = data.get("reason", "USER_CLOSE")
        if reason not in authorization.CLOSE_REASONS:
            raise Refused(f"unknown reason {reason}")
        if not authorization.end(sandbox, out_authorization_no, reason):
            raise Refused("the authorization is closed", 409)
    else:
        raise Refused(f"unknown act {act}", 404)
    row = authorization.by_number(sandbox.store, out_authorization_no)
    return jsonify(state=row["state"], close_reason=row["close_reason"])


# Faults, time, the rest


@bp.get("/faults")
def list_faults():
    rows = box().store.all("SELECT * FROM faults ORDER BY id")
    return jsonify(faults=[r | {"options": json.loads(r["options"])} for r in rows])


@bp.post("/faults")
def add_fault():
    data = args()
    options = {k: v for k, v in data.items() if k not in ("target", "kind", "times")}
    try:
        fault_id = faults.add(
            box().store,
            target=str(data.get("target", "")),
            kind=str(data.get("kind", "")),
            times=data.get("times", 1),
            options=options,
        )
    except (TypeError, ValueError) as problem:
        raise Refused(str(problem)) from None
    return jsonify(id=fault_id), 201


@bp.get("/quotas")
def show_quotas():
    return jsonify(quotas.shown(box().store))


@bp.post("/quotas")
def set_quota():
    data = args()
    try:
        quotas.limit(
            box().store,
            str(data.get("api", "")),
            a_day=data.get("a_day"),
            a_minute=data.get("a_minute"),
            used_today=data.get("used_today"),
        )
    except ValueError as problem:
        raise Refused(str(problem)) from None
    return show_quotas()


@bp.delete("/faults")
def clear_faults():
    box().store.run("DELETE FROM faults")
    box().release.fire()
    return Response(status=204)


@bp.get("/clock")
def show_clock():
    return jsonify(now=box().store.now(), offset=box().store.get("clock_offset", 0))


@bp.post("/clock")
def set_clock():
    data, store = args(), box().store
    try:
        if "advance" in data:
            offset = store.get("clock_offset", 0) + float(data["advance"])
        elif "at" in data:
            offset = datetime.fromisoformat(data["at"]).timestamp() - time.time()
        else:
            offset = float(data["offset"])
    except (KeyError, TypeError, ValueError):
        raise Refused("give advance or offset in seconds, or at as an ISO time") from None
    store.put("clock_offset", offset)
    box().worker.step()
    return show_clock()


@bp.get("/settings")
def show_settings():
    store = box().store
    return jsonify(
        {name: store.get(name) for name in FLAGS}
        | {
            "mode": store.get("mode") or box().config.mode,
            "balance_fen": money.balance_fen(store),
            "available_fen": money.available_fen(store),
        }
    )


@bp.post("/settings")
def change_settings():
    data = args()
    for name, value in data.items():
        if name not in FLAGS or not isinstance(value, FLAGS[name]):
            raise Refused(f"no setting {name} of this type")
        if name == "mode" and value not in configuration.MODES:
            raise Refused(f"mode must be one of {configuration.MODES}")
    for name, value in data.items():
        box().store.put(name, value)
    return show_settings()


@bp.get("/config")
def show_config():
    return jsonify(configuration.as_public_dict(box().config))


@bp.get("/calls")
def calls():
    rows = box().store.all(
        "SELECT * FROM calls WHERE id > ? ORDER BY id LIMIT 500", request.args.get("since", 0, int)
    )
    return jsonify(calls=rows)


@bp.get("/qrcodes")
def qr_codes():
    return jsonify(qrcodes=box().store.all("SELECT * FROM qr_codes ORDER BY created_at"))


@bp.post("/links")
def add_link():
    """A link somebody was sent or printed on a poster: it appears under 扫一扫."""
    data = args()
    url = str(data.get("url", ""))
    if not url.startswith(box().config.mall_url + "/"):
        raise Refused("url must be one of the mall")
    remember_link(url, str(data.get("title") or url), str(data.get("note") or "推广链接"))
    return jsonify(url=url), 201


@bp.post("/check-url")
def check_url():
    return jsonify(push.check_url(box()))


@bp.post("/access-token/expire")
def expire_tokens():
    """All tokens in the mall's hands stop working, as after a change of secret."""
    box().store.run("UPDATE access_tokens SET is_killed = 1")
    return Response(status=204)


@bp.post("/finish")
def finish():
    """Answer once the pushes and notices under way have ended."""
    return jsonify(finished=box().worker.finish(float(args().get("seconds", 10))))


@bp.post("/reset")
def reset():
    box().store.reset()
    people.seed(box().store)
    box().release.fire()
    return Response(status=204)
