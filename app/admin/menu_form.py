"""The form of a menu of the official account: rows to buttons and back."""

import re
from dataclasses import dataclass, field

from app.core import web
from app.core.errors import DomainError, InvalidInput
from app.wechat import menus as account_menus
from app.wechat.menus import BUTTONS_MAX, SUB_BUTTONS_MAX, Document

# The name of a menu that is not stored yet.
NEW = "new"
_PATH = re.compile(r"button\[(\d)\](?:\.sub_button\[(\d)\])?\.(\w+)")


@dataclass
class _Row:
    """A button as the form has it; `value` is whatever its type needs."""

    name: str = ""
    kind: str = "view"
    value: str = ""
    appid: str = ""
    pagepath: str = ""

    @property
    def is_blank(self) -> bool:
        return not (self.name or self.value or self.appid or self.pagepath)

    @classmethod
    def typed(cls, prefix: str) -> "_Row":
        return cls(
            name=web.form_text(f"{prefix}.name").strip(),
            kind=web.form_text(f"{prefix}.type", 40) or "view",
            value=web.form_text(f"{prefix}.value", 1500).strip(),
            appid=web.form_text(f"{prefix}.appid", 40).strip(),
            pagepath=web.form_text(f"{prefix}.pagepath", 1500).strip(),
        )

    @classmethod
    def of(cls, button: Document) -> "_Row":
        kind = str(button.get("type", "view"))
        return cls(
            name=str(button.get("name", "")),
            kind=kind,
            value=short(str(button.get(account_menus.VALUE_FIELDS.get(kind, ""), ""))),
            appid=str(button.get("appid", "")),
            pagepath=str(button.get("pagepath", "")),
        )

    def button(self) -> Document:
        made: Document = {"type": self.kind, "name": self.name}
        attribute = account_menus.VALUE_FIELDS.get(self.kind)
        if attribute == "url":
            made["url"] = _long(self.value)
        elif attribute:
            made[attribute] = self.value
        if self.kind == "miniprogram":
            made |= {"appid": self.appid, "pagepath": self.pagepath}
        return made


@dataclass
class _Column:
    """A button of the bar with the rows of its sub-menu."""

    own: _Row = field(default_factory=_Row)
    subs: list[_Row] = field(default_factory=list)


@dataclass
class Form:
    """The whole form, blank rows included, so that it can be filled in without scripts."""

    columns: list[_Column]
    tag: str = ""

    @classmethod
    def typed(cls) -> "Form":
        """What was sent, without the gaps that blank rows leave."""
        columns = []
        for i in range(BUTTONS_MAX):
            subs = [_Row.typed(f"b{i}.s{j}") for j in range(SUB_BUTTONS_MAX)]
            column = _Column(_Row.typed(f"b{i}"), [row for row in subs if not row.is_blank])
            if column.subs or not column.own.is_blank:
                columns.append(column)
        return cls(_filled_up(columns), web.form_text("tag", 100).strip())

    @classmethod
    def of(cls, document: Document) -> "Form":
        columns = [
            _Column(_Row.of(button), [_Row.of(child) for child in button.get("sub_button", [])])
            for button in document.get("button", [])
        ]
        return cls(_filled_up(columns), account_menus.tag_of(document))

    def document(self, *, is_default: bool) -> Document:
        """The menu without the blank rows at the end."""
        buttons: list[Document] = []
        for column in self.columns:
            subs = [row.button() for row in column.subs if not row.is_blank]
            if subs:
                buttons.append({"name": column.own.name, "sub_button": subs})
            elif not column.own.is_blank:
                buttons.append(column.own.button())
        rule = {} if is_default else {"matchrule": {"tag": self.tag}}
        return {**rule, "button": buttons}


def _filled_up(columns: list[_Column]) -> list[_Column]:
    columns += [_Column() for _ in range(BUTTONS_MAX - len(columns))]
    for column in columns:
        column.subs += [_Row() for _ in range(SUB_BUTTONS_MAX - len(column.subs))]
    return columns


def field_of(error: DomainError, name: str) -> str:
    """The form's field for an error's path; empty if it stands at none of this menu's."""
    if not isinstance(error, InvalidInput) or not error.field:
        return ""
    if error.field == "note":
        return error.field
    file, _, path = error.field.rpartition(": ")
    if file != name and name != NEW:
        return ""
    if path == "matchrule.tag":
        return "tag"
    found = _PATH.fullmatch(path)
    if not found:
        return ""
    column, row, attribute = found.groups()
    at = f"b{column}" + (f".s{row}" if row else "")
    own = ("name", "type", "appid", "pagepath")
    return f"{at}.{attribute if attribute in own else 'value'}"


def short(value: str) -> str:
    """A page of ours as people write it: `/orders`."""
    return value.removeprefix("{mall}") if value.startswith("{mall}/") else value


def _long(value: str) -> str:
    return "{mall}" + value if value.startswith("/") and not value.startswith("//") else value
