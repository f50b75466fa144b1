import enum
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, column_property, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column

# The maturity of a commission whose order is not finished yet. Not NULL, so that
# the claim can walk one index from its start.
NEVER = datetime(9999, 12, 31, tzinfo=UTC)


class PlanStatus(enum.StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"


class PlanVersion(Model):
    """A version of the commission plan (佣金方案).

    Published ones never change: triggers refuse it.
    """

    __tablename__ = "commission_plans"
    __table_args__ = (
        sa.Index(None, "status", "effective_from"),
        sa.CheckConstraint(
            "(status = 'published') = (published_at IS NOT NULL)", name="published_has_time"
        ),
        # The law's own limit; the server's may be lower.
        sa.CheckConstraint(
            "JSON_EXTRACT(document, '$.depth_cap') BETWEEN 1 AND 3", name="depth_within_hard_cap"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    document: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    status: Mapped[PlanStatus] = mapped_column(enum_column(PlanStatus, "status"))
    effective_from: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Counts the saves of a draft, so that nobody overwrites what they have not seen.
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    # Who saved it last stands behind the whole of it.
    drafted_by: Mapped[str] = mapped_column(sa.String(64))
    drafted_at: Mapped[datetime] = mapped_column(UTCDateTime)
    published_by: Mapped[str] = mapped_column(sa.String(64), default="")
    published_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class PlanWithdrawal(Model):
    """A published version that was taken back before it took effect (撤回).

    The version itself stays as it was published; triggers keep this as it is, too.
    """

    __tablename__ = "plan_withdrawals"
    __table_args__ = (
        sa.CheckConstraint("withdrawn_at < effective_from", name="before_it_took_effect"),
    )

    plan_id: Mapped[int] = mapped_column(
        sa.ForeignKey("commission_plans.id"), primary_key=True, autoincrement=False
    )
    # The version's, so that the database itself refuses one that was in force.
    effective_from: Mapped[datetime] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(sa.String(200))
    withdrawn_by: Mapped[str] = mapped_column(sa.String(64))
    withdrawn_at: Mapped[datetime] = mapped_column(UTCDateTime)


class CommissionStatus(enum.StrEnum):
    PENDING = "pending"  # 待结算
    HELD = "held"  # an after-sale is open
    SETTLED = "settled"  # 已结算
    VOID = "void"  # cancelled before settlement
    CLAWED = "clawed"  # taken back after settlement


class Commission(Model):
    """What one member earns from one order line at one depth (佣金).

    It stands at `amount_fen - reversed_fen`.
    """

    __tablename__ = "commissions"
    __table_args__ = (
        sa.UniqueConstraint("order_line_id", "depth"),
        sa.Index(None, "member_id", "id"),
        # What is not settled stands in front, and each batch together behind it.
        sa.Index(None, "batch_id", "member_id", "mature_at"),
        sa.Index(None, "created_at"),
        sa.CheckConstraint("depth BETWEEN 1 AND 3", name="depth_within_hard_cap"),
        sa.CheckConstraint("amount_fen > 0", name="amount_positive"),
        sa.CheckConstraint("reversed_fen BETWEEN 0 AND amount_fen", name="reversed_in_range"),
        sa.CheckConstraint(
            "(batch_id = 0) = (status IN ('pending', 'held', 'void'))",
            name="settled_names_its_batch",
        ),
        sa.CheckConstraint("filed_batch_id IN (0, batch_id)", name="filed_under_its_batch"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    order_line_id: Mapped[int] = mapped_column(sa.ForeignKey("order_lines.id"))
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    plan_id: Mapped[int] = mapped_column(sa.ForeignKey("commission_plans.id"))
    depth: Mapped[int] = mapped_column(sa.SmallInteger)
    base_fen: Mapped[int] = mapped_column(sa.BigInteger)
    rate: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    source: Mapped[str] = mapped_column(sa.String(40))
    uncapped_fen: Mapped[int] = mapped_column(sa.BigInteger)
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
    reversed_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    status: Mapped[CommissionStatus] = mapped_column(
        enum_column(CommissionStatus, "status"), default=CommissionStatus.PENDING
    )
    # Shown to the distributor once the goods were received.
    expected_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    mature_at: Mapped[datetime] = mapped_column(UTCDateTime, default=NEVER)
    # The settlement that took it; written once the money has moved, see `CommissionDue`.
    batch_id: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # Only the version before reads it: the next release drops it, and asks for `batch_id`
    # in the triggers of `commission_dues`.
    filed_batch_id: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")
    # What it stood at when it was settled; later claw-backs do not change this.
    settled_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    if TYPE_CHECKING:
        settled_at: Mapped[datetime | None]

    @property
    def standing_fen(self) -> int:
        return self.amount_fen - self.reversed_fen


class CommissionDue(Model):
    """A pending commission as the settlement takes it (应结佣金): narrow, in members' order.

    A settlement claims these rows and moves the money; that each commission says so
    follows within seconds (`filing.py`), since writing a million wide rows and their
    keys costs several times as much. The row ends with it.

    Triggers keep these rows equal to the pending commissions, whoever writes those, and
    refuse to change a commission that a settlement took before it is filed. C5 looks.
    """

    __tablename__ = "commission_dues"
    __table_args__ = (
        sa.CheckConstraint("amount_fen > 0", name="amount_positive"),
        {"sqlite_with_rowid": False},
    )

    member_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    commission_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    # What the commission stands at.
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
    mature_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # The settlement that took it and is not filed yet; 0 while it is due.
    batch_id: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")


class SettlementBatch(Model):
    """One chunk of a settlement run with its posting (结算批次)."""

    __tablename__ = "settlement_batches"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    posting_id: Mapped[int | None] = mapped_column(sa.ForeignKey("ledger_postings.id"), unique=True)
    rows: Mapped[int] = mapped_column(default=0)
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


# A row that a claim makes longer has to move in its page, which costs more than all
# the rest of the claim: when it was settled stands with its batch.
Commission.settled_at = column_property(
    sa.select(SettlementBatch.at)
    .where(SettlementBatch.id == Commission.batch_id)
    .correlate_except(SettlementBatch)
    .scalar_subquery()
)
