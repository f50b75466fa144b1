"""Menus as JSON in WeChat's own schema, with `{mall}` for our address.

A folder holds `default.json`, the menu of everybody, and any number of
conditional ones, each for the followers with a tag: `"matchrule": {"tag": NAME}`.

Source: wechat.md, section 6 (limits in bytes of UTF-8).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from app.core.errors import InvalidInput

Document = dict[str, Any]
Documents = dict[str, Document]

DEFAULT = "default.json"
BUTTONS_MAX = 3
SUB_BUTTONS_MAX = 5
NAME_BYTES_MAX = 16
SUB_NAME_BYTES_MAX = 60
KEY_BYTES_MAX = 128
URL_BYTES_MAX = 1024
TAG_BYTES_MAX = 30
# Of one conditional menu, all its buttons together.
LINK_HOSTS_MAX = 3

KEY_TYPES = (
    "click",
    "scancode_push",
    "scancode_waitmsg",
    "pic_sysphoto",
    "pic_photo_or_album",
    "pic_weixin",
    "location_select",
)
# What a button of each type must carry, and nothing else besides.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "view": ("url",),
    "miniprogram": ("url", "appid", "pagepath"),
    **dict.fromkeys(KEY_TYPES, ("key",)),
    "media_id": ("media_id",),
    "view_limited": ("media_id",),
    "article_id": ("article_id",),
    "article_view_limited": ("article_id",),
}
# The one field of each type that says what the button does.
VALUE_FIELDS: Mapping[str, str] = {kind: fields[0] for kind, fields in FIELDS.items()}

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
_URL = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~\[\]]+")
_APP_ID = re.compile(r"wx[0-9a-f]{16}")
_LABELS = {
    "url": "网址",
    "key": "KEY",
    "appid": "小程序 AppID",
    "pagepath": "小程序页面路径",
    "media_id": "素材 ID",
    "article_id": "文章 ID",
}


@dataclass(frozen=True)
class Rules:
    """Where menus may lead: the mall's address, and other hosts that were allowed."""

    mall: str
    hosts: frozenset[str] = frozenset()


# --- folders -----------------------------------------------------------------------


def read_hosts(file: Path) -> frozenset[str]:
    """Hosts of a list with one a line; `#` begins a comment. None without the file."""
    if not file.is_file():
        return frozenset()
    lines = file.read_text(encoding="utf-8").splitlines()
    return frozenset(host for line in lines if (host := line.partition("#")[0].strip().lower()))


def read(folder: Path, rules: Rules) -> Documents:
    """All menus of a folder, checked. Raises InvalidInput with `file: path`."""
    documents: Documents = {}
    for file in sorted(folder.glob("*.json")):
        try:
            documents[file.name] = json.loads(file.read_text(encoding="utf-8"))
        except OSError:
            raise InvalidInput(file.name, "文件无法读取") from None
        except UnicodeDecodeError:
            raise InvalidInput(file.name, "文件不是 UTF-8 编码") from None
        except (ValueError, RecursionError) as error:
            line = f"（第 {error.lineno} 行）" if isinstance(error, json.JSONDecodeError) else ""
            raise InvalidInput(file.name, f"不是正确的 JSON{line}") from None
    check(documents, rules)
    return with_placeholder(documents, rules.mall)


def read_loosely(folder: Path) -> Documents:
    """The menus of a folder as far as they can be read, to know their names and tags."""
    documents: Documents = {}
    for file in sorted(folder.glob("*.json")):
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(found, dict) and "button" in found:
            documents[file.name] = found
    return documents


def write(folder: Path, documents: Documents) -> tuple[list[str], list[str]]:
    """Make the folder hold these menus; the files that were written, and removed.

    Files that are no menu are left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stale = sorted(read_loosely(folder).keys() - documents.keys())
    for name, document in documents.items():
        text = json.dumps(document, ensure_ascii=False, indent=2)
        (folder / name).write_text(f"{text}\n", encoding="utf-8")
    for name in stale:
        (folder / name).unlink()
    return sorted(documents), stale


def tag_of(document: Document) -> str:
    """The tag that a conditional menu is for; empty if it names none."""
    rule = document.get("matchrule")
    tag = rule.get("tag") if isinstance(rule, dict) else None
    return tag if isinstance(tag, str) else ""


def file_for(tag: str, known: Documents) -> str:
    """The file of the menu for this tag: the known one, else a new name."""
    for name, document in known.items():
        if name != DEFAULT and tag_of(document) == tag:
            return name
    # A tag may be anything; a file name may not. The code keeps two tags apart.
    plain = re.sub(r"[^\w-]", "", tag)
    return f"tag-{plain}.json" if plain == tag else f"tag-{tag.encode().hex()}.json"


# --- checking ----------------------------------------------------------------------


def check(documents: Documents, rules: Rules) -> None:
    """Raises InvalidInput for the first thing that we or WeChat would not take."""
    if DEFAULT not in documents:
        raise InvalidInput(DEFAULT, "缺少默认菜单")
    tags: dict[str, str] = {}
    for name, document in documents.items():
        _check_document(name, document, rules)
        if name == DEFAULT:
            continue
        tag = tag_of(document)
        if tag in tags:
            raise InvalidInput(
                f"{name}: matchrule.tag", f"标签“{tag}”已有个性化菜单（{tags[tag]}）"
            )
        tags[tag] = name


def _check_document(name: str, document: Any, rules: Rules) -> None:
    if not isinstance(document, dict):
        raise InvalidInput(name, "菜单应是一个 JSON 对象")
    wanted = {"button"} if name == DEFAULT else {"button", "matchrule"}
    if unknown := sorted(document.keys() - wanted):
        what = "默认菜单不能有匹配条件" if unknown == ["matchrule"] else "不认识的字段"
        raise InvalidInput(f"{name}: {unknown[0]}", what)
    buttons = document.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= BUTTONS_MAX:
        raise InvalidInput(f"{name}: button", f"一级菜单应为 1 到 {BUTTONS_MAX} 个")
    for index, button in enumerate(buttons):
        _check_button(f"{name}: button[{index}]", button, rules)
    if name == DEFAULT:
        return
    _check_rule(f"{name}: matchrule", document.get("matchrule"))
    hosts = {urlsplit(url).netloc for url in _urls(for_wechat(buttons, rules.mall))}
    if len(hosts) > LINK_HOSTS_MAX:
        raise InvalidInput(f"{name}: button", f"个性化菜单里的域名最多 {LINK_HOSTS_MAX} 个")


def _check_rule(path: str, rule: Any) -> None:
    if not isinstance(rule, dict) or not rule:
        raise InvalidInput(path, "个性化菜单需要匹配条件，例如标签“分销员”")
    if unknown := sorted(rule.keys() - {"tag"}):
        raise InvalidInput(f"{path}.{unknown[0]}", "匹配条件只支持标签（tag），填标签的名称")
    tag = _text(f"{path}.tag", rule["tag"], "标签名", TAG_BYTES_MAX)
    if tag != tag.strip():
        raise InvalidInput(f"{path}.tag", "标签名前后不能有空格")


def _check_button(path: str, button: Any, rules: Rules) -> None:
    if not isinstance(button, dict):
        raise InvalidInput(path, "按钮应是一个 JSON 对象")
    _text(f"{path}.name", button.get("name"), "名称", NAME_BYTES_MAX)
    if "sub_button" not in button:
        _check_action(path, button, rules)
        return
    if unknown := sorted(button.keys() - {"name", "sub_button"}):
        raise InvalidInput(f"{path}.{unknown[0]}", "有子菜单的一级菜单只能有名称")
    children = button["sub_button"]
    if not isinstance(children, list) or not 1 <= len(children) <= SUB_BUTTONS_MAX:
        raise InvalidInput(f"{path}.sub_button", f"子菜单应为 1 到 {SUB_BUTTONS_MAX} 个")
    for index, child in enumerate(children):
        at = f"{path}.sub_button[{index}]"
        if not isinstance(child, dict):
            raise InvalidInput(at, "按钮应是一个 JSON 对象")
        if "sub_button" in child:
            raise InvalidInput(f"{at}.sub_button", "子菜单下不能再有子菜单")
        _text(f"{at}.name", child.get("name"), "名称", SUB_NAME_BYTES_MAX)
        _check_action(at, child, rules)


def _check_action(path: str, button: Document, rules: Rules) -> None:
    kind = button.get("type")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise InvalidInput(f"{path}.type", "按钮类型不正确")
    if unknown := sorted(button.keys() - {"type", "name", *FIELDS[kind]}):
        raise InvalidInput(f"{path}.{unknown[0]}", "这种类型的按钮没有这个字段")
    for field in FIELDS[kind]:
        at = f"{path}.{field}"
        value = button.get(field)
        if field == "url":
            _check_url(at, value, rules)
            continue
        limit = KEY_BYTES_MAX if field == "key" else URL_BYTES_MAX
        text = _text(at, value, _LABELS[field], limit)
        if field == "appid" and not _APP_ID.fullmatch(text):
            raise InvalidInput(at, "小程序 AppID 应为 wx 开头的 18 位")


def _check_url(path: str, value: Any, rules: Rules) -> None:
    # The address stands for itself at the beginning only: anywhere else it is a mistake.
    given = _text(path, value, "网址", URL_BYTES_MAX * 2)
    url = _with_address(given, rules.mall)
    if len(url.encode()) > URL_BYTES_MAX:
        raise InvalidInput(path, f"网址最多 {URL_BYTES_MAX} 字节，现在 {len(url.encode())} 字节")
    if not _URL.fullmatch(url):
        raise InvalidInput(path, "网址里有空格、中文或不允许的符号，请先编码")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidInput(path, "网址格式不正确") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(path, "网址应以 https:// 开头；商城自己的页面写 {mall}/…")
    if not _is_allowed(parts, rules):
        raise InvalidInput(path, f"不能指向 {parts.netloc}：只能是商城的页面或允许的域名")


def _is_allowed(parts: SplitResult, rules: Rules) -> bool:
    ours = urlsplit(rules.mall)
    if (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc):
        return True
    # The whole netloc: neither a user nor another port gets by.
    return parts.netloc.lower() in rules.hosts


def _text(path: str, value: Any, label: str, bytes_max: int) -> str:
    if not isinstance(value, str) or not value.strip():
        gap = " " if label[0].isascii() else ""
        raise InvalidInput(path, f"请填写{gap}{label}")
    if _CONTROL.search(value):
        raise InvalidInput(path, f"{label}里不能有换行等控制字符")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidInput(path, f"{label}里有无法识别的字符") from None
    if size > bytes_max:
        room = f"（约 {bytes_max // 3} 个汉字）" if label in ("名称", "标签名") else ""
        raise InvalidInput(path, f"{label}最多 {bytes_max} 字节{room}，现在 {size} 字节")
    return value


# --- to and from WeChat ------------------------------------------------------------


def for_wechat(buttons: list[Document], mall: str) -> list[Document]:
    """Buttons as WeChat wants them, with our address in place."""
    return [_each_url(button, lambda url: _with_address(url, mall)) for button in buttons]


def from_wechat(buttons: list[Document], mall: str) -> Document:
    """WeChat's buttons as our document, with `{mall}` for our address."""
    return {"button": [_each_url(_trimmed(b), lambda url: _to_mall(url, mall)) for b in buttons]}


def with_placeholder(documents: Documents, mall: str) -> Documents:
    """Checked documents with `{mall}` also where the address was written out."""
    return {
        name: {**document, **from_wechat(document["button"], mall)}
        for name, document in documents.items()
    }


def _with_address(url: str, mall: str) -> str:
    return mall + url.removeprefix("{mall}") if url.startswith("{mall}") else url


def _to_mall(url: str, mall: str) -> str:
    rest = url.removeprefix(mall)
    return "{mall}" + rest if rest != url and (not rest or rest[0] in "/?#") else url


def _each_url(button: Document, change: Any) -> Document:
    made = dict(button)
    if isinstance(made.get("url"), str):
        made["url"] = change(made["url"])
    if made.get("sub_button"):
        made["sub_button"] = [_each_url(child, change) for child in made["sub_button"]]
    return made


def _trimmed(button: Document) -> Document:
    """A button without the empty list of children that WeChat adds to each."""
    made = {key: value for key, value in button.items() if key != "sub_button" or value}
    if "sub_button" in made:
        made["sub_button"] = [_trimmed(child) for child in made["sub_button"]]
    return made


def _urls(buttons: list[Document]) -> Iterator[str]:
    for button in buttons:
        if "url" in button:
            yield button["url"]
        yield from _urls(button.get("sub_button", []))


# --- comparing ---------------------------------------------------------------------


def differences(here: Documents, there: Documents) -> list[str]:
    """What differs between ours and WeChat's, a line each; names must correspond."""
    lines: list[str] = []
    for name in sorted(here.keys() | there.keys()):
        if name not in there:
            lines.append(f"{name}: 微信上没有")
        elif name not in here:
            lines.append(f"{name}: 只在微信上有")
        else:
            lines += _differences(f"{name}: ", here[name], there[name])
    return lines


def _differences(path: str, here: Any, there: Any) -> Iterator[str]:
    if isinstance(here, dict) and isinstance(there, dict):
        for key in sorted(here.keys() | there.keys()):
            dot = "" if path.endswith(": ") else "."
            yield from _differences(f"{path}{dot}{key}", here.get(key), there.get(key))
    elif isinstance(here, list) and isinstance(there, list):
        for index in range(max(len(here), len(there))):
            yield from _differences(
                f"{path}[{index}]",
                here[index] if index < len(here) else None,
                there[index] if index < len(there) else None,
            )
    elif here != there:
        yield f"{path}: 本地 {_shown(here)}，微信 {_shown(there)}"


def _shown(value: Any) -> str:
    return "无" if value is None else json.dumps(value, ensure_ascii=False)
