"""Official-account API: tokens, ticket, QR codes, users."""

import io
import json
import secrets

import qrcode
from flask import Blueprint, Response, current_app, jsonify, request

from . import people

bp = Blueprint("oa", __name__, url_prefix="/cgi-bin")

TOKEN_SECONDS = 7200
OLD_TOKEN_GRACE_SECONDS = 300
WITHOUT_TOKEN = {"oa.token", "oa.stable_token", "oa.show_qrcode"}
QR_SECONDS_MAX = 2_592_000
QR_PERMANENT_MAX = 100_000


class OAError(Exception):
    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code
        self.message = message


def box():
    return current_app.extensions["sandbox"]


@bp.app_errorhandler(OAError)
def _refuse(error: OAError):
    # WeChat answers HTTP 200 for refusals of this API.
    rid = f"{secrets.token_hex(4)}-{secrets.token_hex(4)}"
    return jsonify(errcode=error.code, errmsg=f"{error.message} rid: {rid}")


def ok(**more):
    return jsonify({"errcode": 0, "errmsg": "ok", **more})


def payload() -> dict:
    """The JSON body, whatever its Content-Type: wechatpy sends none."""
    raw = request.get_data()
    if not raw:
        raise OAError(44002, "empty post data")
    try:
        data = json.loads(raw)
    except ValueError:
        raise OAError(47001, "data format error") from None
    if not isinstance(data, dict):
        raise OAError(47001, "data format error")
    return data


def check_token() -> None:
    token = request.args.get("access_token")
    if not token:
        raise OAError(41001, "access_token missing")
    row = box().store.one("SELECT * FROM access_tokens WHERE token = ?", token)
    if row is None or row["is_killed"]:
        raise OAError(40001, "invalid credential, access_token is invalid or not latest")
    if row["expires_at"] <= box().store.now():
        raise OAError(42001, "access_token expired")


@bp.before_request
def _guard():
    if request.endpoint not in WITHOUT_TOKEN:
        check_token()


def follower(openid) -> dict:
    person = people.get(box().store, openid) if isinstance(openid, str) else None
    if person is None:
        raise OAError(40003, "invalid openid")
    return person


# Tokens and ticket


def _check_client(args) -> None:
    if args.get("grant_type") != "client_credential":
        raise OAError(40002, "invalid grant_type")
    if args.get("appid") != box().config.appid:
        raise OAError(40013, "invalid appid")
    if args.get("secret") != box().config.secret:
        raise OAError(40125, "invalid appsecret")


def _issue(kind: str) -> str:
    store = box().store
    now = store.now()
    token = f"{secrets.randbelow(90) + 10}_" + secrets.token_urlsafe(96)
    store.insert(
        "access_tokens", token=token, kind=kind, issued_at=now, expires_at=now + TOKEN_SECONDS
    )
    return token


@bp.get("/token")
def token():
    _check_client(request.args)
    store = box().store
    with store.tx() as db:
        # The one before stays usable for a while, so that a change-over loses no call.
        db.execute(
            "UPDATE access_tokens SET expires_at = min(expires_at, ?) WHERE kind = 'plain'",
            (store.now() + OLD_TOKEN_GRACE_SECONDS,),
        )
        value = _issue("plain")
    return jsonify(access_token=value, expires_in=TOKEN_SECONDS)


@bp.post("/stable_token")
def stable_token():
    args = payload()
    _check_client(args)
    store = box().store
    with store.tx() as db:
        now = store.now()
        row = store.one(
            "SELECT * FROM access_tokens WHERE kind = 'stable' AND is_killed = 0 AND expires_at > ?"
            " ORDER BY issued_at DESC LIMIT 1",
            now,
        )
        if args.get("force_refresh") is True:
            forced = [t for t in store.get("forced_refreshes", []) if t > now - 86400]
            if len(forced) >= 20:
                raise OAError(45009, "reach max api daily quota limit")
            if forced and now - forced[-1] < 30:
                raise OAError(45011, "api minute-quota reach limit, must slower, retry next minute")
            store.put("forced_refreshes", [*forced, now])
            db.execute("UPDATE access_tokens SET is_killed = 1 WHERE kind = 'stable'")
            row = None
        # The platform renews five minutes early.
        if row is None or row["expires_at"] - now < OLD_TOKEN_GRACE_SECONDS:
            return jsonify(access_token=_issue("stable"), expires_in=TOKEN_SECONDS)
    return jsonify(access_token=row["token"], expires_in=int(row["expires_at"] - now))


def current_ticket(store) -> dict:
    with store.tx():
        now = store.now()
        ticket = store.get("jsapi_ticket")
        if not ticket or ticket["expires_at"] <= now:
            old = [ticket["value"]] if ticket else []
            ticket = {
                "value": secrets.token_urlsafe(64),
                "expires_at": now + TOKEN_SECONDS,
                "old": old,
            }
            store.put("jsapi_ticket", ticket)
    return ticket


@bp.get("/ticket/getticket")
def get_ticket():
    if request.args.get("type") != "jsapi":
        raise OAError(40097, "invalid args, type must be jsapi")
    ticket = current_ticket(box().store)
    left = int(ticket["expires_at"] - box().store.now())
    return ok(ticket=ticket["value"], expires_in=left)


# Addresses of WeChat's own servers


@bp.get("/getcallbackip")
def callback_ip():
    return jsonify(ip_list=["127.0.0.1"])


@bp.get("/get_api_domain_ip")
def api_domain_ip():
    return jsonify(ip_list=["127.0.0.1"])


# QR codes


def _scene(action: str, scene: dict) -> str:
    bad = OAError(40053, "invalid action info")
    if action in ("QR_SCENE", "QR_LIMIT_SCENE"):
        number = scene.get("scene_id")
        top = 100_000 if action == "QR_LIMIT_SCENE" else 2**32 - 1
        if type(number) is not int or not 1 <= number <= top:
            raise bad
        return str(number)
    text = scene.get("scene_str")
    if not isinstance(text, str) or not 1 <= len(text) <= 64:
        raise bad
    return text


@bp.post("/qrcode/create")
def create_qrcode():
    args = payload()
    action = args.get("action_name")
    if action not in ("QR_SCENE", "QR_STR_SCENE", "QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE"):
        raise OAError(40053, "invalid action info")
    info = args.get("action_info")
    scene = info.get("scene") if isinstance(info, dict) else None
    text = _scene(action, scene if isinstance(scene, dict) else {})
    store, seconds = box().store, None
    if not action.startswith("QR_LIMIT"):
        seconds = args.get("expire_seconds", 60)
        if type(seconds) is not int or not 1 <= seconds <= QR_SECONDS_MAX:
            raise OAError(40053, "invalid action info, expire_seconds out of range")
    with store.tx():
        row = None
        if seconds is None:
            # A permanent scene has one code for ever; asking again gives the same.
            row = store.one("SELECT * FROM qr_codes WHERE action = ? AND scene = ?", action, text)
            count = store.one("SELECT COUNT(*) AS n FROM qr_codes WHERE expires_at IS NULL")["n"]
            if row is None and count >= QR_PERMANENT_MAX:
                raise OAError(45029, "qrcode count out of limit")
        if row is None:
            row = {
                "ticket": "gQ" + secrets.token_urlsafe(70) + "==",
                "url": "http://weixin.qq.com/q/02" + secrets.token_urlsafe(14),
            }
            store.insert(
                "qr_codes",
                ticket=row["ticket"],
                url=row["url"],
                action=action,
                scene=text,
                created_at=store.now(),
                expires_at=store.now() + seconds if seconds else None,
            )
    more = {"expire_seconds": seconds} if seconds else {}
    return jsonify(ticket=row["ticket"], **more, url=row["url"])


@bp.get("/showqrcode")
def show_qrcode():
    ticket = request.args.get("ticket", "")
    row = box().store.one("SELECT * FROM qr_codes WHERE ticket = ?", ticket)
    if row is None:
        return Response("ticket not found", 404, content_type="text/plain")
    return Response(qr_image(row["url"], "JPEG"), content_type="image/jpg")


def qr_image(text: str, kind: str = "PNG") -> bytes:
    code = qrcode.QRCode(border=2, error_correction=qrcode.constants.ERROR_CORRECT_M)
    code.add_data(text)
    code.make(fit=True)
    out = io.BytesIO()
    image = code.make_image().get_image().convert("L").resize((430, 430))
    image.save(out, kind)
    return out.getvalue()


# Users


def _user(person: dict) -> dict:
    if not person["following"]:
        return {"subscribe": 0, "openid": person["openid"], "tagid_list": []}
    scene = person["qr_scene"]
    tags = box().store.all(
        "SELECT tag_id FROM tag_members WHERE openid = ? ORDER BY id", person["openid"]
    )
    # Nickname and picture have not been given here since December 2021.
    return {
        "subscribe": 1,
        "openid": person["openid"],
        "language": "zh_CN",
        "subscribe_time": int(person["subscribed_at"]),
        "remark": person["remark"],
        "groupid": 0,
        "tagid_list": [t["tag_id"] for t in tags],
        "subscribe_scene": person["subscribe_scene"],
        "qr_scene": int(scene) if scene.isdigit() else 0,
        "qr_scene_str": "" if scene.isdigit() else scene,
    }


@bp.get("/user/info")
def user_info():
    return jsonify(_user(follower(request.args.get("openid"))))


@bp.post("/user/info/batchget")
def user_info_batch():
    asked = payload().get("user_list")
    if not isinstance(asked, list) or not 1 <= len(asked) <= 100:
        raise OAError(40032, "invalid openid list size")
    users = [_user(follower(u.get("openid") if isinstance(u, dict) else None)) for u in asked]
    return jsonify(user_info_list=users)


@bp.post("/user/info/updateremark")
def update_remark():
    args = payload()
    person = follower(args.get("openid"))
    remark = args.get("remark")
    if not isinstance(remark, str) or len(remark) > 29:
        raise OAError(40003, "invalid remark")
    box().store.run("UPDATE persons SET remark = ? WHERE openid = ?", remark, person["openid"])
    return ok()


@bp.get("/user/get")
def user_list():
    rows = box().store.all(
        "SELECT openid FROM persons WHERE following = 1 AND openid > ? ORDER BY openid LIMIT 10000",
        request.args.get("next_openid") or "",
    )
    ids = [r["openid"] for r in rows]
    total = box().store.one("SELECT COUNT(*) AS n FROM persons WHERE following = 1")["n"]
    answer = {"total": total, "count": len(ids), "next_openid": ids[-1] if ids else ""}
    return jsonify(answer | ({"data": {"openid": ids}} if ids else {}))


def image_address(person: dict) -> str:
    return f"{box().config.sandbox_url}/mmopen/{person['openid']}/132"
