import hashlib
import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app import audit, withdrawals
from app.backup import engines, sealing
from app.core import clock, crypto
from app.core.db import db

MANIFEST, DATABASE, MEDIA = "manifest.json", "database", "media"
_NAME = re.compile(r"mall-(\d{8}T\d{6})-\w+\.backup")


class BackupError(Exception):
    """Why nothing was done, for the operator."""


@dataclass(frozen=True)
class Made:
    path: Path
    size: int
    pictures: int


def create(folder: Path, *, media: Path, now: datetime, passphrase: str = "") -> Made:
    """Write one backup into `folder` and prove it. Raises BackupError."""
    url = db.engine.url
    engine = url.get_backend_name()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"mall-{now:%Y%m%dT%H%M%S}-{engine}.backup"
    if target.exists():
        raise BackupError(f"{target} exists")
    with _staging(folder) as staging:
        dumped = staging / DATABASE
        try:
            engines.dump(url, dumped)
        except engines.EngineFailed as error:
            raise BackupError(str(error)) from None
        # Pictures never change under their names: those of after the dump do no harm.
        pictures = sorted(path for path in media.rglob("*") if path.is_file())
        files = {DATABASE: dumped, **{f"{MEDIA}/{p.relative_to(media)}": p for p in pictures}}
        manifest = {
            "engine": engine,
            "at": clock.as_utc(now).isoformat(),
            "migration": _revision(),
            # Opens only with the keys that open the columns.
            "keys": crypto.keyring().encrypt("mall"),
            "files": {name: _hash(path) for name, path in files.items()},
        }
        listed = staging / MANIFEST
        listed.write_text(json.dumps(manifest))
        packed = staging / "packed"
        with tarfile.open(packed, "w:gz", compresslevel=6) as tar:
            for name, path in {MANIFEST: listed, **files}.items():
                tar.add(path, name, recursive=False)
        draft = staging / "sealed"
        with packed.open("rb") as source, draft.open("wb") as sealed:
            sealing.seal(source, sealed, passphrase=passphrase)
            sealed.flush()
            os.fsync(sealed.fileno())
        verify(draft, passphrase=passphrase)
        draft.replace(target)
    return Made(target, target.stat().st_size, len(pictures))


def verify(file: Path, *, passphrase: str = "") -> dict[str, Any]:
    """The manifest of a backup that is whole and can be read. Raises BackupError."""
    with _opened(file, passphrase) as (_, manifest):
        return manifest


def restore(
    file: Path, *, media: Path, known_revisions: Sequence[str], now: datetime, passphrase: str = ""
) -> dict[str, Any]:
    """Fill an empty database and media folder; payouts are held afterwards.

    Returns the manifest. Raises BackupError, with nothing changed unless the engine
    itself gave up while loading.
    """
    url = db.engine.url
    with _opened(file, passphrase) as (staging, manifest):
        if manifest["engine"] != url.get_backend_name():
            raise BackupError(f"it is of {manifest['engine']}, this is {url.get_backend_name()}")
        if manifest["migration"] not in known_revisions:
            raise BackupError(f"it has schema {manifest['migration']}: use the newer program")
        try:
            crypto.keyring().decrypt(manifest["keys"])
        except Exception:
            raise BackupError("DATA_KEYS cannot open its personal data") from None
        if not engines.is_empty(db.engine):
            raise BackupError("the database is not empty: restore into a new one")
        if media.exists() and any(media.iterdir()):
            raise BackupError(f"{media} is not empty")
        db.session.remove()
        db.engine.dispose()
        try:
            engines.load(url, staging / DATABASE)
        except engines.EngineFailed as error:
            raise BackupError(f"make the database anew, it is half filled: {error}") from None
        if (staging / MEDIA).exists():
            shutil.copytree(staging / MEDIA, media, dirs_exist_ok=True)
    return manifest


def hold_payouts(manifest: dict[str, Any], now: datetime) -> None:
    """Lock payouts after a restore, until what WeChat did since the backup is known.

    `pay recover` imports it; two people unlock once all of the days since agree.
    """
    actor = audit.Actor.system("cli")
    audit.record(
        "backup.restore",
        subject="backup",
        subject_id=0,
        actor=actor,
        now=now,
        after={"backup_of": manifest["at"], "migration": manifest["migration"]},
    )
    first, last = (clock.local(at).date() for at in (clock.parse(manifest["at"]), now))
    withdrawals.locks.lock(
        withdrawals.LockCause.RECOVERY,
        f"已恢复备份，{first} 至 {last} 的账单与结果需要全部核对",
        actor=actor,
        now=now,
        from_day=first,
        to_day=last,
    )


def prune(folder: Path, *, days: int, months: int) -> list[Path]:
    """Delete all but the newest of each of the last `days` and `months` that have one."""
    found = sorted((path for path in folder.glob("mall-*.backup") if _moment(path)), reverse=True)
    kept: set[Path] = set()
    for length, most in ((8, days), (6, months)):
        newest: dict[str, Path] = {}
        for path in found:
            newest.setdefault(_moment(path)[:length], path)
        kept.update(list(newest.values())[:most])
    removed = [path for path in found if path not in kept]
    for path in removed:
        path.unlink()
    return removed


@dataclass(frozen=True)
class Kept:
    """A backup that lies in the folder."""

    path: Path
    at: datetime
    size: int


def kept(folder: Path) -> list[Kept]:
    """The backups in a folder, the newest first; none where there is no such folder."""
    return [
        Kept(path, datetime.strptime(f"{moment}+0000", "%Y%m%dT%H%M%S%z"), path.stat().st_size)
        for path in sorted(folder.glob("mall-*.backup"), reverse=True)
        if (moment := _moment(path))
    ]


def _moment(path: Path) -> str:
    matched = _NAME.fullmatch(path.name)
    return matched.group(1) if matched else ""


@contextmanager
def _opened(file: Path, passphrase: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The unpacked files of a backup, each with the right hash, and its manifest."""
    with _staging(file.parent) as staging:
        packed = staging / "packed"
        try:
            with file.open("rb") as source, packed.open("wb") as plain:
                for piece in sealing.unseal(source, passphrase=passphrase):
                    plain.write(piece)
            with tarfile.open(packed) as tar:
                tar.extractall(staging / "files", filter="data")
            files = staging / "files"
            manifest: dict[str, Any] = json.loads((files / MANIFEST).read_text())
        except (sealing.Unreadable, OSError, tarfile.TarError, ValueError) as error:
            raise BackupError(str(error)) from None
        packed.unlink()
        there = {
            str(path.relative_to(files)): _hash(path) for path in files.rglob("*") if path.is_file()
        }
        there.pop(MANIFEST)
        if there != manifest["files"]:
            raise BackupError("its files are not those of its manifest")
        yield files, manifest


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder for this user alone, on the disk where the backups are, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=folder) as name:
        yield Path(name)


def _revision() -> str:
    found = db.session.scalar(sa.text("SELECT version_num FROM alembic_version"))
    db.session.rollback()
    return str(found or "")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
