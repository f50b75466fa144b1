import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import BigId, Model, UTCDateTime, enum_column
from app.distribution.models import AttemptResult, BindingAttempt

# Referral codes have no hyphen: see `app.core.ids.ALPHABET`.
CODE_PREFIX = "CH-"
# What WeChat allows an account; see the platform's "生成带参数的二维码".
PERMANENT_MAX = 100_000


class ChannelKind(enum.StrEnum):
    CAMPAIGN = "campaign"  # 活动
    SHOP = "shop"  # 门店


class Channel(Model):
    """A code of the shop's own (渠道)."""

    __tablename__ = "channels"
    __table_args__ = (
        sa.CheckConstraint("is_permanent = 0 OR qr_expires_at IS NULL", name="permanent_ends_not"),
        # What WeChat shall make or renew.
        sa.Index(None, "is_active", "qr_expires_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # The scene; random, so that nobody guesses another one.
    code: Mapped[str] = mapped_column(sa.String(16), unique=True)
    name: Mapped[str] = mapped_column(sa.String(40))
    # Engines disagree on which names are the same, a digest does not.
    name_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    kind: Mapped[ChannelKind] = mapped_column(enum_column(ChannelKind, "kind"))
    # Whom those who come are bound to.
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("members.id"), index=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_permanent: Mapped[bool]
    note: Mapped[str] = mapped_column(sa.String(200), default="")
    # The official account's QR, once WeChat made it; `qr_url` is what it says.
    qr_ticket: Mapped[str] = mapped_column(sa.String(200), default="")
    qr_url: Mapped[str] = mapped_column(sa.String(200), default="")
    qr_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_by: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    def works_at(self, now: datetime) -> bool:
        """Whether WeChat knows its QR at this moment."""
        return bool(self.qr_url) and (self.is_permanent or (self.qr_expires_at or now) > now)


class SceneRation(Model):
    """How many permanent scenes were ever taken (永久二维码配额): one row, with id 1."""

    __tablename__ = "scene_ration"
    __table_args__ = (
        sa.CheckConstraint(f"used BETWEEN 0 AND {PERMANENT_MAX}", name="used_within_limit"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    used: Mapped[int] = mapped_column(default=0)


class ScanSource(enum.StrEnum):
    """How somebody came by a code (来源)."""

    FOLLOW = "follow"  # scanned, and followed the account thereby
    SCAN = "scan"  # scanned while following
    LINK = "link"  # opened /r/<code>


class Outcome(enum.StrEnum):
    """What came of a scan (扫码结果)."""

    TRIED = "tried"  # a binding was tried: its attempt has the result
    COUNTED = "counted"  # a channel without an owner
    STOPPED = "stopped"  # the channel is not in use
    SNAPSHOT = "snapshot"  # a virtual person of WeChat's: no member, nothing bound


class Scan(Model):
    """One scan of a code, or one visit by its link (扫码记录)."""

    __tablename__ = "scans"
    __table_args__ = (
        sa.CheckConstraint(
            "(outcome = 'tried') = (attempt_id IS NOT NULL)", name="attempt_if_tried"
        ),
        sa.CheckConstraint(
            "(outcome = 'snapshot') = (member_id IS NULL)", name="member_unless_snapshot"
        ),
        # Counting a channel's days reads this and no row.
        sa.Index(None, "channel_id", "day", "source"),
        sa.Index(None, "channel_id", "id"),
        # A day of all channels.
        sa.Index(None, "day", "channel_id", "source"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel_id: Mapped[int | None] = mapped_column(sa.ForeignKey("channels.id"))
    member_id: Mapped[int | None] = mapped_column(sa.ForeignKey("members.id"), index=True)
    source: Mapped[ScanSource] = mapped_column(enum_column(ScanSource, "source"))
    outcome: Mapped[Outcome] = mapped_column(enum_column(Outcome, "outcome"))
    attempt_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("binding_attempts.id"), unique=True
    )
    # Of a snapshot user only: their virtual openid, the code that they came by, and
    # what makes a repeat of the same login one row.
    openid: Mapped[str] = mapped_column(sa.String(64), default="")
    code: Mapped[str] = mapped_column(sa.String(64), default="")
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("members.id"), index=True)
    dedupe_key: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    # In Asia/Shanghai: engines disagree on time zones.
    day: Mapped[date] = mapped_column(sa.Date)
    at: Mapped[datetime] = mapped_column(UTCDateTime)

    channel: Mapped[Channel | None] = relationship(lazy="joined")
    attempt: Mapped[BindingAttempt | None] = relationship(lazy="joined")

    @property
    def result(self) -> str:
        """What came of it, in one word for the page.

        An outcome, or an attempt's result with `already_bound` told apart:
        `bound_same` where the member already belonged to the code's owner.
        """
        if self.attempt is None:
            return self.outcome.value
        found = self.attempt
        if found.result is AttemptResult.ALREADY_BOUND and found.upline_id == found.owner_id:
            return "bound_same"
        return found.result.value


class ChannelMember(Model):
    """The channel that a member first came by (首次来源). Never changed."""

    __tablename__ = "channel_members"
    __table_args__ = (sa.Index(None, "channel_id", "day", "member_id"), sa.Index(None, "at"))

    member_id: Mapped[int] = mapped_column(
        sa.ForeignKey("members.id"), primary_key=True, autoincrement=False
    )
    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("channels.id"))
    day: Mapped[date] = mapped_column(sa.Date)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
