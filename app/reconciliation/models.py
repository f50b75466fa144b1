import enum
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column


class BillKind(enum.StrEnum):
    """The two files WeChat offers for a day."""

    TRADE = "trade"  # 交易账单: payments and refunds, by our numbers
    FLOW = "flow"  # 资金账单: every move of the merchant's account


class FileState(enum.StrEnum):
    IMPORTING = "importing"  # some of its rows are here
    IMPORTED = "imported"
    EMPTY = "empty"  # WeChat says that nothing happened on that day
    REFUSED = "refused"  # not whole: none of it counts


class Sort(enum.StrEnum):
    """What a row of a bill is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    TRANSFER = "transfer"
    FEE = "fee"  # WeChat's own, which our books do not keep
    OTHER = "other"  # top-ups, the merchant's own withdrawals and the like


class BillFile(Model):
    """One bill of one day (账单文件); amounts in fen."""

    __tablename__ = "bill_files"
    __table_args__ = (sa.UniqueConstraint("day", "kind"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # In Shanghai, as WeChat counts days.
    day: Mapped[date]
    kind: Mapped[BillKind] = mapped_column(enum_column(BillKind, "kind"))
    state: Mapped[FileState] = mapped_column(enum_column(FileState, "state"))
    # Who imports; of two at the same time only the later one's rows go on.
    attempt: Mapped[int] = mapped_column(default=0)
    sha1: Mapped[str] = mapped_column(sa.String(40), default="")
    row_count: Mapped[int] = mapped_column(default=0)
    # Of the merchant's account before and after the day; only of a flow bill.
    opening_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    closing_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    fetched_at: Mapped[datetime] = mapped_column(UTCDateTime)


class BillRow(Model):
    """One row of a bill (账单明细); positive came in, negative went out."""

    __tablename__ = "bill_rows"
    __table_args__ = (
        sa.UniqueConstraint("file_id", "line"),
        sa.Index(None, "number"),
        sa.Index(None, "wx_number"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    file_id: Mapped[int] = mapped_column(sa.ForeignKey("bill_files.id"))
    line: Mapped[int]
    kind: Mapped[BillKind] = mapped_column(enum_column(BillKind, "kind"))
    sort: Mapped[Sort] = mapped_column(enum_column(Sort, "sort"))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    # Ours: of the payment, the refund or the transfer.
    number: Mapped[str] = mapped_column(sa.String(64), default="")
    wx_number: Mapped[str] = mapped_column(sa.String(64), default="")
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)


class DayState(enum.StrEnum):
    AGREES = "agrees"
    BREAKS = "breaks"  # some breaks are open
    REFUSED = "refused"  # a bill was not whole


class ReconciledDay(Model):
    """What came of reconciling one day (对账日)."""

    __tablename__ = "reconciled_days"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    day: Mapped[date] = mapped_column(unique=True)
    state: Mapped[DayState] = mapped_column(enum_column(DayState, "state"))
    # By sort: `count`, and `ledger_fen`, `request_fen`, `bill_fen`.
    sums: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    # At WeChat already, here not at their end yet: looked at again later.
    in_flight: Mapped[int] = mapped_column(default=0)
    break_count: Mapped[int] = mapped_column(default=0)
    checked_at: Mapped[datetime] = mapped_column(UTCDateTime)


class BreakKind(enum.StrEnum):
    """Where books, requests and bills disagree (对账差异)."""

    PAYMENT = "payment"
    REFUND = "refund"
    TRANSFER = "transfer"
    FLOW = "flow"  # in one bill and not in the other
    LEDGER = "ledger"  # booked as WeChat's money, of nothing we asked for
    GAP = "gap"  # the account's balance jumped between two bills


class Break(Model):
    """One disagreement about money (对账差异); NULL where a side has nothing."""

    __tablename__ = "reconciliation_breaks"
    __table_args__ = (
        sa.UniqueConstraint("kind", "reference"),
        sa.Index(None, "day", "closed_at"),
        sa.Index(None, "closed_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    day: Mapped[date]
    kind: Mapped[BreakKind] = mapped_column(enum_column(BreakKind, "kind"))
    reference: Mapped[str] = mapped_column(sa.String(128))
    wx_number: Mapped[str] = mapped_column(sa.String(64), default="")
    ledger_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    request_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    bill_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    found_at: Mapped[datetime] = mapped_column(UTCDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    closed_by: Mapped[str] = mapped_column(sa.String(64), default="")
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
