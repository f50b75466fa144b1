"""Composing posters (海报合成), quickly: reference/performance.md, "Posters"."""

import io
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import qrcode
import structlog
from PIL import Image, ImageDraw, ImageOps
from qrcode.constants import ERROR_CORRECT_M

from app.core.money import format_yuan
from app.distribution.pictures import MASK, QUIET_ZONE
from app.distribution.posters import fonts
from app.distribution.posters.layout import (
    HEIGHT,
    OF_PRODUCT,
    PERSONAL,
    WIDTH,
    Audience,
    Layout,
    Part,
    PartKind,
    write,
)

log = structlog.get_logger()

# Three megabytes each: what the distributors of one shop share at one time.
_GROUNDS_KEPT = 12
_QUALITY = 85
_LETTER_COLOURS = ("#E06A4E", "#4E8FE0", "#3FA37C", "#B07CD0", "#D09A3A", "#5B7C99")
_ELLIPSIS = "…"


@dataclass(frozen=True)
class Person:
    """Whose poster it is. `avatar` is a kept file; None draws a letter instead."""

    name: str
    avatar: Path | None = None


@dataclass(frozen=True)
class Product:
    """What it recommends; `picture` is a file, None where there is none."""

    title: str
    price_fen: int
    picture: Path | None = None


@dataclass(frozen=True)
class Facts:
    """All that is to be seen besides the layout. `code` is what the QR says."""

    shop: str
    code: str
    person: Person
    product: Product | None = None


def compose(layout: Layout, facts: Facts, *, media: Path) -> bytes:
    """The poster as a JPEG of 750 x 1334. A picture that cannot be read is left grey.

    Raises ValueError for a poster of a product without one.
    """
    if (layout.audience is Audience.PRODUCT) != (facts.product is not None):
        raise ValueError("a product's poster wants its product, a distributor's none")
    picture = _ground(
        json.dumps(write(layout), sort_keys=True), facts.shop, facts.product, media
    ).copy()
    pen = ImageDraw.Draw(picture)
    for part in layout.parts:
        match part.kind:
            case PartKind.AVATAR:
                _avatar(picture, part, facts.person)
            case PartKind.NAME:
                _name(pen, part, facts)
            case PartKind.QR:
                picture.paste(code_image(facts.code, min(part.w, part.h)), (part.x, part.y))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def sample(layout: Layout, *, shop: str, media: Path) -> bytes:
    """The poster with made-up facts, for who lays it out; the code leads nowhere."""
    product = Product("明前龙井绿茶 2026 新茶礼盒装 250 克", 128_00)
    return compose(
        layout,
        Facts(
            shop,
            "https://mall.example.com/r/ABCD2345?to=/p/12",
            Person("林小梅"),
            product if layout.audience is Audience.PRODUCT else None,
        ),
        media=media,
    )


def code_image(text: str, side: int) -> Image.Image:
    """A QR code in a white square of `side` pixels, quiet zone included.

    Modules are whole pixels, so that no reader meets a grey edge.
    """
    code = qrcode.QRCode(
        error_correction=ERROR_CORRECT_M, box_size=1, border=QUIET_ZONE, mask_pattern=MASK
    )
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    count = len(rows)
    small = Image.frombytes(
        "L", (count, count), bytes(0 if dark else 255 for row in rows for dark in row)
    )
    whole = max(1, side // count) * count
    square = Image.new("L", (side, side), 255)
    square.paste(small.resize((whole, whole), Image.Resampling.NEAREST), ((side - whole) // 2,) * 2)
    return square


# --- what everybody's poster shares -----------------------------------------------


@lru_cache(maxsize=_GROUNDS_KEPT)
def _ground(layout: str, shop: str, product: Product | None, media: Path) -> Image.Image:
    """All but what differs from person to person. Never drawn upon: `compose` copies it."""
    stored = json.loads(layout)
    picture = Image.new("RGB", (WIDTH, HEIGHT), stored["colour"])
    if stored["picture"]:
        found = _opened(media / stored["picture"], (WIDTH, HEIGHT))
        if found is not None:
            picture.paste(found, (0, 0))
    pen = ImageDraw.Draw(picture)
    for fields in stored["parts"]:
        part = Part(**{**fields, "kind": PartKind(fields["kind"])})
        if part.kind in PERSONAL or (product is None and part.kind in OF_PRODUCT):
            continue
        match part.kind:
            case PartKind.PANEL:
                _panel(picture, part)
            case PartKind.TEXT:
                _text(pen, part, part.text.replace("{shop}", shop).replace("{name}", ""))
            case PartKind.PICTURE if product is not None:
                _product_picture(picture, part, product.picture)
            case PartKind.TITLE if product is not None:
                _text(pen, part, product.title)
            case PartKind.PRICE if product is not None:
                _price(pen, part, product.price_fen)
    return picture


def _panel(picture: Image.Image, part: Part) -> None:
    plain = Image.new("RGB", (part.w, part.h), part.colour)
    picture.paste(plain, (part.x, part.y), _rounded(part.w, part.h, part.radius))


def _product_picture(picture: Image.Image, part: Part, path: Path | None) -> None:
    found = _opened(path, (part.w, part.h)) if path else None
    if found is None:
        found = Image.new("RGB", (part.w, part.h), "#EFEFEF")
    picture.paste(found, (part.x, part.y), _rounded(part.w, part.h, part.radius))


def _opened(path: Path, size: tuple[int, int]) -> Image.Image | None:
    """A picture of ours cut to `size`; None, and a line in the log, if it is broken."""
    try:
        with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as opened:
            # A JPEG decodes at half its size for a quarter of the time.
            opened.draft("RGB", size)
            return ImageOps.fit(opened.convert("RGB"), size, Image.Resampling.BICUBIC)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        log.warning("poster_picture_unreadable", file=path.name, error=type(error).__name__)
        return None


@lru_cache(maxsize=64)
def _rounded(w: int, h: int, radius: int) -> Image.Image | None:
    if not radius:
        return None
    # Drawn at twice the size, so that the corners are smooth.
    mask = Image.new("L", (w * 2, h * 2), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, w * 2 - 1, h * 2 - 1), radius * 2, fill=255)
    return mask.resize((w, h), Image.Resampling.LANCZOS)


# --- what differs from person to person -------------------------------------------


def _avatar(picture: Image.Image, part: Part, person: Person) -> None:
    side = min(part.w, part.h)
    found = _opened(person.avatar, (side, side)) if person.avatar else None
    if found is None:
        found = _letter(person.name, side)
    picture.paste(found, (part.x, part.y), _rounded(side, side, side // 2))


def _letter(name: str, side: int) -> Image.Image:
    """The first letter on a colour that stays the same for the same name."""
    colour = _LETTER_COLOURS[sum(name.encode()) % len(_LETTER_COLOURS)]
    drawn = Image.new("RGB", (side, side), colour)
    pen = ImageDraw.Draw(drawn)
    letters = fonts.clean(name)
    if letters:
        pen.text(
            (side / 2, side / 2),
            letters[0].upper(),
            "#FFFFFF",
            fonts.font(max(8, side * 46 // 100), is_bold=True),
            anchor="mm",
        )
    else:
        # Head and shoulders: somebody, even without a name.
        pen.ellipse((side * 0.34, side * 0.2, side * 0.66, side * 0.52), fill="#FFFFFF")
        pen.ellipse((side * 0.18, side * 0.6, side * 0.82, side * 1.3), fill="#FFFFFF")
    return drawn


def _name(pen: ImageDraw.ImageDraw, part: Part, facts: Facts) -> None:
    """The words around the name stay whole; a name too long for them is cut."""
    pattern = (part.text if "{name}" in part.text else "{name}").replace("{shop}", facts.shop)
    name = fonts.clean(facts.person.name)
    face = fonts.font(part.size, is_bold=part.is_bold)
    before, _, after = pattern.partition("{name}")
    words = [fonts.clean(before), fonts.clean(after)] if fonts.has_chinese() else ["", ""]
    if not fonts.has_chinese() and name != facts.person.name.strip():
        return
    room = part.w * part.lines - sum(face.getlength(word) for word in words)
    name = _cut(name, int(room * (1 if part.lines == 1 else 0.94)), face)
    gap = [" " if word else "" for word in words]
    # One short name beside an avatar looks lost at the top of room for two lines.
    _text(pen, part, f"{words[0]}{gap[0]}{name}{gap[1]}{words[1]}", in_the_middle=True)


# --- letters ----------------------------------------------------------------------


def _text(pen: ImageDraw.ImageDraw, part: Part, text: str, *, in_the_middle: bool = False) -> None:
    shown = fonts.clean(text)
    if not fonts.has_chinese() and len(shown) < len(text.strip()):
        # Half a sentence says less than none.
        return
    face = fonts.font(part.size, is_bold=part.is_bold)
    line_height = part.size * 5 // 4
    lines = _lines(shown, part.w, part.lines, face)
    y = part.y
    if in_the_middle:
        y += max(0, part.h - line_height * len(lines)) // 2
    for line in lines:
        room = part.w - face.getlength(line)
        x = part.x + {"left": 0.0, "center": room / 2, "right": room}[part.align]
        pen.text((x, y), line, part.colour, face)
        y += line_height


def _lines(text: str, width: int, most: int, face: fonts.FreeTypeFont) -> list[str]:
    lines: list[str] = []
    rest = text
    while rest and len(lines) < most:
        if len(lines) == most - 1:
            lines.append(_cut(rest, width, face))
            break
        fits = _fitting(rest, width, face)
        # Latin words stay whole where they can.
        if fits < len(rest) and rest[fits].isascii() and rest[fits].isalnum():
            space = rest.rfind(" ", 0, fits)
            fits = space if space > fits // 2 else fits
        fits = max(fits, 1)
        lines.append(rest[:fits].rstrip())
        rest = rest[fits:].lstrip()
    return lines


def _cut(text: str, width: int, face: fonts.FreeTypeFont) -> str:
    if face.getlength(text) <= width:
        return text
    fits = _fitting(text, int(width - face.getlength(_ELLIPSIS)), face)
    return text[:fits].rstrip() + _ELLIPSIS


def _fitting(text: str, width: int, face: fonts.FreeTypeFont) -> int:
    """How many of the first characters fit into `width` pixels."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if face.getlength(text[:middle]) <= width:
            low = middle
        else:
            high = middle - 1
    return low


def _price(pen: ImageDraw.ImageDraw, part: Part, fen: int) -> None:
    """The sign and the fen smaller than the yuan; all smaller where it would not fit."""
    yuan, _, rest = format_yuan(fen).partition(".")
    size = part.size
    while True:
        small = fonts.font(size * 6 // 10, is_bold=part.is_bold)
        large = fonts.font(size, is_bold=part.is_bold)
        pieces = [("¥", small), (yuan, large), (f".{rest}", small)]
        wide = sum(face.getlength(text) for text, face in pieces)
        if wide <= part.w or size <= 20:
            break
        size = max(20, size - 4)
    x = part.x + {"left": 0.0, "center": (part.w - wide) / 2, "right": part.w - wide}[part.align]
    bottom = part.y + size
    for text, face in pieces:
        pen.text((x, bottom), text, part.colour, face, anchor="ls")
        x += face.getlength(text)
