"""WeChat's menus and the tags that they are for. See wechat.md, section 6."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
import structlog
from wechatpy.exceptions import WeChatClientException

from app.wechat import transport
from app.wechat.menus import documents as menu_documents
from app.wechat.menus.documents import DEFAULT, Documents
from app.wechat.menus.errors import MenuUnavailable

log = structlog.get_logger()

_GONE_ALREADY = 65301
_NO_MENU = 46003
_WORDS = {
    -1: "微信系统繁忙，请稍后再试",
    40001: "AppSecret 不正确，或令牌已失效，请检查公众号配置",
    40013: "AppID 不正确，请检查公众号配置",
    40125: "AppSecret 不正确，请检查公众号配置",
    40164: "本服务器的 IP 不在公众号的 IP 白名单里，请到公众号后台添加",
    40007: "菜单引用的素材或文章在微信上不存在",
    40015: "微信不接受菜单的类型",
    40016: "微信不接受按钮的个数",
    40017: "微信不接受按钮的类型",
    40018: "微信不接受按钮名称的长度",
    40019: "微信不接受按钮 KEY 的长度",
    40020: "微信不接受按钮网址的长度",
    40023: "微信不接受子菜单的个数",
    40024: "微信不接受子菜单的类型",
    40025: "微信不接受子菜单名称的长度",
    40026: "微信不接受子菜单 KEY 的长度",
    40027: "微信不接受子菜单网址的长度",
    40054: "微信不接受子菜单网址的域名",
    40055: "微信不接受按钮网址的域名",
    45009: "今天调用微信接口的次数已用完，请明天再试",
    45056: "公众号的标签已有 100 个，不能再建新的",
    45057: "标签下的粉丝太多，微信不允许此操作",
    45157: "微信不接受这个标签名",
    45158: "标签名太长",
    45159: "标签不存在",
    48001: "公众号没有这个接口的权限（个性化菜单需要已认证的公众号）",
    50002: "公众号的接口已被微信限制",
    65303: "还没有默认菜单，不能建个性化菜单",
    65305: "个性化菜单缺少匹配条件",
    65318: "个性化菜单里的域名超过 3 个",
    65320: "微信不支持这个匹配条件",
}


@dataclass(frozen=True)
class Conditional:
    """A conditional menu (个性化菜单) at WeChat; `tag` is empty if the tag is gone."""

    menu_id: str
    tag_id: str
    tag: str
    buttons: list[Any]


@dataclass(frozen=True)
class Found:
    """What WeChat has; the conditional menus newest first."""

    default: list[Any] | None
    conditional: tuple[Conditional, ...]


def fetch(client: Any) -> Found:
    """Raises MenuUnavailable."""
    # Not `client.menu.get`: for it "no menu" and an answer of `null` are the same.
    try:
        answer = _asking(client.get, "menu/get")
    except MenuUnavailable as error:
        if error.facts.get("errcode") == _NO_MENU:
            return Found(None, ())
        raise
    rules = answer.get("conditionalmenu") or []
    names = {str(tag["id"]): str(tag["name"]) for tag in _tags(client)} if rules else {}
    return _read(lambda: Found(answer["menu"]["button"], tuple(_one(r, names) for r in rules)))


def publish(client: Any, documents: Documents, mall: str, sent: list[str]) -> None:
    """Make these WeChat's only menus; `sent` grows by each document that it took.

    New conditional menus are added before old ones go: the newest wins, so nobody
    falls back to the default menu in between. Raises MenuUnavailable.
    """
    tag_ids = _tag_ids(client, documents)
    old = fetch(client).conditional
    _sending(DEFAULT, sent, client.menu.create, _body(documents, DEFAULT, mall))
    for name in sorted(documents.keys() - {DEFAULT}):
        body = _body(documents, name, mall)
        body["matchrule"] = {"tag_id": tag_ids[menu_documents.tag_of(documents[name])]}
        _sending(name, sent, client.menu.add_conditional, body)
    for menu in old:
        _remove(client, menu)


def _remove(client: Any, menu: Conditional) -> None:
    try:
        _asking(client.menu.del_conditional, menu.menu_id)
    except MenuUnavailable as error:
        if error.facts.get("errcode") == _GONE_ALREADY:
            return
        raise MenuUnavailable(
            f"新菜单已发布，但旧的个性化菜单没有删完，可以直接重试：{error.message}",
            **error.facts,
        ) from error


def _body(documents: Documents, name: str, mall: str) -> dict[str, Any]:
    return {"button": menu_documents.for_wechat(documents[name]["button"], mall)}


def _tag_ids(client: Any, documents: Documents) -> dict[str, str]:
    """The id of every tag that the documents name; missing tags are made."""
    wanted = {menu_documents.tag_of(d) for name, d in documents.items() if name != DEFAULT}
    if not wanted:
        return {}
    found = {str(tag["name"]): str(tag["id"]) for tag in _tags(client)}
    for name in sorted(wanted - found.keys()):
        found[name] = _tag_id(_asking(client.tag.create, name))
    return found


def _tag_id(made: dict[str, Any]) -> str:
    return str(_read(lambda: made["id"]))


def _tags(client: Any) -> list[dict[str, Any]]:
    found = _asking(client.tag.get, shape=list)
    return _read(lambda: [{"id": tag["id"], "name": tag["name"]} for tag in found])


def _one(rule: dict[str, Any], names: dict[str, str]) -> Conditional:
    # Older menus are shown with `group_id`, the former name of a tag's id.
    given = rule.get("matchrule") or {}
    tag_id = str(given.get("tag_id") or given.get("group_id") or "")
    return Conditional(str(rule["menuid"]), tag_id, names.get(tag_id, ""), rule["button"])


def _sending(name: str, sent: list[str], call: Callable[[Any], Any], body: Any) -> None:
    try:
        _asking(call, body)
    except MenuUnavailable as error:
        already = f"（已发布：{'、'.join(sent)}；其余未变，可以直接重试）" if sent else ""
        raise MenuUnavailable(f"{name}：{error.message}{already}", **error.facts) from error
    sent.append(name)


def _asking(call: Callable[..., Any], *given: Any, shape: type = dict) -> Any:
    try:
        with transport.deadline():
            answer = call(*given)
    except WeChatClientException as error:
        log.warning("wechat_refused", errcode=error.errcode)
        if error.errcode is None:
            raise MenuUnavailable() from error
        said = _WORDS.get(error.errcode, f"微信拒绝了请求（{error.errmsg}）")
        raise MenuUnavailable(f"{said}（错误码 {error.errcode}）", errcode=error.errcode) from error
    except (
        requests.RequestException,
        *(ValueError, KeyError, TypeError, AttributeError, TimeoutError),
    ) as error:
        log.warning("wechat_unavailable", error=type(error).__name__)
        raise MenuUnavailable() from error
    # wechatpy hands on whatever is not JSON, a proxy's page for one, as if it were well.
    if not isinstance(answer, shape):
        log.warning("wechat_unavailable", error="not an answer")
        raise MenuUnavailable()
    return answer


def _read(take: Callable[[], Any]) -> Any:
    try:
        return take()
    except (KeyError, TypeError, AttributeError) as error:
        raise MenuUnavailable("微信的答复无法读懂，请稍后再试") from error
