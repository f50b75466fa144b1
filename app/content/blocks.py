"""The kinds of blocks of the home page (首页模块), their content, and what it must be.

Content is stored as JSON and read back as the dataclass of its kind; nothing
else looks into the JSON. Faults name the field they stand at, in Chinese.
"""

import enum
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.catalog import RowRule
from app.content.links import Places

SLIDES_MAX, LINES_MAX, CATEGORIES_MAX, HAND_MAX, PICTURES_MAX = 8, 5, 10, 20, 12
LIMIT_MIN, LIMIT_MAX = 2, 20
ALT_MAX, LINE_MAX, TAG_MAX = 40, 60, 12
_PATH = re.compile(r"p/[0-9a-z-]{1,60}\.jpg")


class Kind(enum.StrEnum):
    """What a block shows (模块类型)."""

    BANNER = "banner"
    NOTICE = "notice"
    CATEGORIES = "categories"
    PRODUCTS = "products"
    PICTURES = "pictures"


@dataclass(frozen=True)
class Picture:
    """A picture as `catalog.media` stored it; `alt` is read aloud to who cannot see it."""

    path: str
    width: int
    height: int
    alt: str = ""
    link: str = ""


@dataclass(frozen=True)
class Line:
    """A line of text that may lead somewhere."""

    text: str
    link: str = ""


@dataclass(frozen=True)
class Banner:
    """Pictures one after the other across the page (轮播图)."""

    slides: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Notice:
    """Lines that take turns beside a megaphone (公告)."""

    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Categories:
    """A grid of categories (分类导航); none chosen means the first ones of the shop."""

    category_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Products:
    """A row of products (商品橱窗); `look` is `grid`, two beside each other, or `strip`."""

    rule: str = RowRule.SOLD.value
    product_ids: tuple[int, ...] = ()
    category_id: int | None = None
    tag: str = ""
    limit: int = 6
    look: str = "grid"


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side (图片橱窗), `columns` in a row, each row full."""

    columns: int = 2
    pictures: tuple[Picture, ...] = ()


Content = Banner | Notice | Categories | Products | Pictures
LOOKS = ("grid", "strip")
COLUMNS = (1, 2, 3, 4)


def blank(kind: Kind) -> Content:
    """Content of a new block."""
    made: dict[Kind, Content] = {
        Kind.BANNER: Banner(),
        Kind.NOTICE: Notice(),
        Kind.CATEGORIES: Categories(),
        Kind.PRODUCTS: Products(),
        Kind.PICTURES: Pictures(),
    }
    return made[kind]


def kind_of(content: Content) -> Kind:
    kinds: dict[type, Kind] = {
        Banner: Kind.BANNER,
        Notice: Kind.NOTICE,
        Categories: Kind.CATEGORIES,
        Products: Kind.PRODUCTS,
        Pictures: Kind.PICTURES,
    }
    return kinds[type(content)]


def write(content: Content) -> dict[str, Any]:
    """Content as its column holds it: lists instead of tuples, so that it compares equal."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(content).items()
    }


def read(kind: Kind, raw: Mapping[str, Any]) -> Content:
    """Content as it was written. Only `write` makes such JSON, so nothing is forgiven."""
    readers: dict[Kind, Callable[[Mapping[str, Any]], Content]] = {
        Kind.BANNER: lambda data: Banner(tuple(Picture(**each) for each in data["slides"])),
        Kind.NOTICE: lambda data: Notice(tuple(Line(**each) for each in data["lines"])),
        Kind.CATEGORIES: lambda data: Categories(tuple(data["category_ids"])),
        Kind.PRODUCTS: lambda data: Products(**{**data, "product_ids": tuple(data["product_ids"])}),
        Kind.PICTURES: lambda data: Pictures(
            data["columns"], tuple(Picture(**each) for each in data["pictures"])
        ),
    }
    return readers[kind](raw)


# --- checking ----------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """What exists: categories and products that a block may name."""

    category_ids: frozenset[int]
    product_ids: frozenset[int]


def faults(content: Content, places: Places, known: Known) -> dict[str, str]:
    """What is wrong with a block's content, field by field; empty for a good one."""
    match content:
        case Banner():
            found = _picture_faults("slides", content.slides, SLIDES_MAX, places)
        case Notice():
            found = _line_faults(content, places)
        case Categories():
            found = _category_faults(content, known)
        case Products():
            found = _product_faults(content, known)
        case Pictures():
            found = _grid_faults(content, places)
    errors: dict[str, str] = {}
    for field, message in found:
        errors.setdefault(field, message)
    return errors


Fault = tuple[str, str]


def _picture_faults(
    field: str, pictures: tuple[Picture, ...], most: int, places: Places
) -> Iterator[Fault]:
    if not pictures:
        yield field, "请至少上传一张图片"
    if len(pictures) > most:
        yield field, f"最多 {most} 张图片"
    for number, picture in enumerate(pictures):
        at, label = f"{field}-{number}", f"第 {number + 1} 张图片："
        if not _PATH.fullmatch(picture.path) or not (
            0 < picture.width <= 10_000 and 0 < picture.height <= 10_000
        ):
            yield f"{at}-path", f"{label}请在这里重新上传"
        if not 1 <= len(picture.alt) <= ALT_MAX:
            yield (
                f"{at}-alt",
                f"{label}请填写说明，最多 {ALT_MAX} 个字，读屏软件会念给看不见图片的人",
            )
        if fault := places.fault(picture.link):
            yield f"{at}-link", f"{label}{fault}"


def _line_faults(content: Notice, places: Places) -> Iterator[Fault]:
    if not content.lines:
        yield "lines", "请至少填写一条公告"
    if len(content.lines) > LINES_MAX:
        yield "lines", f"最多 {LINES_MAX} 条公告"
    for number, line in enumerate(content.lines):
        if not 1 <= len(line.text) <= LINE_MAX:
            yield (
                f"lines-{number}-text",
                f"第 {number + 1} 条公告：请填写内容，最多 {LINE_MAX} 个字",
            )
        if fault := places.fault(line.link):
            yield f"lines-{number}-link", f"第 {number + 1} 条公告：{fault}"


def _category_faults(content: Categories, known: Known) -> Iterator[Fault]:
    if len(content.category_ids) > CATEGORIES_MAX:
        yield "category_ids", f"最多选 {CATEGORIES_MAX} 个分类"
    if not known.category_ids.issuperset(content.category_ids):
        yield "category_ids", "有分类已不存在，请重新选择"


def _product_faults(content: Products, known: Known) -> Iterator[Fault]:
    if content.rule not in list(RowRule):
        yield "rule", "请选择选品方式"
    if content.look not in LOOKS:
        yield "look", "请选择排列方式"
    if not LIMIT_MIN <= content.limit <= LIMIT_MAX:
        yield "limit", f"展示数量应在 {LIMIT_MIN} 到 {LIMIT_MAX} 之间"
    if content.rule == RowRule.HAND:
        if not content.product_ids:
            yield "product_ids", "请至少选一个商品"
        if len(content.product_ids) > HAND_MAX:
            yield "product_ids", f"最多选 {HAND_MAX} 个商品"
        if not known.product_ids.issuperset(content.product_ids):
            yield "product_ids", "有商品已不存在，请重新选择"
    if content.rule == RowRule.CATEGORY and content.category_id not in known.category_ids:
        yield "category_id", "请选择分类"
    if content.rule == RowRule.TAG and not 1 <= len(content.tag) <= TAG_MAX:
        yield "tag", f"请填写标签，最多 {TAG_MAX} 个字"


def _grid_faults(content: Pictures, places: Places) -> Iterator[Fault]:
    if content.columns not in COLUMNS:
        yield "columns", "请选择每行几张"
    yield from _picture_faults("pictures", content.pictures, PICTURES_MAX, places)
    if content.columns in COLUMNS and len(content.pictures) % content.columns:
        missing = content.columns - len(content.pictures) % content.columns
        yield "pictures", f"每行 {content.columns} 张，最后一行还差 {missing} 张"
