"""Fonts for posters (海报字体): one with Chinese, found where it may be.

Order: the configured file, the one that comes with the front-end files, those of
the system, and last Pillow's own, which has Latin letters and digits only.
Source: reference/libraries.md, section 7.
"""

import unicodedata
from functools import lru_cache
from pathlib import Path

import structlog
from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont

log = structlog.get_logger()

_VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor" / "fonts"
_SYSTEM = Path("/usr/share/fonts")
# Regular and bold; a collection's Chinese face by its index.
_KNOWN: tuple[tuple[Path, Path, int], ...] = (
    (_VENDOR / "NotoSansHans-Regular.otf", _VENDOR / "NotoSansHans-Bold.otf", 0),
    (
        _SYSTEM / "opentype/noto/NotoSansCJK-Regular.ttc",
        _SYSTEM / "opentype/noto/NotoSansCJK-Bold.ttc",
        2,
    ),
    (_SYSTEM / "truetype/wqy/wqy-microhei.ttc", _SYSTEM / "truetype/wqy/wqy-microhei.ttc", 0),
)
# A character that no font has.
_NOWHERE = "\U0010ffff"
_configured: list[Path] = []


def configure(path: str) -> None:
    """Use this file before all others; "" for none."""
    _configured[:] = [Path(path)] if path else []
    _found.cache_clear()
    font.cache_clear()
    drawable.cache_clear()


def has_chinese() -> bool:
    """Whether names and words can be drawn at all."""
    return drawable("会")


@lru_cache(maxsize=1)
def _found() -> tuple[Path, Path, int] | None:
    own = [(path, path, 0) for path in _configured]
    for regular, bold, index in (*own, *_KNOWN):
        if regular.is_file():
            return regular, bold if bold.is_file() else regular, index
    log.warning("no_chinese_font", remedy="run scripts/assets.py or set POSTER_FONT")
    return None


def files() -> tuple[Path, Path, int] | None:
    """The regular and the bold file, and the face within them; None: no Chinese font."""
    return _found() if has_chinese() else None


def identity() -> str:
    """What tells posters of one font from those of another."""
    found = _found()
    return found[0].name if found else "builtin"


@lru_cache(maxsize=64)
def font(size: int, *, is_bold: bool = False) -> FreeTypeFont:
    """The font at this height in pixels."""
    found = _found()
    if found is None:
        built_in = ImageFont.load_default(size)
        if not isinstance(built_in, FreeTypeFont):
            raise RuntimeError("Pillow was built without FreeType")
        return built_in
    regular, bold, index = found
    return ImageFont.truetype(
        str(bold if is_bold else regular), size, index=index, layout_engine=ImageFont.Layout.BASIC
    )


@lru_cache(maxsize=8192)
def drawable(character: str) -> bool:
    """Whether the font has this character: no box would stand in its place."""
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me"):
        return False
    if character == " ":
        return True
    face = font(24)
    return bytes(face.getmask(character)) != bytes(face.getmask(_NOWHERE))


def clean(text: str) -> str:
    """`text` without what cannot be drawn (emoji, foreign scripts), spaces tidied."""
    # What marks a picture goes with it: 👍🏽 and ❤️ leave nothing behind.
    return " ".join("".join(c if drawable(c) else " " if c.isspace() else "" for c in text).split())
