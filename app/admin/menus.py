"""Menus of the official account: what WeChat has, editing, publishing, going back."""

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import auth, lists, people
from app.admin.auth import requires
from app.admin.blueprint import bp
from app.admin.menu_form import NEW, Form, field_of, short
from app.admin.models import Permission
from app.core import clock, web
from app.core.errors import DomainError, InvalidInput, NotFound
from app.wechat import menus as account_menus
from app.wechat.menus import DEFAULT, Document, Documents

# Stands in for the default menu while another one is checked alone.
_VALID: Document = {"button": [{"type": "click", "name": "-", "key": "-"}]}
_TYPES: Mapping[str, str] = {
    "view": "打开网页",
    "click": "点击事件",
    "miniprogram": "打开小程序",
    "scancode_push": "扫码",
    "scancode_waitmsg": "扫码并等待回复",
    "pic_sysphoto": "拍照",
    "pic_photo_or_album": "拍照或选图",
    "pic_weixin": "微信相册选图",
    "location_select": "发送位置",
    "media_id": "发送素材",
    "view_limited": "打开图文素材",
    "article_id": "发送文章",
    "article_view_limited": "打开文章",
}


@bp.get("/menus")
@requires(Permission.MENU_VIEW)
def menus() -> ResponseReturnValue:
    return _overview()


@bp.get("/menus/edit")
@requires(Permission.MENU_CHANGE)
def menu_edit() -> ResponseReturnValue:
    name = request.args.get("menu", DEFAULT)
    last = account_menus.newest()
    seen = last.id if last else 0
    known, error = _base()
    if name not in known and name not in (DEFAULT, NEW):
        raise NotFound("没有这个菜单，可能已被删除")
    return _editor(name, Form.of(known.get(name, {})), seen=seen, error=error)


@bp.post("/menus/edit")
@requires(Permission.MENU_CHANGE)
def menu_publish() -> ResponseReturnValue:
    """Check what was typed; with `action=publish` also publish it."""
    name = web.form_text("menu", 100) or DEFAULT
    seen_text = web.form_text("seen", 18)
    seen = int(seen_text) if seen_text.isascii() and seen_text.isdigit() else 0
    typed = Form.typed()
    document = typed.document(is_default=name == DEFAULT)
    try:
        if web.form_text("action") != "publish":
            # The other menus are not looked at: this answers without WeChat.
            alone = {DEFAULT: document} if name == DEFAULT else {DEFAULT: _VALID, name: document}
            account_menus.check(alone, account_menus.rules())
            return _editor(name, typed, seen=seen, is_checked=True)
        documents = _base_for_publishing()
        file = account_menus.file_for(typed.tag, documents) if name == NEW else name
        if name == NEW and file in documents:
            raise InvalidInput(f"{file}: matchrule.tag", f"标签“{typed.tag}”已有个性化菜单")
        version = account_menus.publish(
            {**documents, file: document},
            actor=auth.actor(),
            now=clock.now(),
            note=web.form_text("note", 400),
            seen_version=seen,
        )
    except DomainError as error:
        at = field_of(error, name)
        return _editor(name, typed, seen=seen, error=error, at=at), error.status
    flash(f"菜单已发布（版本 {version.id}），手机上约 5 分钟后显示")
    return redirect(url_for(".menus"))


@bp.post("/menus/remove")
@requires(Permission.MENU_CHANGE)
def menu_remove() -> ResponseReturnValue:
    """Take a conditional menu away; its people see the default one again."""
    name = web.form_text("menu", 100)
    try:
        last = account_menus.newest()
        seen = last.id if last else 0
        documents = _base_for_publishing()
        if name == DEFAULT or name not in documents:
            raise NotFound("没有这个个性化菜单，可能已被删除")
        removed = documents.pop(name)
        account_menus.publish(
            documents,
            actor=auth.actor(),
            now=clock.now(),
            note=f"删除个性化菜单：{_title(name, removed)}",
            seen_version=seen,
        )
    except DomainError as error:
        return _overview(error=error), error.status
    flash("个性化菜单已删除")
    return redirect(url_for(".menus"))


@bp.post("/menus/restore")
@requires(Permission.MENU_CHANGE)
def menu_restore() -> ResponseReturnValue:
    """Publish an earlier version again; it becomes the newest."""
    asked = web.form_text("version_id", 18)
    try:
        version = account_menus.version(_number(asked))
        number = version.id
        account_menus.publish(
            version.documents,
            actor=auth.actor(),
            now=clock.now(),
            note=f"恢复版本 {number}",
        )
    except DomainError as error:
        return _overview(error=error), error.status
    flash(f"已恢复版本 {number}，手机上约 5 分钟后显示")
    return redirect(url_for(".menus"))


# --- pages -------------------------------------------------------------------------


def _overview(*, error: DomainError | None = None) -> str:
    found, unavailable = _at_wechat()
    asked = request.args.get("version", "")
    chosen = account_menus.version(_number(asked)) if asked else None
    last = account_menus.newest()
    if chosen is not None:
        shown: Documents = chosen.documents
    elif found is not None:
        shown = found
    else:
        shown = last.documents if last else {}
    page = account_menus.versions_page(before=web.page_before())
    return render_template(
        "admin/menus.html",
        cards=[_card(name, shown[name]) for name in sorted(shown, key=_default_first)],
        chosen=chosen,
        unavailable=unavailable,
        is_empty_at_wechat=found == {},
        has_drifted=found is not None and last is not None and found != last.documents,
        is_live=found is not None and last is not None and found == last.documents,
        last=last,
        page=page,
        pager=lists.pager(page),
        publishers=people.names(
            row.published_by for row in [*page.items, *([chosen] if chosen else [])]
        ),
        error=_said(error) if error else "",
        default=DEFAULT,
        may_change=auth.allowed(Permission.MENU_CHANGE),
    )


def _editor(
    name: str,
    form: Form,
    *,
    seen: int,
    error: DomainError | None = None,
    at: str = "",
    is_checked: bool = False,
) -> str:
    document = form.document(is_default=name == DEFAULT)
    return render_template(
        "admin/menu_edit.html",
        name=name,
        title=_edit_title(name, document),
        is_default=name == DEFAULT,
        form=form,
        seen=seen,
        note=web.form_text("note", 400),
        types=list(_TYPES.items()),
        columns=document["button"],
        error_at=at,
        field_error=error.message if error and at else "",
        page_error=_said(error) if error and not at else "",
        is_checked=is_checked,
        tag_error=error.message if error and at == "tag" else "",
    )


def _card(name: str, document: Document) -> dict[str, Any]:
    return {
        "name": name,
        "title": _title(name, document),
        "is_default": name == DEFAULT,
        "columns": document["button"],
        "lines": list(_lines(document["button"])),
    }


def _lines(buttons: list[Document]) -> Any:
    """Each button as a row: its name, its parent's, its type and where it leads."""
    for button in buttons:
        children = button.get("sub_button")
        if not children:
            yield {"name": button.get("name", ""), "parent": "", **_action(button)}
        for child in children or []:
            yield {
                "name": child.get("name", ""),
                "parent": button.get("name", ""),
                **_action(child),
            }


def _action(button: Document) -> dict[str, str]:
    kind = str(button.get("type", ""))
    value = str(button.get(account_menus.VALUE_FIELDS.get(kind, ""), ""))
    if kind == "miniprogram":
        value = f"{button.get('appid', '')} {button.get('pagepath', '')}"
    return {"type": _TYPES.get(kind, kind), "value": short(value)}


def _title(name: str, document: Document) -> str:
    if name == DEFAULT:
        return "默认菜单"
    tag = account_menus.tag_of(document)
    return f"标签“{tag}”" if tag else "标签已不存在的个性化菜单"


def _edit_title(name: str, document: Document) -> str:
    if name == NEW:
        return "新建个性化菜单"
    return "编辑默认菜单" if name == DEFAULT else f"编辑个性化菜单：{_title(name, document)}"


def _default_first(name: str) -> tuple[bool, str]:
    return (name != DEFAULT, name)


def _said(error: DomainError) -> str:
    """An error with its place, for one that stands at no field."""
    place = (error.field or "").rpartition(": ")[0] or error.field
    return f"{place}：{error.message}" if place else error.message


# --- what is at WeChat -------------------------------------------------------------


def _names() -> Documents:
    last = account_menus.newest()
    return last.documents if last else {}


def _at_wechat() -> tuple[Documents | None, str]:
    """What WeChat has; None and a sentence when it does not say."""
    try:
        return account_menus.at_wechat(_names()), ""
    except account_menus.MenuUnavailable as error:
        return None, error.message


def _base() -> tuple[Documents, DomainError | None]:
    """What editing begins with: WeChat's menus, or what was published last."""
    try:
        return account_menus.at_wechat(_names()), None
    except account_menus.MenuUnavailable as error:
        return _names(), error


def _base_for_publishing() -> Documents:
    """Raises MenuUnavailable: the other menus are not known, so nothing is replaced."""
    return account_menus.at_wechat(_names())


def _number(text: str) -> int:
    """A version's number as it was given; 0, which none has, for nonsense."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
