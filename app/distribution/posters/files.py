"""Posters and avatars that are kept as files (海报与头像文件). All of it may be deleted.

Posters lie in a folder for each member, so that who leaves is forgotten at once.
"""

import hashlib
import io
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image, ImageOps

from app.catalog import media
from app.core.errors import InvalidInput
from app.distribution.posters import fonts
from app.distribution.posters.drawing import Facts
from app.distribution.posters.layout import Layout, write

POSTERS, AVATARS = "posters", "avatars"
# Counted from when somebody last looked at it.
POSTER_KEPT = timedelta(days=14)
# WeChat gives a new address with a new picture; the old one is nobody's.
AVATAR_KEPT = timedelta(days=30)
FAILURE_KEPT = timedelta(hours=1)
AVATAR_SIDE = 264
# To be raised when `drawing` draws the same facts differently.
_DRAWING = 1
_TOUCHED_AFTER = 86_400

# The bytes at an address; b"" for what cannot be had or must not be asked for.
Fetch = Callable[[str], bytes]


def name_of(layout: Layout, facts: Facts, *, avatar_url: str) -> str:
    """A name that changes with anything that is to be seen: 32 hexadecimal digits."""
    product = facts.product
    seen = [
        _DRAWING,
        fonts.identity(),
        write(layout),
        facts.shop,
        facts.code,
        facts.person.name,
        avatar_url,
        [product.title, product.price_fen, str(product.picture or "")] if product else None,
    ]
    text = json.dumps(seen, ensure_ascii=False, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def kept(folder: Path, member_id: int, name: str) -> Path | None:
    """The file of a poster that was composed before; its last use is noted once a day."""
    path = folder / POSTERS / str(member_id) / f"{name}.jpg"
    try:
        used = path.stat().st_mtime
    except OSError:
        return None
    if time.time() - used > _TOUCHED_AFTER:
        os.utime(path)
    return path


def keep(folder: Path, member_id: int, name: str, data: bytes) -> Path:
    """Keep a composed poster; whole or not at all."""
    return _write(folder / POSTERS / str(member_id) / f"{name}.jpg", data)


def avatar(folder: Path, url: str, fetch: Fetch) -> Path | None:
    """The kept picture at `url`, fetched now if need be; None where there is none.

    What failed is not asked for again within the hour. Speaks to the network: not to
    be called inside a unit of work.
    """
    if not url:
        return None
    path = _avatar_path(folder, url)
    try:
        found = path.stat()
    except OSError:
        found = None
    if found is not None and found.st_size:
        return path
    if found is not None and time.time() - found.st_mtime < FAILURE_KEPT.total_seconds():
        return None
    try:
        picture = _small(fetch(url))
    except InvalidInput:
        picture = b""
    _write(path, picture)
    return path if picture else None


def forget(folder: Path, member_id: int, avatar_url: str) -> None:
    """Delete all that is kept of a member."""
    shutil.rmtree(folder / POSTERS / str(member_id), ignore_errors=True)
    if avatar_url:
        _avatar_path(folder, avatar_url).unlink(missing_ok=True)


def made_for(folder: Path, member_id: int) -> list[float]:
    """When each kept poster of a member was last used, as POSIX times."""
    found = (folder / POSTERS / str(member_id)).glob("*.jpg")
    return sorted(path.stat().st_mtime for path in found)


def sweep(folder: Path, *, now: datetime) -> int:
    """Delete what nobody looked at for long; how many files."""
    removed = 0
    for below, lasts in ((POSTERS, POSTER_KEPT), (AVATARS, AVATAR_KEPT)):
        oldest = (now - lasts).timestamp()
        for path in (folder / below).rglob("*.jpg"):
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink()
                    removed += 1
            except FileNotFoundError:
                continue
    return removed


def _avatar_path(folder: Path, url: str) -> Path:
    return folder / AVATARS / f"{hashlib.blake2b(url.encode(), digest_size=16).hexdigest()}.jpg"


def _small(data: bytes) -> bytes:
    """An avatar encoded anew. Raises InvalidInput for what is no picture."""
    if not data:
        return b""
    picture = ImageOps.fit(
        media.read(data).convert("RGB"), (AVATAR_SIDE, AVATAR_SIDE), Image.Resampling.LANCZOS
    )
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{secrets.token_hex(6)}")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return path
