import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from app import members
from app.catalog import media
from app.core.db import db, require_transaction, run_unit
from app.core.errors import DomainError, InvalidInput
from app.core.rows import affected
from app.uploads.models import MemberUpload

# Of one member in 24 hours: ten reviews with six pictures each.
A_DAY_MAX = 60
UNUSED_FOR = timedelta(days=1)
_SWEPT_AT_ONCE = 500


class TooManyUploads(DomainError):
    code = "too_many_uploads"
    status = 429
    message = "今天上传的图片太多了，请明天再试"


def keep(member_id: int, data: bytes, *, folder: Path, now: datetime) -> str:
    """Take an uploaded picture; return its path below the media folder.

    Counted before it is decoded: what is refused costs us the work all the same.
    Opens its own unit of work, so that no lock waits for the encoding.

    Raises:
        InvalidInput: not a JPEG, PNG or WebP, too large, or damaged.
        TooManyUploads: the member had `A_DAY_MAX` within a day.
    """
    name = secrets.token_hex(16)
    path = f"{media.MEMBERS_FOLDER}/{name}.jpg"
    run_unit(_count, member_id, path, now)
    media.save(media.read(data), folder, name, below=media.MEMBERS_FOLDER)
    return path


def _count(member_id: int, path: str, now: datetime) -> None:
    # Two uploads at the same time must not both be the last one allowed.
    members.locked(member_id)
    count = db.session.scalar(
        sa.select(sa.func.count())
        .select_from(MemberUpload)
        .where(MemberUpload.member_id == member_id, MemberUpload.created_at > now - UNUSED_FOR)
    )
    if (count or 0) >= A_DAY_MAX:
        raise TooManyUploads()
    db.session.add(MemberUpload(member_id=member_id, path=path, created_at=now))


def use(member_id: int, paths: Sequence[str], *, most: int, now: datetime) -> list[str]:
    """Let something show these pictures of the member; each can be used once.

    Raises InvalidInput for more than `most`, and for what is not theirs or is used.
    """
    require_transaction()
    wanted = list(dict.fromkeys(path for path in paths if path))
    if len(wanted) > most:
        raise InvalidInput("pictures", f"最多上传 {most} 张图片")
    if not wanted:
        return []
    taken = affected(
        sa.update(MemberUpload)
        .where(
            MemberUpload.member_id == member_id,
            MemberUpload.path.in_(wanted),
            MemberUpload.used_at.is_(None),
            # `sweep` may be deleting what is older.
            MemberUpload.created_at > now - UNUSED_FOR,
        )
        .values(used_at=now)
    )
    if taken != len(wanted):
        raise InvalidInput("pictures", "图片已失效，请重新上传")
    return wanted


def release(paths: Iterable[str]) -> None:
    """Nothing shows these pictures any more; the next `sweep` deletes them."""
    _release(MemberUpload.path.in_(set(paths)))


def release_all(member_id: int) -> None:
    """The same for every picture of a member."""
    _release(MemberUpload.member_id == member_id)


def _release(condition: sa.ColumnElement[bool]) -> None:
    # As old as can be, so that no day has to pass.
    long_ago = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
    affected(sa.update(MemberUpload).where(condition).values(used_at=None, created_at=long_ago))


def sweep(folder: Path, *, now: datetime) -> int:
    """Delete pictures that nothing shows, files first; how many.

    Dying between file and row leaves a row whose files are gone: the next sweep
    removes it. Opens its own units of work.
    """
    removed = 0
    while rows := db.session.execute(_unused(now)).all():
        db.session.rollback()
        for _, path in rows:
            media.remove(path, folder)
        removed += run_unit(_forget, [row_id for row_id, _ in rows])
    db.session.rollback()
    return removed


def _unused(now: datetime) -> sa.Select[int, str]:
    return (
        sa.select(MemberUpload.id, MemberUpload.path)
        .where(MemberUpload.used_at.is_(None), MemberUpload.created_at <= now - UNUSED_FOR)
        .order_by(MemberUpload.id)
        .limit(_SWEPT_AT_ONCE)
    )


def _forget(ids: list[int]) -> int:
    return affected(
        sa.delete(MemberUpload).where(MemberUpload.id.in_(ids), MemberUpload.used_at.is_(None))
    )
