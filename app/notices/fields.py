"""WeChat's typed fields (模板字段): what each takes, and cutting values to it.

Source: wechat.md, section 7; a value over a limit is refused with 47003.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.core import clock
from app.core.money import plain_yuan
from app.notices.errors import TemplateUnfit
from app.notices.kinds import ValueType

T = ValueType
_KEY = re.compile(r"([a-z_]+?)(\d{1,3})", re.ASCII)
_NOT_HAN = re.compile(r"[^\u4e00-\u9fff]")
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")
# WeChat refuses an empty value.
NOTHING = "无"


@dataclass(frozen=True)
class FieldKind:
    """One type of field: its name for people, what it takes, and its limit."""

    title: str
    takes: frozenset[ValueType]
    longest: int
    pattern: str = r"(?s).+"
    hint: str = ""


_ANY = frozenset(ValueType)
FIELDS: Mapping[str, FieldKind] = {
    "thing": FieldKind("事物", _ANY, 20, hint="最多 20 个字"),
    "phrase": FieldKind("短语", frozenset({T.PHRASE}), 5, r"[\u4e00-\u9fff]{1,5}", "最多 5 个汉字"),
    "character_string": FieldKind(
        "字符串",
        frozenset({T.CODE, T.COUNT, T.AMOUNT, T.TIME}),
        32,
        r"[\x20-\x7e]{1,32}",
        "最多 32 个数字、字母或符号",
    ),
    "number": FieldKind(
        "数字", frozenset({T.COUNT, T.AMOUNT}), 32, r"-?\d{1,32}(\.\d{1,10})?", "只能是数字"
    ),
    "letter": FieldKind("字母", frozenset(), 32, r"[A-Za-z]{1,32}", "最多 32 个字母"),
    "symbol": FieldKind("符号", frozenset(), 5, r".{1,5}", "最多 5 个符号"),
    "amount": FieldKind(
        "金额", frozenset({T.AMOUNT}), 16, r"[¥￥$€£]?-?\d{1,10}(\.\d{1,2})?元?", "例如 ¥12.50"
    ),
    "time": FieldKind("时间", frozenset({T.TIME}), 40, hint="例如 2026年11月21日 18:05"),
    "date": FieldKind("日期", frozenset({T.TIME}), 40, hint="例如 2026年11月21日 18:05"),
    "name": FieldKind("姓名", frozenset({T.TEXT}), 10, hint="最多 10 个字"),
    "const": FieldKind("常量", frozenset({T.PHRASE}), 20, hint="须与模板的可选值一致"),
    "phone_number": FieldKind("电话", frozenset(), 17, r"[\d+()\- ]{1,17}", "电话号码"),
    "car_number": FieldKind("车牌", frozenset(), 8, r".{1,8}", "车牌号"),
}


def field_kind(key: str) -> FieldKind | None:
    """The type of a template's field such as `thing1`; None for one we do not know."""
    found = _KEY.fullmatch(key)
    return FIELDS.get(found[1]) if found else None


def check(key: str, value_type: ValueType) -> None:
    """Raises TemplateUnfit, naming the field, unless it may take such a value."""
    kind = field_kind(key)
    if kind is None:
        raise TemplateUnfit(f"field-{key}", f"{key} 不是微信的字段类型，请检查模板")
    if value_type not in kind.takes:
        raise TemplateUnfit(f"field-{key}", f"{key} 是{kind.title}字段，放不下这一项，请另选")


def check_fixed(key: str, text: str) -> None:
    """Raises TemplateUnfit, naming the field, unless it may take this fixed text."""
    kind = field_kind(key)
    if kind is None:
        raise TemplateUnfit(f"field-{key}", f"{key} 不是微信的字段类型，请检查模板")
    if not text.strip():
        raise TemplateUnfit(f"field-{key}", f"请填写 {key} 的固定文字")
    if len(text) > kind.longest or not re.fullmatch(kind.pattern, text):
        raise TemplateUnfit(f"field-{key}", f"{key} 的固定文字不合要求：{kind.hint}")


def fit(key: str, value_type: ValueType, value: str | int) -> str:
    """`value` as this field takes it, cut to WeChat's length, never empty.

    Raises TemplateUnfit for a field that takes no such value.
    """
    check(key, value_type)
    name = key.rstrip("0123456789")
    match value_type:
        case T.AMOUNT:
            plain = plain_yuan(int(value))
            return plain if name in ("number", "character_string") else f"¥{plain}"
        case T.TIME:
            at = clock.local(clock.parse(str(value)))
            if name == "character_string":
                return at.strftime("%Y-%m-%d %H:%M")
            return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}"
    text = " ".join(str(value).split())
    if name == "phrase":
        text = _NOT_HAN.sub("", text)[:5]
    elif name == "character_string":
        text = _NOT_ASCII.sub("", text)
        # Cutting a number of ours would make it another one; "-" is honest.
        return text[:32] or "-"
    return cut(text, FIELDS[name].longest) or NOTHING


def cut(text: str, longest: int) -> str:
    """`text` within `longest` characters, with an ellipsis where something went."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
