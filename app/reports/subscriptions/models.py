import enum
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import BigId, Model, UTCDateTime, enum_column
from app.reports.boards import Compare


class Cadence(enum.StrEnum):
    """How often a report comes (频率)."""

    DAILY = "daily"
    WEEKLY = "weekly"  # on a weekday, 0 is Monday
    MONTHLY = "monthly"  # on a day, or the month's last where it has fewer


class Period(enum.StrEnum):
    """What it is about, up to the day before it comes (统计时间)."""

    YESTERDAY = "1"
    WEEK = "7"
    DAYS_30 = "30"
    DAYS_90 = "90"
    MONTH = "month"  # of that day, from its first
    LAST_MONTH = "last_month"  # the whole month before the one it comes in
    YEAR = "year"


class Content(enum.StrEnum):
    """What it brings (内容): the sums in words, and perhaps the tables as files."""

    SUMMARY = "summary"
    XLSX = "xlsx"
    CSV = "csv"


class Way(enum.StrEnum):
    """How it comes (接收方式). Under 我的报表 in the panel it is in any case."""

    MAIL = "mail"
    WECHAT = "wechat"  # the official account's template, for an admin who is a member


class SubscriptionState(enum.StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    DELETED = "deleted"  # what was sent stays readable


class ReportSubscription(Model):
    """A report that comes by itself (定期报表)."""

    __tablename__ = "report_subscriptions"
    __table_args__ = (
        sa.CheckConstraint("hour BETWEEN 0 AND 23", name="hour_of_a_day"),
        sa.Index(None, "state", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    report: Mapped[str] = mapped_column(sa.String(32))
    period: Mapped[Period] = mapped_column(enum_column(Period, "period"))
    compare: Mapped[Compare] = mapped_column(enum_column(Compare, "compare"))
    cadence: Mapped[Cadence] = mapped_column(enum_column(Cadence, "cadence"))
    # The weekday from 0, or the day of the month from 1; 0 where it comes daily.
    on_day: Mapped[int] = mapped_column(sa.SmallInteger, default=0)
    # In Shanghai.
    hour: Mapped[int] = mapped_column(sa.SmallInteger)
    content: Mapped[Content] = mapped_column(enum_column(Content, "content"))
    ways: Mapped[list[str]] = mapped_column(sa.JSON)
    # Admins by their ids; whether they may see it is asked when it is sent.
    recipients: Mapped[list[int]] = mapped_column(sa.JSON)
    state: Mapped[SubscriptionState] = mapped_column(
        enum_column(SubscriptionState, "state"), default=SubscriptionState.ACTIVE
    )
    # From then on its turns count; turns in a pause do not.
    since: Mapped[datetime] = mapped_column(UTCDateTime)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("admins.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)


class DeliveryState(enum.StrEnum):
    WAITING = "waiting"  # to be sent at `due_at`, or being sent until then
    DELIVERED = "delivered"
    FAILED = "failed"  # given up; an admin may send it again
    REFUSED = "refused"  # the recipient may not see it any more


class ReportDelivery(Model):
    """One turn of a subscription for one recipient (发送记录)."""

    __tablename__ = "report_deliveries"
    __table_args__ = (
        # A turn is sent once, whoever plans it.
        sa.UniqueConstraint("subscription_id", "turn", "admin_id"),
        sa.Index(None, "state", "due_at"),
        sa.Index(None, "admin_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subscription_id: Mapped[int] = mapped_column(sa.ForeignKey("report_subscriptions.id"))
    # Its day, or `now:` and the minute in which somebody asked for it.
    turn: Mapped[str] = mapped_column(sa.String(20))
    admin_id: Mapped[int] = mapped_column(sa.ForeignKey("admins.id"))
    # What it is about, as it was when it was planned.
    report: Mapped[str] = mapped_column(sa.String(32))
    first: Mapped[date] = mapped_column(sa.Date)
    last: Mapped[date] = mapped_column(sa.Date)
    compare: Mapped[Compare] = mapped_column(enum_column(Compare, "compare"))
    content: Mapped[Content] = mapped_column(enum_column(Content, "content"))
    ways: Mapped[list[str]] = mapped_column(sa.JSON)
    state: Mapped[DeliveryState] = mapped_column(
        enum_column(DeliveryState, "state"), default=DeliveryState.WAITING
    )
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    error: Mapped[str] = mapped_column(sa.String(200), default="")
    # The sums in words, from when it was made: the message in the panel.
    summary: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    made_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    subscription: Mapped[ReportSubscription] = relationship()
