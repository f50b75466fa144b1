"""What a page offers to send: its forms with what a browser would send, and its links."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from tests.admin.desk import PASSWORD

# What a person would type into a field that is still empty.
_TYPED = {
    "date": "2026-11-20",
    "datetime-local": "2026-11-20T10:00",
    "month": "2026-11",
    "number": "1",
    "tel": "13812345678",
    "email": "wang@example.com",
    "password": PASSWORD,
    "url": "https://mp.weixin.qq.com/s/abc",
    "color": "#E6432D",
}


@dataclass
class Form:
    """Where it leads, and the fields with what a browser would send now."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def names(self) -> frozenset[str]:
        return frozenset([name for name, _ in self.fields] + self.files)


class Page(HTMLParser):
    """Read with `feed`; then `forms` and `links` in the page's order."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._form: Form | None = None
        self._select: str = ""
        self._options: list[tuple[str, bool]] = []
        self._area: str | None = None
        self._text = ""

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attrs = {name: value or "" for name, value in given}
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        elif tag == "form":
            action = attrs.get("action") or attrs.get("hx-post") or self.address
            self._form = Form(action, attrs.get("method", "get").upper())
            self.forms.append(self._form)
        elif self._form is None or (not attrs.get("name") and tag != "option"):
            return
        elif tag == "select":
            self._select, self._options = attrs["name"], []
        elif tag == "option" and self._select:
            self._options.append((attrs.get("value", ""), "selected" in attrs))
        elif tag == "textarea":
            self._area, self._text = attrs["name"], ""
        elif tag in ("input", "button"):
            self._input(self._form, attrs, tag)

    def _input(self, form: Form, attrs: dict[str, str], tag: str) -> None:
        kind, name = attrs.get("type", "text"), attrs["name"]
        if kind == "file":
            form.files.append(name)
        elif kind in ("checkbox", "radio"):
            if "checked" in attrs or name not in form.names:
                form.fields.append((name, attrs.get("value", "on")))
        elif tag == "button" or kind == "submit":
            if name not in form.names:
                form.fields.append((name, attrs.get("value", "")))
        else:
            is_number = attrs.get("inputmode") in ("numeric", "decimal")
            typed = "1" if is_number else _TYPED.get(kind, "" if kind == "hidden" else "好茶")
            form.fields.append((name, attrs.get("value") or typed))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select" and self._select and self._form is not None:
            chosen = [value for value, is_chosen in self._options if is_chosen]
            first = [value for value, _ in self._options[:1]]
            self._form.fields += [(self._select, value) for value in chosen or first]
            self._select = ""
        elif tag == "textarea" and self._area is not None and self._form is not None:
            self._form.fields.append((self._area, self._text or "好茶"))
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._text += data
