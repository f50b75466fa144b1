"""What channels brought (渠道效果): scans, follows, members, orders, sales.

Members are those who first came by the channel; orders and sales are what these
members ordered from that moment on and paid for, by the day of payment in
Asia/Shanghai. A sale is what was paid, freight included, as everywhere in the panel (成交额).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from app.core import clock
from app.core.db import db
from app.distribution.channels import ChannelMember, Scan, ScanSource
from app.orders import Order


@dataclass(frozen=True)
class ChannelFigures:
    """What one channel brought, of one day or of a span.

    Scans and follows are counted as they happen; whoever leaves and follows again
    by the code follows twice.
    """

    scans: int = 0
    follows: int = 0
    members: int = 0
    orders: int = 0
    sales_fen: int = 0

    def __add__(self, other: "ChannelFigures") -> "ChannelFigures":
        return ChannelFigures(
            self.scans + other.scans,
            self.follows + other.follows,
            self.members + other.members,
            self.orders + other.orders,
            self.sales_fen + other.sales_fen,
        )


def channel_totals(channel_ids: Sequence[int]) -> dict[int, ChannelFigures]:
    """What each of a page's channels brought since it was made."""
    found: dict[int, ChannelFigures] = defaultdict(ChannelFigures)
    if not channel_ids:
        return found
    for channel_id, scans, follows in db.session.execute(
        _scans(Scan.channel_id).where(Scan.channel_id.in_(channel_ids))
    ):
        found[channel_id] += ChannelFigures(scans=scans, follows=int(follows))
    for channel_id, count in db.session.execute(
        sa.select(ChannelMember.channel_id, sa.func.count())
        .where(ChannelMember.channel_id.in_(channel_ids))
        .group_by(ChannelMember.channel_id)
    ):
        found[channel_id] += ChannelFigures(members=count)
    for channel_id, count, fen in db.session.execute(
        _sales(ChannelMember.channel_id).where(ChannelMember.channel_id.in_(channel_ids))
    ):
        found[channel_id] += ChannelFigures(orders=count, sales_fen=int(fen))
    return found


def channel_days(channel_id: int, first: date, last: date) -> dict[date, ChannelFigures]:
    """What a channel brought on each day from `first` to `last`, the oldest first."""
    days = {first + timedelta(days=n): ChannelFigures() for n in range((last - first).days + 1)}
    for day, scans, follows in db.session.execute(
        _scans(Scan.day).where(Scan.channel_id == channel_id, Scan.day.between(first, last))
    ):
        days[day] += ChannelFigures(scans=scans, follows=int(follows))
    for day, count in db.session.execute(
        sa.select(ChannelMember.day, sa.func.count())
        .where(ChannelMember.channel_id == channel_id, ChannelMember.day.between(first, last))
        .group_by(ChannelMember.day)
    ):
        days[day] += ChannelFigures(members=count)
    # Engines disagree on time zones, not on the first letters of a time. Whole
    # hours of UTC are whole hours in Shanghai.
    hour = sa.func.substr(sa.cast(Order.paid_at, sa.String(26)), 1, 13)
    for text, count, fen in db.session.execute(
        _sales(hour).where(
            ChannelMember.channel_id == channel_id,
            Order.paid_at >= _midnight(first),
            Order.paid_at < _midnight(last + timedelta(days=1)),
        )
    ):
        moment = datetime.strptime(text, "%Y-%m-%d %H").replace(tzinfo=UTC)
        days[clock.local(moment).date()] += ChannelFigures(orders=count, sales_fen=int(fen))
    return days


def _scans(by: Any) -> sa.Select[Any]:
    follows = sa.func.sum(sa.case((Scan.source == ScanSource.FOLLOW, 1), else_=0))
    return sa.select(by, sa.func.count(), follows).group_by(by)


def _sales(by: Any) -> sa.Select[Any]:
    return (
        sa.select(by, sa.func.count(), sa.func.sum(Order.payable_fen))
        .select_from(ChannelMember)
        .join(Order, Order.member_id == ChannelMember.member_id)
        # What they ordered before they came by the channel is not its doing. The time
        # of payment is WeChat's, in whole seconds: it may lie before a scan just now.
        .where(Order.created_at >= ChannelMember.at, Order.paid_at.is_not(None))
        .group_by(by)
    )


def _midnight(day: date) -> datetime:
    return clock.as_utc(datetime.combine(day, time(), clock.SHANGHAI))
