"""Web page authorisation (网页授权): the pages people see and the calls of the mall."""

import secrets
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, g, jsonify, redirect, render_template, request

from . import people
from .oa import OAError, box, image_address

bp = Blueprint("oauth", __name__)

CODE_SECONDS = 300
TOKEN_SECONDS = 7200
REFRESH_SECONDS = 30 * 86400
ORDER = ["appid", "redirect_uri", "response_type", "scope", "state"]
EXTRAS = {"forcePopup", "forceSnapShot", "connect_redirect", "uin", "key"}
STATE_BYTES_MAX = 128


def _failure(code: int, message: str, hint: str):
    # WeChat shows such a page with status 200; the call log says what it is.
    g.call_result = f"{code} {message}"
    return render_template("oauth_error.html", code=code, message=message, hint=hint)


def _check_authorize():
    """None, or the page WeChat would show in place of an authorisation."""
    pairs = parse_qsl(request.query_string.decode("ascii", "replace"), keep_blank_values=True)
    names = [name for name, _ in pairs if name not in EXTRAS]
    args = dict(pairs)
    config = box().config
    if names not in (ORDER, ORDER[:4]):
        return _failure(10002, "参数错误", "参数须依次为 " + "、".join(ORDER))
    if args["appid"] != config.appid:
        return _failure(10001, "AppID 参数错误", "appid 与公众号不符")
    if args["response_type"] != "code":
        return _failure(10002, "参数错误", "response_type 只能是 code")
    target = urlsplit(args["redirect_uri"])
    if target.scheme not in ("http", "https") or target.netloc.lower() != config.mall_host:
        return _failure(
            10003,
            "redirect_uri 域名与后台配置不一致",
            f"后台配置的网页授权域名是 {config.mall_host}",
        )
    if args["scope"] not in ("snsapi_base", "snsapi_userinfo"):
        return _failure(10005, "该公众号没有这个 scope 的权限", args["scope"])
    state = args.get("state", "")
    if len(state) > STATE_BYTES_MAX or not (state.isascii() and (state.isalnum() or not state)):
        return _failure(10002, "参数错误", "state 只能是不超过 128 个字母或数字")
    return None


def _back(**more):
    args = request.args
    target = args["redirect_uri"].split("#")[0]
    joint = "&" if urlsplit(target).query else "?"
    more["state"] = args.get("state", "")
    response = redirect(target + joint + urlencode(more))
    response.headers["Cache-Control"] = "no-store"
    return response


def _code(openid: str, scope: str) -> str:
    store = box().store
    code = secrets.token_hex(16)
    store.insert("oauth_codes", code=code, openid=openid, scope=scope, created_at=store.now())
    return code


def current_person() -> dict | None:
    return people.get(box().store, request.cookies.get("sandbox_person", ""))


@bp.get("/connect/oauth2/authorize")
def authorize():
    failure = _check_authorize()
    if failure:
        return failure
    person = current_person()
    if person is None:
        # A plain browser tab: nobody holds the phone yet.
        rows = [people.public(p) for p in people.everyone(box().store)]
        return render_template("choose_person.html", people=rows, back=request.full_path)
    if request.args["scope"] == "snsapi_base":
        return _back(code=_code(person["openid"], "snsapi_base"))
    return render_template(
        "oauth_consent.html", person=people.public(person), account=box().config.account_name
    )


@bp.post("/connect/oauth2/authorize")
def decide():
    failure = _check_authorize()
    person = current_person()
    if failure or person is None:
        return failure or redirect(request.full_path)
    if request.form.get("answer") != "allow":
        # A refusal comes back without a code.
        return _back()
    return _back(code=_code(person["openid"], "snsapi_userinfo"))


def _check_client(args) -> None:
    if args.get("appid") != box().config.appid:
        raise OAError(40013, "invalid appid")


def _issued(row: dict, person: dict) -> dict:
    # A person set to snapshot gets the flag with either scope, so that the mall's
    # silent login can be tested too; WeChat sets it with snsapi_userinfo.
    snapshot = bool(person["is_snapshot"])
    answer = {
        "access_token": row["token"],
        "expires_in": TOKEN_SECONDS,
        "refresh_token": row["refresh_token"],
        "openid": people.virtual_openid(person["openid"]) if snapshot else person["openid"],
        "scope": row["scope"],
    }
    return answer | ({"is_snapshotuser": 1} if snapshot else {})


@bp.get("/sns/oauth2/access_token")
def access_token():
    args, store = request.args, box().store
    _check_client(args)
    if args.get("secret") != box().config.secret:
        raise OAError(40125, "invalid appsecret")
    if args.get("grant_type") != "authorization_code":
        raise OAError(40002, "invalid grant_type")
    if not args.get("code"):
        raise OAError(41008, "missing code")
    now = store.now()
    with store.tx() as db:
        code = store.one("SELECT * FROM oauth_codes WHERE code = ?", args["code"])
        if code is None or now - code["created_at"] > CODE_SECONDS:
            raise OAError(40029, "invalid code")
        if code["used_at"] is not None:
            raise OAError(40163, "code been used")
        db.execute("UPDATE oauth_codes SET used_at = ? WHERE code = ?", (now, code["code"]))
        row = {
            "token": secrets.token_urlsafe(64),
            "refresh_token": secrets.token_urlsafe(64),
            "openid": code["openid"],
            "scope": code["scope"],
            "expires_at": now + TOKEN_SECONDS,
            "refresh_expires_at": now + REFRESH_SECONDS,
        }
        store.insert("oauth_tokens", **row)
    return jsonify(_issued(row, people.get(store, code["openid"])))


@bp.get("/sns/oauth2/refresh_token")
def refresh_token():
    args, store = request.args, box().store
    _check_client(args)
    if args.get("grant_type") != "refresh_token":
        raise OAError(40002, "invalid grant_type")
    now = store.now()
    with store.tx() as db:
        row = store.one(
            "SELECT * FROM oauth_tokens WHERE refresh_token = ?", args.get("refresh_token", "")
        )
        if row is None:
            raise OAError(40030, "invalid refresh_token")
        if row["refresh_expires_at"] <= now:
            raise OAError(42002, "refresh_token expired")
        db.execute(
            "UPDATE oauth_tokens SET expires_at = ? WHERE token = ?",
            (now + TOKEN_SECONDS, row["token"]),
        )
    return jsonify(_issued(row, people.get(store, row["openid"])))


def _authorised() -> tuple[dict, dict]:
    store = box().store
    token = request.args.get("access_token")
    if not token:
        raise OAError(41001, "access_token missing")
    row = store.one("SELECT * FROM oauth_tokens WHERE token = ?", token)
    if row is None:
        raise OAError(40001, "invalid credential, access_token is invalid or not latest")
    if row["expires_at"] <= store.now():
        raise OAError(42001, "access_token expired")
    person = people.get(store, row["openid"])
    if request.args.get("openid") not in (row["openid"], people.virtual_openid(row["openid"])):
        raise OAError(40003, "invalid openid")
    return row, person


@bp.get("/sns/userinfo")
def userinfo():
    row, person = _authorised()
    if row["scope"] != "snsapi_userinfo":
        raise OAError(48001, "api unauthorized")
    snapshot = bool(person["is_snapshot"])
    # Sex and place have been empty since October 2021.
    return jsonify(
        openid=request.args["openid"],
        nickname="微信用户" if snapshot else person["nickname"],
        sex=0,
        language="",
        city="",
        province="",
        country="",
        headimgurl=image_address(person),
        privilege=[],
    )


@bp.get("/sns/auth")
def check():
    _authorised()
    return jsonify(errcode=0, errmsg="ok")
