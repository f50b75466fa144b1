import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
import structlog

from app import audit, settings
from app.core import clock
from app.core.db import db, require_transaction, run_unit
from app.core.errors import DomainError, IllegalMove, NotFound
from app.core.pages import Page, newest_first
from app.core.rows import affected, lock_one
from app.reports.exports.files import FileFormat, Source, write
from app.reports.exports.models import AdminExport, ExportState

log = structlog.get_logger()

# More rows than this are not made while somebody waits for the page.
AT_ONCE_MAX = 5_000
ROWS_MAX = 2_000_000
# Of one admin, waiting or under way.
OPEN_MAX = 5
# A worker says how far it is many times a minute; this silent, it is gone.
SILENT = timedelta(minutes=2)
TRIES_MAX = 3

_FAILED = "生成文件时出错，请重新导出；仍然失败请联系技术人员"
_BROKEN_OFF = "服务多次中断，没有生成完，请缩小筛选范围后重新导出"


class TooManyExports(DomainError):
    code = "too_many_exports"
    message = f"你已有 {OPEN_MAX} 个导出在排队或生成，请等它们完成，或先取消不需要的"


class _Stopped(Exception):
    """Cancelled meanwhile, or taken for dead and taken over: not ours any more."""


class _Opener:
    open: Callable[[AdminExport], Source] | None = None


def configure(opener: Callable[[AdminExport], Source]) -> None:
    """Name who turns a row into what its file is made of."""
    _Opener.open = opener


@dataclass(frozen=True)
class Wanted:
    """What an export holds."""

    listing: str
    title: str
    filters: Mapping[str, str]
    columns: Sequence[str]
    personal: Sequence[str]
    sort: str
    format: FileFormat
    rows_total: int
    # What the act is called in the audit log.
    action: str = "list.export"


def request(admin_id: int, wanted: Wanted, *, actor: audit.Actor, now: datetime) -> AdminExport:
    """Queue an export. Raises TooManyExports."""
    require_transaction()
    waiting = db.session.scalar(
        sa.select(sa.func.count())
        .select_from(AdminExport)
        .where(
            AdminExport.admin_id == admin_id,
            AdminExport.state.in_([ExportState.QUEUED, ExportState.RUNNING]),
        )
    )
    if (waiting or 0) >= OPEN_MAX:
        raise TooManyExports()
    row = AdminExport(
        admin_id=admin_id,
        listing=wanted.listing,
        title=wanted.title,
        filters={name: value for name, value in wanted.filters.items() if value},
        columns=list(wanted.columns),
        personal=sorted(wanted.personal),
        sort=wanted.sort,
        format=wanted.format,
        rows_total=wanted.rows_total,
        asked_at=now,
    )
    db.session.add(row)
    db.session.flush()
    told(row.id, wanted, actor=actor, now=now)
    return row


def told(export_id: int, wanted: Wanted, *, actor: audit.Actor, now: datetime) -> None:
    """Write down who took what out; 0 for a file that is made at once and not kept."""
    audit.record(
        wanted.action,
        subject="export",
        subject_id=export_id,
        actor=actor,
        now=now,
        after={
            "list": wanted.title,
            **{name: value for name, value in wanted.filters.items() if value},
            "format": wanted.format.value,
            "rows": wanted.rows_total,
            "personal": sorted(wanted.personal),
        },
    )


def cancel(export_id: int, admin_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Stop an export that is not made yet. Raises NotFound for others', IllegalMove."""
    require_transaction()
    row = lock_one(AdminExport, export_id, "导出不存在")
    if row.admin_id != admin_id:
        raise NotFound("导出不存在")
    if not row.is_open:
        raise IllegalMove(state=row.state.value)
    before = row.state.value
    row.state, row.ended_at, row.claim = ExportState.CANCELLED, now, ""
    audit.record(
        "list.export_cancel",
        subject="export",
        subject_id=row.id,
        actor=actor,
        now=now,
        before={"state": before},
        after={"state": row.state.value},
    )


def took(export_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Write down that the file was downloaded."""
    require_transaction()
    row = lock_one(AdminExport, export_id, "导出不存在")
    row.downloads += 1
    audit.record(
        "list.download",
        subject="export",
        subject_id=row.id,
        actor=actor,
        now=now,
        after={"list": row.title, "rows": row.rows_done, "personal": row.personal},
    )


def exports_of(admin_id: int, *, before: int | None = None) -> Page[AdminExport]:
    """An admin's own exports, newest first."""
    query = sa.select(AdminExport).filter_by(admin_id=admin_id)
    return newest_first(query, AdminExport.id, before=before)


def export_of(admin_id: int, export_id: int) -> AdminExport:
    """One of an admin's own. Raises NotFound."""
    row = db.session.scalar(sa.select(AdminExport).filter_by(id=export_id, admin_id=admin_id))
    if row is None:
        raise NotFound("导出不存在")
    return row


def path_of(row: AdminExport, folder: Path) -> Path:
    """Where the file is. Raises NotFound while there is none, and when its time is over."""
    path = folder / row.file
    if row.state is not ExportState.DONE or not path.is_file():
        raise NotFound("文件已过期或尚未生成，请重新导出")
    return path


# --- the worker ------------------------------------------------------------------


def due(now: datetime) -> list[int]:
    """What waits, and what somebody began and left."""
    left = sa.and_(AdminExport.state == ExportState.RUNNING, AdminExport.beat_at < now - SILENT)
    return list(
        db.session.scalars(
            sa.select(AdminExport.id)
            .where(sa.or_(AdminExport.state == ExportState.QUEUED, left))
            .order_by(AdminExport.id)
        )
    )


def make(export_id: int, folder: Path) -> str:
    """Write one export's file; what came of it: done, failed, stopped, or taken by another.

    The clock is read as it goes on: this takes minutes.
    """
    claim = secrets.token_hex(8)
    if not run_unit(_claim, export_id, claim, clock.now()):
        return "taken"
    row = db.session.get_one(AdminExport, export_id)
    if row.tries > TRIES_MAX:
        run_unit(_end, export_id, claim, now=clock.now(), error=_BROKEN_OFF)
        return "failed"
    folder.mkdir(parents=True, exist_ok=True)
    format = row.format  # noqa: A001
    part, name = folder / f"{export_id}-{claim}.part", ""
    try:
        if _Opener.open is None:
            raise RuntimeError("nobody opens exports: configure() was not called")
        rows = write(
            part, _Opener.open(row), format, after_part=lambda done: _beat(export_id, claim, done)
        )
        name = f"{secrets.token_hex(16)}.{format.value}"
        size, digest = part.stat().st_size, _digest(part)
        # First in its place, then offered: a row never names a file that is not there.
        part.replace(folder / name)
        run_unit(
            _end,
            export_id,
            claim,
            now=clock.now(),
            file=name,
            rows=rows,
            size=size,
            digest=digest,
        )
    except _Stopped:
        if name:
            (folder / name).unlink(missing_ok=True)
        return "stopped"
    except Exception:
        log.exception("export_failed", export=export_id)
        db.session.rollback()
        run_unit(_end, export_id, claim, now=clock.now(), error=_FAILED)
        return "failed"
    finally:
        db.session.rollback()
        part.unlink(missing_ok=True)
    return "done"


def expire(folder: Path, now: datetime) -> int:
    """Delete files past their time, and what dead workers left; return how many rows ended."""
    over = db.session.scalars(
        sa.select(AdminExport.id).where(
            AdminExport.state == ExportState.DONE, AdminExport.expires_at <= now
        )
    ).all()
    for export_id in over:
        run_unit(_expire, export_id)
    kept = set(db.session.scalars(sa.select(AdminExport.file).where(AdminExport.file != "")))
    for path in folder.glob("*.*") if folder.is_dir() else ():
        # A name is written into its row just after the file is in place.
        is_old = path.stat().st_mtime < (now - timedelta(days=1)).timestamp()
        if path.name not in kept and is_old:
            path.unlink(missing_ok=True)
    return len(over)


def _claim(export_id: int, claim: str, now: datetime) -> bool:
    left = sa.and_(AdminExport.state == ExportState.RUNNING, AdminExport.beat_at < now - SILENT)
    return (
        affected(
            sa.update(AdminExport)
            .where(
                AdminExport.id == export_id,
                sa.or_(AdminExport.state == ExportState.QUEUED, left),
            )
            .values(
                state=ExportState.RUNNING,
                claim=claim,
                beat_at=now,
                rows_done=0,
                tries=AdminExport.tries + 1,
            )
        )
        == 1
    )


def _beat(export_id: int, claim: str, done: int) -> None:
    """Say how far it is. Raises _Stopped where the export is no longer ours."""

    def say() -> int:
        return affected(
            sa.update(AdminExport)
            .where(
                AdminExport.id == export_id,
                AdminExport.claim == claim,
                AdminExport.state == ExportState.RUNNING,
            )
            .values(rows_done=done, beat_at=clock.now())
        )

    if run_unit(say) != 1:
        raise _Stopped()


def _end(
    export_id: int,
    claim: str,
    *,
    now: datetime,
    error: str = "",
    file: str = "",
    rows: int = 0,
    size: int = 0,
    digest: str = "",
) -> None:
    row = lock_one(AdminExport, export_id, "导出不存在")
    if row.claim != claim or row.state is not ExportState.RUNNING:
        raise _Stopped()
    row.state = ExportState.FAILED if error else ExportState.DONE
    row.error, row.file, row.size_bytes, row.sha256 = error, file, size, digest
    row.ended_at, row.claim = now, ""
    if error:
        return
    row.rows_done = rows
    row.expires_at = now + timedelta(days=settings.value(settings.registry.EXPORT_KEEP_DAYS))
    audit.record(
        "list.export_made",
        subject="export",
        subject_id=row.id,
        actor=audit.Actor.system("export"),
        now=now,
        after={"list": row.title, "rows": rows, "sha256": digest},
    )


def _expire(export_id: int) -> None:
    row = lock_one(AdminExport, export_id, "导出不存在")
    row.state, row.file = ExportState.EXPIRED, ""


def _digest(path: Path) -> str:
    with path.open("rb") as whole:
        return hashlib.file_digest(whole, "sha256").hexdigest()
