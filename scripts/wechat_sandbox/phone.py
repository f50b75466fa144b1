"""The phone: pages and JSON behind the drawn telephone."""

import io
import json
import re
from urllib.parse import urlsplit

import zxingcpp
from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from PIL import Image, UnidentifiedImageError

from . import menu, people, push
from .jssdk import box, own_origin_only, person, remember_link
from .oa import qr_image

bp = Blueprint("phone", __name__)

OWN_PREFIX = "sandbox_"
YEAR_SECONDS = 365 * 86400
CHAT_LINES = 80
CALLS_AT_ONCE = 150


@bp.before_request
def _guard():
    if request.method == "POST":
        own_origin_only()


@bp.get("/")
def index():
    return render_template("phone.html", config=box().config)


@bp.get("/favicon.ico")
def favicon():
    return Response(status=204)


@bp.get("/mmopen/<openid>/<int:size>")
def avatar(openid: str, size: int):
    row = people.get(box().store, openid)
    if row is None:
        abort(404)
    png = people.avatar_png(openid, row["nickname"], min(max(size, 46), 640))
    response = Response(png, content_type="image/png")
    # Posters are drawn on a canvas or fetched by pages of the mall.
    response.headers["Access-Control-Allow-Origin"] = box().config.mall_url
    response.headers["Cache-Control"] = "max-age=300"
    return response


def _current() -> dict:
    who = person()
    if who is None:
        abort(409)
    return who


@bp.get("/phone/state")
def state():
    store, who = box().store, person()
    since = request.args.get("since", 0, int)
    rows = store.all(
        "SELECT * FROM (SELECT id, at, direction, name, method, path, status, is_ok, result, duration_ms"
        " FROM calls WHERE id > ? ORDER BY id DESC LIMIT ?) ORDER BY id",
        since,
        CALLS_AT_ONCE,
    )
    data = {
        "people": [people.public(p) for p in people.everyone(store)],
        "person": people.public(who) if who else None,
        "calls": rows,
        "url_check": store.get("url_check"),
        "chat": [],
        "menu": None,
        "mode": store.get("mode") or box().config.mode,
    }
    if who:
        lines = store.all(
            "SELECT * FROM (SELECT * FROM chats WHERE openid = ? ORDER BY id DESC LIMIT ?) ORDER BY id",
            who["openid"],
            CHAT_LINES,
        )
        data["chat"] = [line | {"body": json.loads(line["body"])} for line in lines]
        data["menu"] = menu.for_person(store, who["openid"])
    return jsonify(data)


@bp.get("/phone/calls/<int:call_id>")
def call(call_id: int):
    row = box().store.one("SELECT * FROM calls WHERE id = ?", call_id)
    return jsonify(row) if row else abort(404)


# The person who holds the phone


def _swap(response, openid: str):
    """Give the webview the cookies of this person.

    The mall stands on the same host with another port, and cookies know no ports:
    every person needs an own jar, which the sandbox keeps while another holds the phone.
    """
    store = box().store
    old = person()
    if old and old["openid"] != openid:
        received = {k: v for k, v in request.cookies.items() if not k.startswith(OWN_PREFIX)}
        with store.tx():
            store.run(
                "UPDATE persons SET jar = ? WHERE openid = ?", json.dumps(received), old["openid"]
            )
            stored = json.loads(people.get(store, openid)["jar"])
            store.run("UPDATE persons SET jar = '{}' WHERE openid = ?", openid)
        for name in received.keys() - stored.keys():
            response.delete_cookie(name, path="/")
        for name, value in stored.items():
            response.set_cookie(name, value, path="/", httponly=True, samesite="Lax")
    # Who takes up a phone that nobody held goes on with the cookies there are: an
    # authorisation may be under way in this very tab.
    response.set_cookie(
        "sandbox_person", openid, max_age=YEAR_SECONDS, path="/", httponly=True, samesite="Lax"
    )
    return response


@bp.post("/phone/person")
def choose():
    openid = (request.get_json(silent=True) or {}).get("openid", "")
    if people.get(box().store, openid) is None:
        abort(404)
    return _swap(jsonify(ok=True), openid)


@bp.post("/phone/choose")
def choose_by_form():
    """In a plain browser tab: choose, then go on with the authorisation."""
    openid, back = request.form.get("openid", ""), request.form.get("back", "")
    if people.get(box().store, openid) is None or not back.startswith("/connect/oauth2/authorize?"):
        abort(400)
    return _swap(redirect(back), openid)


@bp.post("/phone/person/new")
def new_person():
    nickname = str((request.get_json(silent=True) or {}).get("nickname", "")).strip()[:20]
    if not nickname:
        abort(400)
    store = box().store
    count = len(people.everyone(store))
    row = people.add(store, f"oSandbox_guest_{count + 1:013d}", nickname, role="新用户")
    return jsonify(people.public(row))


# The chat


@bp.post("/phone/follow")
def follow():
    push.follow(box(), _current()["openid"])
    return jsonify(ok=True)


@bp.post("/phone/unfollow")
def unfollow():
    push.unfollow(box(), _current()["openid"])
    return jsonify(ok=True)


@bp.post("/phone/text")
def text():
    who = _current()
    content = str((request.get_json(silent=True) or {}).get("content", "")).strip()[:600]
    if not content:
        abort(400)
    if who["following"]:
        push.text(box(), who["openid"], content)
    return jsonify(ok=bool(who["following"]))


@bp.post("/phone/menu")
def press():
    """A menu button is tapped; `path` is one or two indexes."""
    who = _current()
    data = request.get_json(silent=True) or {}
    buttons = menu.for_person(box().store, who["openid"]) or []
    button: dict = {"sub_button": buttons}
    try:
        for index in data["path"]:
            button = button["sub_button"][index]
    except (KeyError, IndexError, TypeError):
        abort(404)
    kind = button.get("type")
    if kind == "view":
        push.later(box(), push.view, who["openid"], button["url"])
        return jsonify(open=button["url"])
    if kind in ("scancode_push", "scancode_waitmsg") and "scanned" not in data:
        return jsonify(scan=True)
    if kind in menu.KEY_TYPES:
        push.click(
            box(),
            who["openid"],
            button["key"],
            kind="CLICK" if kind == "click" else kind,
            scanned=data.get("scanned"),
        )
        return jsonify(ok=True)
    return jsonify(message="沙箱里的手机打不开这种菜单")


# Scanning


@bp.get("/phone/codes")
def codes():
    store = box().store
    rows = store.all(
        "SELECT ticket, url, action, scene FROM qr_codes WHERE expires_at IS NULL OR expires_at > ?"
        " ORDER BY created_at DESC LIMIT 40",
        store.now(),
    )
    links = store.all("SELECT url, title, note FROM links ORDER BY seen_at DESC LIMIT 40")
    return jsonify(
        codes=[
            {
                "text": r["url"],
                "title": r["scene"],
                "note": "永久码" if "LIMIT" in r["action"] else "临时码",
            }
            for r in rows
        ],
        links=[{"text": r["url"], "title": r["title"], "note": r["note"]} for r in links],
    )


@bp.get("/phone/qr.png")
def qr_picture():
    content = request.args.get("text", "")[:500]
    return Response(qr_image(content or " "), content_type="image/png")


def _recognise(content: str):
    """What WeChat does with the text of a code."""
    who, store, config = _current(), box().store, box().config
    if re.match(r"https?://weixin\.qq\.com/q/", content):
        row = store.one("SELECT * FROM qr_codes WHERE url = ?", content)
        if row is None:
            return jsonify(kind="unknown", message="无法识别该二维码")
        if row["expires_at"] is not None and row["expires_at"] <= store.now():
            return jsonify(kind="unknown", message="二维码已过期")
        push.scan(box(), who["openid"], row)
        return jsonify(kind="account")
    parts = urlsplit(content)
    if f"{parts.scheme}://{parts.netloc}" == config.mall_url:
        remember_link(content, content.removeprefix(config.mall_url), "扫过的链接")
        return jsonify(kind="page", url=content)
    return jsonify(kind="unknown", message="无法识别", text=content[:200])


@bp.post("/phone/scan")
def scan():
    content = str((request.get_json(silent=True) or {}).get("text", ""))
    return _recognise(content)


@bp.post("/phone/decode")
def decode():
    upload = request.files.get("picture")
    if upload is None:
        abort(400)
    try:
        with Image.open(io.BytesIO(upload.read())) as picture:
            if picture.width * picture.height > 40_000_000:
                return jsonify(kind="unknown", message="图片太大")
            found = zxingcpp.read_barcodes(picture.convert("RGB"))
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return jsonify(kind="unknown", message="这不是图片")
    if not found:
        return jsonify(kind="unknown", message="图片里没有找到二维码")
    if request.form.get("only_text"):
        # A page asked for the content (scanQRCode with needResult): nothing else happens.
        return jsonify(kind="text", text=found[0].text)
    return _recognise(found[0].text)


@bp.post("/phone/link")
def note_link():
    """The webview reports an address worth keeping: referral links."""
    url = str((request.get_json(silent=True) or {}).get("url", ""))
    if url.startswith(box().config.mall_url + "/r/"):
        remember_link(url, url.removeprefix(box().config.mall_url), "推广链接")
    return jsonify(ok=True)


@bp.post("/phone/check-url")
def check_url():
    return jsonify(push.check_url(box()))
