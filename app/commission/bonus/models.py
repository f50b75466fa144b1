import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column


class BonusProgram(Model):
    """A bonus (返利) over its versions. Its period never changes."""

    __tablename__ = "bonus_programs"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # Periods that begin from here on are not paid; one that has begun still is.
    stopped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class VersionStatus(enum.StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"


class BonusVersion(Model):
    """A version of a bonus's rules (返利版本). Published ones never change: triggers refuse it.

    A period is paid by the version in force when it began.
    """

    __tablename__ = "bonus_versions"
    __table_args__ = (
        sa.Index(None, "program_id", "status", "effective_from"),
        sa.CheckConstraint(
            "(status = 'published') = (published_at IS NOT NULL)", name="published_has_time"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    program_id: Mapped[int] = mapped_column(sa.ForeignKey("bonus_programs.id"))
    # The program while it is a draft: there is one at a time.
    draft_of: Mapped[int | None] = mapped_column(BigId, unique=True)
    name: Mapped[str] = mapped_column(sa.String(30))
    # Words for distributors, below the name.
    note: Mapped[str] = mapped_column(sa.String(200), default="")
    document: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    status: Mapped[VersionStatus] = mapped_column(enum_column(VersionStatus, "status"))
    # The beginning of a period.
    effective_from: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Counts the saves of a draft, so that nobody publishes what they have not seen.
    revision: Mapped[int] = mapped_column(default=1)
    drafted_by: Mapped[str] = mapped_column(sa.String(64))
    drafted_at: Mapped[datetime] = mapped_column(UTCDateTime)
    published_by: Mapped[str] = mapped_column(sa.String(64), default="")
    published_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class BonusRun(Model):
    """One period of one bonus, computed (返利核算)."""

    __tablename__ = "bonus_runs"
    __table_args__ = (
        sa.UniqueConstraint("program_id", "starts_at"),
        sa.Index(None, "ends_at"),
        sa.CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    program_id: Mapped[int] = mapped_column(sa.ForeignKey("bonus_programs.id"))
    version_id: Mapped[int] = mapped_column(sa.ForeignKey("bonus_versions.id"))
    # `2026W47`, `2026-11`, `2026Q4`, `2026`.
    label: Mapped[str] = mapped_column(sa.String(8))
    starts_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime)
    computed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # Counts the computations: nobody decides about figures they have not seen.
    revision: Mapped[int] = mapped_column(default=1)
    # When its posted results last stood as the refunds until then want them; NULL: never.
    checked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ResultState(enum.StrEnum):
    COMPUTED = "computed"  # 待审核
    APPROVED = "approved"  # 待发放: somebody else posts it
    REFUSED = "refused"  # 不发放: by the conditions or by a person, with the reason
    POSTED = "posted"  # 已发放


class BonusResult(Model):
    """What one member earned in one run (返利结果), in fen or points.

    Once posted it stands at `amount_fen - reversed_fen`.
    """

    __tablename__ = "bonus_results"
    __table_args__ = (
        sa.UniqueConstraint("run_id", "member_id"),
        sa.Index(None, "run_id", "state", "id"),
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "batch_id"),
        sa.CheckConstraint("amount_fen > 0", name="amount_positive"),
        sa.CheckConstraint("reversed_fen BETWEEN 0 AND amount_fen", name="reversed_in_range"),
        sa.CheckConstraint("(state = 'posted') = (batch_id > 0)", name="posted_names_its_batch"),
        sa.CheckConstraint("(state = 'refused') = (reason <> '')", name="refused_has_reason"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("bonus_runs.id"))
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    # The metric over the period when it was computed: fen, orders or heads.
    value: Mapped[int] = mapped_column(sa.BigInteger)
    # The step reached, counted from 1.
    tier: Mapped[int] = mapped_column(sa.SmallInteger)
    # What the arithmetic gives, also where a condition is not met.
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
    # What later refunds took back again; see BonusCorrection.
    reversed_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    state: Mapped[ResultState] = mapped_column(enum_column(ResultState, "state"))
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    # Empty where the system decided or nobody has yet.
    reviewed_by: Mapped[str] = mapped_column(sa.String(64), default="")
    reviewed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    batch_id: Mapped[int] = mapped_column(sa.BigInteger, default=0)

    @property
    def standing_fen(self) -> int:
        return self.amount_fen - self.reversed_fen


class BonusBatch(Model):
    """One chunk of results posted at once, with its posting (发放批次)."""

    __tablename__ = "bonus_batches"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("bonus_runs.id"), index=True)
    posting_id: Mapped[int | None] = mapped_column(sa.ForeignKey("ledger_postings.id"), unique=True)
    rows: Mapped[int] = mapped_column(default=0)
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    posted_by: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime] = mapped_column(UTCDateTime)


class BonusCorrection(Model):
    """What a refund after the posting changed about a result (返利追回). Never changed."""

    __tablename__ = "bonus_corrections"
    __table_args__ = (
        sa.UniqueConstraint("result_id", "number"),
        sa.CheckConstraint("difference_fen <> 0", name="difference_not_zero"),
        sa.CheckConstraint("(posted_fen = 0) = (posting_id IS NULL)", name="posted_has_posting"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    result_id: Mapped[int] = mapped_column(sa.ForeignKey("bonus_results.id"))
    # The first, the second …: each difference is taken once.
    number: Mapped[int] = mapped_column(sa.SmallInteger)
    # The metric as it is now.
    value: Mapped[int] = mapped_column(sa.BigInteger)
    # Taken back where negative, given back where a refund was closed.
    difference_fen: Mapped[int] = mapped_column(sa.BigInteger)
    # What could be booked of it: points that were spent are forgiven.
    posted_fen: Mapped[int] = mapped_column(sa.BigInteger)
    posting_id: Mapped[int | None] = mapped_column(sa.ForeignKey("ledger_postings.id"), unique=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
