"""Pictures of products and of members (图片): checked by content, encoded anew, named at random."""

import contextlib
import io
import secrets
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from app.core.errors import InvalidInput

BYTES_MAX = 5 * 1024 * 1024
PIXELS_MAX = 40_000_000
# The larger fills a phone's width at 2.5 pixels a point, the smaller a list's column.
LARGE, SMALL = 960, 400
FOLDER = "p"
# Below this lie the pictures of members: same treatment, another origin.
MEMBERS_FOLDER = "u"
_OURS = (f"{FOLDER}/", f"{MEMBERS_FOLDER}/")
_FORMATS = ("JPEG", "PNG", "WEBP")


def store(data: bytes, folder: Path) -> tuple[str, int, int]:
    """Keep an uploaded picture; return its path below the media folder, width and height.

    Nothing of the upload itself is kept: metadata and whatever was appended are gone.

    Raises:
        InvalidInput: not a JPEG, PNG or WebP, too large, or damaged.
    """
    return save(read(data), folder, secrets.token_hex(12))


def read(data: bytes) -> Image.Image:
    """An uploaded picture, upright, checked by its content. Raises InvalidInput as `store`."""
    if len(data) > BYTES_MAX:
        raise InvalidInput("picture", "图片不能超过 5 MB")
    try:
        with warnings.catch_warnings():
            # Pillow warns of too many pixels before it refuses; we refuse ourselves.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
                if opened.width * opened.height > PIXELS_MAX:
                    raise InvalidInput("picture", "图片尺寸过大，请缩小到 4000 万像素以内")
                picture = ImageOps.exif_transpose(opened)
                picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InvalidInput("picture", "这不是可用的图片，请上传 JPG、PNG 或 WebP") from error
    except Image.DecompressionBombError as error:
        raise InvalidInput("picture", "图片尺寸过大，请缩小到 4000 万像素以内") from error
    return picture


def save(
    picture: Image.Image, folder: Path, name: str, *, below: str = FOLDER
) -> tuple[str, int, int]:
    """Write a picture in both sizes and both formats under `name`: all of it or nothing.

    Raises OSError when the disk takes no more.
    """
    target = folder / below
    target.mkdir(parents=True, exist_ok=True)
    flat = _on_white(picture)
    flat.thumbnail((LARGE, LARGE * 4), Image.Resampling.LANCZOS)
    small = flat.copy()
    small.thumbnail((SMALL, SMALL * 4), Image.Resampling.LANCZOS)
    try:
        for suffix, version in (("", flat), ("-s", small)):
            version.save(target / f"{name}{suffix}.webp", quality=80, method=4)
            version.save(
                target / f"{name}{suffix}.jpg", quality=84, optimize=True, progressive=True
            )
    except OSError:
        # Nothing leads to the name yet, so nobody would ever remove half a picture.
        with contextlib.suppress(OSError):
            remove(f"{below}/{name}.jpg", folder)
        raise
    return f"{below}/{name}.jpg", flat.width, flat.height


def remove(path: str, folder: Path) -> None:
    """Delete every version of a picture; one that is gone already is no trouble."""
    stem = path.removesuffix(".jpg")
    for suffix in (".jpg", ".webp", "-s.jpg", "-s.webp"):
        (folder / f"{stem}{suffix}").unlink(missing_ok=True)


def _on_white(picture: Image.Image) -> Image.Image:
    """Three channels: JPEG knows no transparency, and white is what shops expect."""
    if picture.mode in ("RGBA", "LA", "P", "PA"):
        clear = picture.convert("RGBA")
        ground = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(ground, clear).convert("RGB")
    return picture.convert("RGB")


def small_of(path: str) -> str:
    """The smaller version of a picture; pictures from elsewhere have only one."""
    stem, dot, suffix = path.rpartition(".")
    return f"{stem}-s{dot}{suffix}" if path.startswith(_OURS) else path


def webp_of(path: str) -> str:
    """Its WebP version, empty where there is none."""
    return path.removesuffix(".jpg") + ".webp" if path.startswith(_OURS) else ""
