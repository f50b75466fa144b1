"""The demo's home page: a block of every kind, with pictures drawn here."""

from datetime import datetime
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from app import audit, catalog, content
from app.catalog import RowRule
from app.content import (
    Banner,
    BlockInput,
    Categories,
    Line,
    Notice,
    Picture,
    Pictures,
    Places,
    Products,
)

# Name, size, ground, shape, its shade, what it is said to show.
_DRAWN = (
    ("home-tea", (960, 410), "#dfeadf", "#6f9d6a", "#3f6b45", "春茶上新：高山云雾绿茶"),
    ("home-cup", (960, 410), "#e3e9f2", "#6c8ebf", "#33507a", "手作杯壶，一杯一花纹"),
    ("home-camp", (960, 410), "#f3e8d8", "#d3a469", "#8c6534", "周末去露营"),
    ("home-gift", (960, 320), "#f6e4e6", "#d78a94", "#8d4650", "送礼专区"),
    ("home-desk", (480, 480), "#ece5de", "#8b6b4d", "#4e3925", "办公室好物"),
    ("home-baby", (480, 480), "#e9f1f7", "#9cc3e0", "#4d7fa3", "母婴精选"),
    ("home-a", (480, 480), "#f0ead9", "#c5a467", "#866633", "厨房"),
    ("home-b", (480, 480), "#e7ecdf", "#8aa07a", "#4d5f41", "文具"),
    ("home-c", (480, 480), "#e6eaee", "#8796a5", "#475463", "户外"),
    ("home-d", (480, 480), "#f3efe6", "#d9cbb0", "#8f8263", "家居"),
)


def draw(media: Path) -> None:
    """Draw the pictures and store them as an upload would be."""
    for name, size, ground, body, dark, _ in _DRAWN:
        catalog.media.save(_landscape(size, ground, body, dark), media, name)


def publish(ids: dict[str, int], now: datetime, by: audit.Actor) -> None:
    """Compose the draft and publish it; `ids` are the categories by name."""
    # The demo leads to its own pages only; they are known to be there.
    places = Places("", frozenset(), lambda _path: True)
    for given in _blocks(ids):
        content.save(None, given, places=places, actor=by, now=now)
    content.publish(places=places, actor=by, now=now, note="演示首页")


def _blocks(ids: dict[str, int]) -> list[BlockInput]:
    return [
        BlockInput(
            Banner(
                (
                    _picture("home-tea", f"/category?id={ids['茶饮']}"),
                    _picture("home-cup", f"/category?id={ids['杯壶']}"),
                    _picture("home-camp", "/search?q=%E9%9C%B2%E8%90%A5"),
                )
            ),
            "春季主推",
        ),
        BlockInput(
            Notice(
                (
                    Line("全场满 99 元包邮，新疆、西藏除外", "/help"),
                    Line("七天无理由退货，放心选购"),
                )
            ),
        ),
        BlockInput(Categories()),
        BlockInput(Pictures(1, (_picture("home-gift", "/search?q=%E9%80%81%E7%A4%BC"),))),
        BlockInput(Products(RowRule.NEW.value, limit=8, look="strip"), "新品上架"),
        BlockInput(
            Pictures(
                2,
                (
                    _picture("home-desk", "/search?q=%E5%8A%9E%E5%85%AC%E5%AE%A4"),
                    _picture("home-baby", f"/category?id={ids['母婴']}"),
                ),
            ),
            "为你精选",
        ),
        BlockInput(Products(RowRule.TAG.value, tag="送礼", limit=8, look="strip"), "送礼有面子"),
        BlockInput(
            Products(RowRule.CATEGORY.value, category_id=ids["茶饮"], limit=4), "来一杯好茶"
        ),
        BlockInput(
            Pictures(
                4,
                (
                    _picture("home-a", f"/category?id={ids['厨房']}"),
                    _picture("home-b", f"/category?id={ids['文具']}"),
                    _picture("home-c", f"/category?id={ids['户外']}"),
                    _picture("home-d", f"/category?id={ids['家居']}"),
                ),
            ),
            "逛逛其他",
        ),
        BlockInput(Products(RowRule.SOLD.value, limit=10), "大家都在买"),
    ]


def _picture(name: str, link: str) -> Picture:
    width, height = next(row[1] for row in _DRAWN if row[0] == name)
    alt = next(row[5] for row in _DRAWN if row[0] == name)
    return Picture(f"{catalog.media.FOLDER}/{name}.jpg", width, height, alt, link)


def _landscape(size: tuple[int, int], ground: str, body: str, dark: str) -> Image.Image:
    """Soft hills under a round sun: quiet enough to stand behind nothing at all."""
    width, height = size
    picture = Image.new("RGB", size, ground)
    glow = Image.new("RGB", size, ground)
    pen = ImageDraw.Draw(glow)
    sun = height // 3
    pen.ellipse(
        (width * 2 // 3, height // 6, width * 2 // 3 + sun, height // 6 + sun), fill="white"
    )
    picture = Image.blend(picture, glow.filter(ImageFilter.GaussianBlur(6)), 0.9)
    pen = ImageDraw.Draw(picture)
    for left, top, colour in ((-0.3, 0.62, body), (0.35, 0.7, dark), (-0.1, 0.84, body)):
        x, y = int(width * left), int(height * top)
        pen.ellipse((x, y, x + width, y + height), fill=colour)
    return picture
