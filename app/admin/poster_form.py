"""The poster editor's form: a template as it was typed, and as the service takes it."""

from dataclasses import dataclass, field

from flask import request

from app.core import web
from app.distribution.posters import Audience, CodeKind, Layout, Part, PartKind, PosterTemplate

_ROWS_MAX = 40
_NUMBERS = ("x", "y", "w", "h", "size", "lines", "radius")
_LABELS = {
    "x": "左边距",
    "y": "上边距",
    "w": "宽",
    "h": "高",
    "size": "字号",
    "lines": "行数",
    "radius": "圆角",
}
# What the button 添加 puts on the sheet.
FRESH = {
    PartKind.AVATAR: Part(PartKind.AVATAR, 60, 60, 96, 96),
    PartKind.NAME: Part(PartKind.NAME, 60, 180, 400, 48, size=34, text="{name}", is_bold=True),
    PartKind.QR: Part(PartKind.QR, 420, 980, 280, 280),
    PartKind.PICTURE: Part(PartKind.PICTURE, 60, 260, 630, 630),
    PartKind.TITLE: Part(PartKind.TITLE, 60, 910, 630, 92, size=34, lines=2),
    PartKind.PRICE: Part(
        PartKind.PRICE, 60, 1020, 340, 76, size=60, colour="#E6432D", is_bold=True
    ),
    PartKind.TEXT: Part(PartKind.TEXT, 60, 1120, 340, 48, size=32, text="新的文字"),
    PartKind.PANEL: Part(PartKind.PANEL, 60, 60, 300, 200, colour="#FFE3D6", radius=16),
}


@dataclass
class Form:
    """What was typed, and what is wrong with it so far."""

    name: str
    layout: Layout
    is_active: bool = True
    errors: dict[str, str] = field(default_factory=dict)


def of(row: PosterTemplate | None, name: str, layout: Layout) -> Form:
    return Form(name, layout, row.is_active if row else True)


def typed(audience: Audience | None = None) -> Form:
    """The request's form. A number that is none becomes 0 and an error of its part."""
    errors: dict[str, str] = {}
    given = web.form_text("audience", 20)
    if audience is None:
        audience = Audience(given) if given in list(Audience) else Audience.MEMBER
    code = web.form_text("code", 20)
    layout = Layout(
        audience,
        web.form_text("colour", 10).strip().upper(),
        _parts(errors),
        web.form_text("picture", 60).strip(),
        CodeKind(code) if code in list(CodeKind) else CodeKind.LINK,
    )
    return Form(
        web.form_text("name", 40).strip(), layout, web.form_text("is_active") == "1", errors
    )


def _parts(errors: dict[str, str]) -> tuple[Part, ...]:
    columns = {
        name: request.form.getlist(f"part_{name}")[:_ROWS_MAX]
        for name in ("kind", *_NUMBERS, "colour", "align", "text", "bold")
    }
    found: list[Part] = []
    for row in zip(*columns.values()):
        values = dict(zip(columns, row))
        if values["kind"] not in list(PartKind):
            continue
        numbers = {}
        for name in _NUMBERS:
            number = web.whole_number(values[name].strip()[:6])
            if number is None:
                errors[f"part-{len(found)}"] = f"{_LABELS[name]}应为 0 或正整数"
            numbers[name] = number or 0
        found.append(
            Part(
                PartKind(values["kind"]),
                **numbers,
                colour=values["colour"].strip()[:10].upper(),
                align=values["align"][:10],
                text=values["text"].replace("\x00", "")[:100].strip(),
                is_bold=values["bold"] == "1",
            )
        )
    return tuple(found)
