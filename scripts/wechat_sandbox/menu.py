"""Custom menus (自定义菜单), the default one and the conditional ones."""

import secrets
from urllib.parse import urlsplit

from flask import Blueprint, jsonify

from . import people
from .oa import OAError, box, check_token, follower, ok, payload

bp = Blueprint("menu", __name__, url_prefix="/cgi-bin")
bp.before_request(check_token)

KEY_TYPES = {
    "click",
    "scancode_push",
    "scancode_waitmsg",
    "pic_sysphoto",
    "pic_photo_or_album",
    "pic_weixin",
    "location_select",
}
FIELDS = {
    "view": ("url",),
    "miniprogram": ("url", "appid", "pagepath"),
    "media_id": ("media_id",),
    "view_limited": ("media_id",),
    "article_id": ("article_id",),
    "article_view_limited": ("article_id",),
} | dict.fromkeys(KEY_TYPES, ("key",))


def _text(button: dict, field: str, code: int) -> str:
    value = button.get(field)
    if not isinstance(value, str) or not value:
        raise OAError(code, f"invalid button {field} size")
    return value


def _check_button(button, *, sub: bool) -> None:
    if not isinstance(button, dict):
        raise OAError(40016, "invalid button size")
    name = _text(button, "name", 40025 if sub else 40018)
    if len(name.encode()) > (60 if sub else 16):
        raise OAError(40025 if sub else 40018, "invalid button name size")
    children = button.get("sub_button")
    if children:
        if sub:
            raise OAError(40021, "invalid menu level")
        if not isinstance(children, list) or len(children) > 5:
            raise OAError(40023, "invalid sub button size")
        for child in children:
            _check_button(child, sub=True)
        return
    _check_fields(button, sub=sub)


def _check_fields(button: dict, *, sub: bool) -> None:
    kind = button.get("type")
    if kind not in FIELDS:
        raise OAError(40024 if sub else 40017, "invalid button type")
    for field in FIELDS[kind]:
        value = _text(
            button, field, {"key": 40026 if sub else 40019}.get(field, 40027 if sub else 40020)
        )
        if field == "key" and len(value.encode()) > 128:
            raise OAError(40026 if sub else 40019, "invalid button key size")
        if field == "url":
            if len(value.encode()) > 1024:
                raise OAError(40027 if sub else 40020, "invalid button url size")
            if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
                raise OAError(40054 if sub else 40055, "invalid button url domain")


def _buttons(args: dict) -> list:
    buttons = args.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise OAError(40016, "invalid button size")
    for button in buttons:
        _check_button(button, sub=False)
    return buttons


def for_person(store, openid: str) -> list | None:
    """The menu this person sees: the newest rule with their last tag, else the default."""
    menu = store.get("menu")
    person = people.get(store, openid)
    if menu is None or person is None or not person["following"]:
        return None
    last = store.one(
        "SELECT tag_id FROM tag_members WHERE openid = ? ORDER BY id DESC LIMIT 1", openid
    )
    if last:
        for rule in reversed(store.get("conditional_menus", [])):
            if str(rule["matchrule"]["tag_id"]) == str(last["tag_id"]):
                return rule["button"]
    return menu["button"]


@bp.post("/menu/create")
def create():
    buttons = _buttons(payload())
    box().store.put("menu", {"button": buttons, "menuid": secrets.randbelow(10**9)})
    return ok()


@bp.get("/menu/get")
def get():
    store = box().store
    menu = store.get("menu")
    if menu is None:
        raise OAError(46003, "menu no exist")
    rules = store.get("conditional_menus", [])
    return jsonify({"menu": menu} | ({"conditionalmenu": rules[::-1]} if rules else {}))


@bp.get("/menu/delete")
def delete():
    store = box().store
    with store.tx():
        store.put("menu", None)
        store.put("conditional_menus", [])
    return ok()


@bp.get("/get_current_selfmenu_info")
def current():
    menu = box().store.get("menu")

    def shown(button):
        shown_button = {k: v for k, v in button.items() if k != "sub_button"}
        if button.get("sub_button"):
            shown_button["sub_button"] = {"list": [shown(b) for b in button["sub_button"]]}
        return shown_button

    if menu is None:
        return jsonify(is_menu_open=0)
    return jsonify(is_menu_open=1, selfmenu_info={"button": [shown(b) for b in menu["button"]]})


@bp.post("/menu/addconditional")
def add_conditional():
    args = payload()
    buttons = _buttons(args)
    rule = args.get("matchrule")
    store = box().store
    if store.get("menu") is None:
        raise OAError(65303, "there is no selfmenu, please create selfmenu first")
    if not isinstance(rule, dict) or not any(rule.values()):
        raise OAError(65305, "match rule empty")
    given = {key for key, value in rule.items() if value not in ("", None)}
    if given - {"tag_id", "group_id"}:
        raise OAError(65320, "unsupported match rule")
    tag_id = str(rule.get("tag_id") or rule.get("group_id"))
    if not tag_id.isdigit() or not store.one("SELECT 1 FROM tags WHERE id = ?", int(tag_id)):
        raise OAError(45159, "invalid tag id")
    hosts = {
        urlsplit(b.get("url", "")).netloc
        for button in buttons
        for b in [button, *(button.get("sub_button") or [])]
        if b.get("url")
    }
    if len(hosts) > 3:
        raise OAError(65318, "too many link domains")
    with store.tx():
        rules = store.get("conditional_menus", [])
        menu_id = secrets.randbelow(9 * 10**8) + 10**8
        rules.append({"button": buttons, "matchrule": {"tag_id": tag_id}, "menuid": menu_id})
        store.put("conditional_menus", rules)
    return jsonify(menuid=str(menu_id))


@bp.post("/menu/delconditional")
def delete_conditional():
    menu_id = str(payload().get("menuid"))
    store = box().store
    with store.tx():
        rules = store.get("conditional_menus", [])
        left = [r for r in rules if str(r["menuid"]) != menu_id]
        if len(left) == len(rules):
            raise OAError(65301, "menuid not exist")
        store.put("conditional_menus", left)
    return ok()


@bp.post("/menu/trymatch")
def try_match():
    person = follower(payload().get("user_id"))
    buttons = for_person(box().store, person["openid"])
    if buttons is None:
        raise OAError(46003, "menu no exist")
    return jsonify(button=buttons)
