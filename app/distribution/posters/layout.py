"""What a poster looks like (海报版式): a ground and parts, in pixels of 750 x 1334."""

import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.core.errors import DomainError

WIDTH, HEIGHT = 750, 1334
# A phone held at arm's length reads no less; reference/look.md, "Posters".
QR_MIN = 240
PARTS_MAX = 24
TEXT_MAX = 60
SIZE_MIN, SIZE_MAX = 16, 120
LINES_MAX = 4
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_OWN_PICTURE = re.compile(r"p/[0-9a-f]{24}\.jpg", re.ASCII)


class Audience(enum.StrEnum):
    """What a poster is about."""

    MEMBER = "member"  # a distributor invites to the shop (个人海报)
    PRODUCT = "product"  # a distributor recommends one product (商品海报)


class CodeKind(enum.StrEnum):
    """Where the code leads."""

    LINK = "link"  # the mall, or the product, in the browser
    ACCOUNT = "account"  # the official account, with the distributor's scene


class PartKind(enum.StrEnum):
    AVATAR = "avatar"
    NAME = "name"
    QR = "qr"
    PICTURE = "picture"  # the product's
    TITLE = "title"  # the product's
    PRICE = "price"
    TEXT = "text"
    PANEL = "panel"  # a plain area


# What is drawn last, upon all else: it differs from person to person.
PERSONAL = frozenset({PartKind.AVATAR, PartKind.NAME, PartKind.QR})
OF_PRODUCT = frozenset({PartKind.PICTURE, PartKind.TITLE, PartKind.PRICE})
WRITTEN = frozenset({PartKind.NAME, PartKind.TITLE, PartKind.PRICE, PartKind.TEXT})
ALIGNS = ("left", "center", "right")
NAMES = {
    PartKind.AVATAR: "头像",
    PartKind.NAME: "昵称",
    PartKind.QR: "二维码",
    PartKind.PICTURE: "商品图",
    PartKind.TITLE: "商品名称",
    PartKind.PRICE: "价格",
    PartKind.TEXT: "文字",
    PartKind.PANEL: "色块",
}


class InvalidLayout(DomainError):
    """A template cannot be saved; `errors` has a message for each field."""

    code = "invalid_layout"
    status = 422
    message = "海报模板还有需要改正的地方"

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__()
        self.errors = errors


@dataclass(frozen=True)
class Part:
    """One thing on a poster. `size` is the height of letters, `radius` rounds corners.

    `text` is what a TEXT says, and for a NAME the words around it; `{name}` and
    `{shop}` stand for the distributor and the shop.
    """

    kind: PartKind
    x: int
    y: int
    w: int
    h: int
    size: int = 32
    colour: str = "#1A1A1A"
    align: str = "left"
    text: str = ""
    lines: int = 1
    is_bold: bool = False
    radius: int = 0


@dataclass(frozen=True)
class Layout:
    """A whole poster. `picture` is a path below the media folder, empty for none."""

    audience: Audience
    colour: str
    parts: tuple[Part, ...]
    picture: str = ""
    code: CodeKind = CodeKind.LINK


def write(layout: Layout) -> dict[str, Any]:
    """As JSON that `read` understands."""
    return asdict(layout)


def read(stored: dict[str, Any]) -> Layout:
    """A layout as it was stored. Raises KeyError, TypeError, ValueError for nonsense."""
    parts = tuple(Part(**{**part, "kind": PartKind(part["kind"])}) for part in stored["parts"])
    return Layout(
        Audience(stored["audience"]),
        stored["colour"],
        parts,
        stored["picture"],
        CodeKind(stored["code"]),
    )


def faults(layout: Layout) -> dict[str, str]:
    """What is wrong with a layout; `part-3` is the fourth part."""
    errors: dict[str, str] = {}
    if not _COLOUR.fullmatch(layout.colour):
        errors["colour"] = "背景色应为 #RRGGBB，例如 #FFFFFF"
    if layout.picture and not _OWN_PICTURE.fullmatch(layout.picture):
        errors["picture"] = "背景图无效，请重新上传"
    if not 1 <= len(layout.parts) <= PARTS_MAX:
        errors["parts"] = f"请放 1 到 {PARTS_MAX} 个元素"
    codes = sum(part.kind is PartKind.QR for part in layout.parts)
    if codes != 1:
        errors["parts"] = "海报上要有且只有一个二维码"
    for at, part in enumerate(layout.parts):
        found = next(_part_faults(part, layout.audience), "")
        if found:
            errors[f"part-{at}"] = f"{NAMES[part.kind]}：{found}"
    return errors


def _part_faults(part: Part, audience: Audience) -> Iterator[str]:
    if audience is Audience.MEMBER and part.kind in OF_PRODUCT:
        yield "个人海报上没有商品，请删除"
    if part.w < 1 or part.h < 1:
        yield "宽和高应大于 0"
    if part.x < 0 or part.y < 0 or part.x + part.w > WIDTH or part.y + part.h > HEIGHT:
        yield f"超出了海报（{WIDTH}×{HEIGHT}）"
    if part.kind is PartKind.QR and min(part.w, part.h) < QR_MIN:
        yield f"不能小于 {QR_MIN}×{QR_MIN}，否则手机可能扫不出"
    if not _COLOUR.fullmatch(part.colour):
        yield "颜色应为 #RRGGBB，例如 #1A1A1A"
    if not 0 <= part.radius <= WIDTH:
        yield f"圆角应为 0 到 {WIDTH}"
    if part.kind in WRITTEN:
        yield from _letter_faults(part)


def _letter_faults(part: Part) -> Iterator[str]:
    if not SIZE_MIN <= part.size <= SIZE_MAX:
        yield f"字号应为 {SIZE_MIN} 到 {SIZE_MAX}"
    if not 1 <= part.lines <= LINES_MAX:
        yield f"行数应为 1 到 {LINES_MAX}"
    if part.align not in ALIGNS:
        yield "对齐方式不在可选范围内"
    if part.kind is PartKind.TEXT and not part.text.strip():
        yield "请填写文字"
    if len(part.text) > TEXT_MAX:
        yield f"文字最多 {TEXT_MAX} 个字"


def covered_code(parts: Sequence[Part]) -> bool:
    """Whether an avatar or a name lies upon the code, which nobody could scan then."""
    code = next((part for part in parts if part.kind is PartKind.QR), None)
    return code is not None and any(
        part.kind in PERSONAL
        and part is not code
        and part.x < code.x + code.w
        and code.x < part.x + part.w
        and part.y < code.y + code.h
        and code.y < part.y + part.h
        for part in parts
    )
