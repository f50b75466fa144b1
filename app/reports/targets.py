"""What distributors are expected to sell in a month (业绩目标), set by the desk.

A target is about the sales of those directly below, which `daily_figures` has; nothing
is paid for reaching one.
"""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app import audit, distribution, members
from app.audit import Actor
from app.core.db import BigId, Model, UTCDateTime, db, require_transaction
from app.core.errors import InvalidInput
from app.core.rows import add_once, lock_rows

# More than any distributor sells, and well within what a column holds.
TARGET_MAX_FEN = 10_000_000_00
ROWS_MAX = 500


class SalesTarget(Model):
    """One distributor's target for one month, in fen; `month` is its first day."""

    __tablename__ = "sales_targets"
    __table_args__ = (
        sa.UniqueConstraint("month", "member_id"),
        sa.CheckConstraint("target_fen > 0", name="target_positive"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    month: Mapped[date] = mapped_column(sa.Date)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), index=True)
    target_fen: Mapped[int] = mapped_column(sa.BigInteger)
    set_by: Mapped[str] = mapped_column(sa.String(64))
    set_at: Mapped[datetime] = mapped_column(UTCDateTime)


def of_month(month: date) -> Sequence[SalesTarget]:
    """The targets of a month, the highest first."""
    return db.session.scalars(
        sa.select(SalesTarget)
        .filter_by(month=month)
        .order_by(SalesTarget.target_fen.desc(), SalesTarget.id)
        .limit(ROWS_MAX)
    ).all()


def set_target(
    public_id: str, month: date, target_fen: int, *, actor: Actor, now: datetime
) -> None:
    """Set what the distributor with this member number shall sell; 0 takes the target away.

    Raises InvalidInput.
    """
    require_transaction()
    if not 0 <= target_fen <= TARGET_MAX_FEN:
        raise InvalidInput("target", "目标要在 0 到 1,000 万元之间")
    member = members.by_public_id(public_id.strip().upper())
    if member is None:
        raise InvalidInput("member", "没有这个会员编号")
    found = distribution.distributor_of(member.id)
    if found is None or not found.has_place:
        raise InvalidInput("member", "这位会员不是分销员")
    month = month.replace(day=1)
    fresh = SalesTarget(
        month=month, member_id=member.id, target_fen=target_fen, set_by=actor.ref, set_at=now
    )
    before: int | None = None
    if not (target_fen and add_once(fresh)):
        found_ids = sa.select(SalesTarget.id).filter_by(month=month, member_id=member.id)
        known: int | None = db.session.scalar(found_ids)
        if known is None:
            return
        [row] = lock_rows(SalesTarget, [known])
        before = row.target_fen
        if target_fen:
            row.target_fen, row.set_by, row.set_at = target_fen, actor.ref, now
        else:
            db.session.delete(row)
    audit.record(
        "report.target",
        subject="member",
        subject_id=member.id,
        actor=actor,
        now=now,
        before=None if before is None else {"month": str(month), "target_fen": before},
        after={"month": str(month), "target_fen": target_fen},
    )
