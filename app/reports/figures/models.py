import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model, UTCDateTime, enum_column


class Dimension(enum.StrEnum):
    """What a row is about; `key_id` says which one."""

    ALL = "all"  # key 0
    PRODUCT = "product"
    SKU = "sku"
    DISTRIBUTOR = "distributor"  # the member's id; sales of those directly below
    PROVINCE = "province"  # the first two digits of GB/T 2260; 0: none is known
    CHANNEL = "channel"
    # The shop in the month that begins on the day; only its buyers are counted.
    MONTH = "month"  # key 0


# What is counted, in the order of the columns; money is fen.
MEASURES = (
    *("orders", "units", "sales_fen", "cost_fen", "buyers", "first_buyers", "repeat_buyers"),
    *("returned_fen", "returned_units", "refunds", "refunds_fen"),
    *("visitors", "members", "distributors", "scans", "follows", "binds"),
    *("referred_orders", "settled_orders"),
    *("commissions_fen", "reversed_fen", "settled_fen"),
    *("withdrawals", "withdrawn_fen", "tax_fen"),
)


class DailyFigure(Model):
    """What one day brought to one thing (每日数据); a day's rows are written together."""

    __tablename__ = "daily_figures"
    __table_args__ = (
        # One product's, SKU's or person's days.
        sa.Index(None, "dimension", "key_id", "day"),
    )

    dimension: Mapped[Dimension] = mapped_column(
        enum_column(Dimension, "dimension"), primary_key=True
    )
    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    key_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    # Paid orders; of a product or SKU, those it was in.
    orders: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    units: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # What was paid: freight included, but of a product or SKU.
    sales_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    cost_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # Distinct members who paid on the day, and those who never had before.
    buyers: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    first_buyers: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # Distinct members who paid twice or more.
    repeat_buyers: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # Of this day's sales, whenever it came back.
    returned_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    returned_units: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # Agreed to on this day, whenever it was sold.
    refunds: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    refunds_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # Distinct members who opened the mall.
    visitors: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # New ones; of a distributor those bound to them, of a channel those it brought.
    members: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    distributors: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    scans: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    follows: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    binds: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # Orders that earned somebody a commission, and those whose commissions were settled.
    referred_orders: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    settled_orders: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # Booked on this day; taken back on this day; moved to wallets on this day.
    commissions_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    reversed_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    settled_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # Paid out: how many, what arrived, and what was withheld.
    withdrawals: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    withdrawn_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    tax_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)


class FigureDay(Model):
    """That a day was computed, and when (重算记录)."""

    __tablename__ = "figure_days"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    built_at: Mapped[datetime] = mapped_column(UTCDateTime)


# How many days end yesterday: with today so far they are what the dashboard shows.
SPANS = (6, 29, 89)
# What is ranked in them, by its sales, and the measures that are shown beside.
SPANNED = (Dimension.PRODUCT, Dimension.DISTRIBUTOR)
SPAN_MEASURES = ("orders", "units", "sales_fen", "commissions_fen", "members")


class FigureSpan(Model):
    """That the days before today are summed in `SpanFigure`, and which (汇总区间).

    A span is removed when one of its days is computed anew, so whoever finds it finds
    sums that agree with its days.
    """

    __tablename__ = "figure_spans"

    days: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first: Mapped[date] = mapped_column(sa.Date)
    last: Mapped[date] = mapped_column(sa.Date)
    built_at: Mapped[datetime] = mapped_column(UTCDateTime)


class SpanFigure(Model):
    """What a span of days brought to one product or distributor: the sum of its days' rows.

    Over a month thousands of distributors have a hundred thousand rows by day; who leads
    is read here along an index.
    """

    __tablename__ = "span_figures"
    __table_args__ = (sa.Index(None, "days", "dimension", "sales_fen"),)

    days: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    dimension: Mapped[Dimension] = mapped_column(
        enum_column(Dimension, "dimension"), primary_key=True
    )
    key_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    orders: Mapped[int] = mapped_column(sa.BigInteger)
    units: Mapped[int] = mapped_column(sa.BigInteger)
    sales_fen: Mapped[int] = mapped_column(sa.BigInteger)
    commissions_fen: Mapped[int] = mapped_column(sa.BigInteger)
    members: Mapped[int] = mapped_column(sa.BigInteger)
