import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column
from app.reports.exports.files import FileFormat


class ExportState(enum.StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"  # the file is whole and may be downloaded
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # the file is deleted


class AdminExport(Model):
    """A list that an admin asked for as a file (导出任务)."""

    __tablename__ = "admin_exports"
    __table_args__ = (
        sa.Index(None, "state", "id"),
        sa.Index(None, "admin_id", "id"),
        sa.CheckConstraint("rows_done >= 0", name="rows_not_negative"),
        sa.CheckConstraint("(state = 'done') = (file <> '')", name="done_has_its_file"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    admin_id: Mapped[int] = mapped_column(sa.ForeignKey("admins.id"))
    listing: Mapped[str] = mapped_column(sa.String(32))
    title: Mapped[str] = mapped_column(sa.String(60))
    filters: Mapped[dict[str, str]] = mapped_column(sa.JSON)
    # The keys of its columns, and which kinds of personal data are in full.
    columns: Mapped[list[str]] = mapped_column(sa.JSON)
    personal: Mapped[list[str]] = mapped_column(sa.JSON)
    sort: Mapped[str] = mapped_column(sa.String(32), default="")
    format: Mapped[FileFormat] = mapped_column(enum_column(FileFormat, "format"))
    state: Mapped[ExportState] = mapped_column(
        enum_column(ExportState, "state"), default=ExportState.QUEUED
    )
    rows_done: Mapped[int] = mapped_column(default=0)
    # As counted when it was asked for; rows may come meanwhile.
    rows_total: Mapped[int]
    # Whoever writes it now, and when they last said so.
    claim: Mapped[str] = mapped_column(sa.String(16), default="")
    beat_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    tries: Mapped[int] = mapped_column(default=0)
    # Its random name below the folder of exports; empty until it is whole.
    file: Mapped[str] = mapped_column(sa.String(60), default="")
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    sha256: Mapped[str] = mapped_column(sa.String(64), default="")
    error: Mapped[str] = mapped_column(sa.String(200), default="")
    downloads: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def is_open(self) -> bool:
        return self.state in (ExportState.QUEUED, ExportState.RUNNING)
