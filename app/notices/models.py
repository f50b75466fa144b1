import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column


class Channel(enum.StrEnum):
    """By which of WeChat's messages a kind is sent (发送方式)."""

    TEMPLATE = "template"  # 模板消息: followers only
    SUBSCRIPTION = "subscription"  # 订阅通知: one consent, one message


class NoticeTemplate(Model):
    """Which template of the official account a kind of notice uses (模板配置)."""

    __tablename__ = "notice_templates"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(40), unique=True)
    channel: Mapped[Channel] = mapped_column(enum_column(Channel, "channel"))
    template_id: Mapped[str] = mapped_column(sa.String(64))
    title: Mapped[str] = mapped_column(sa.String(60), default="")
    # WeChat's field -> {"source": name of a value} or {"text": fixed words}
    fields: Mapped[dict[str, dict[str, str]]] = mapped_column(sa.JSON)
    is_active: Mapped[bool] = mapped_column(default=True)
    updated_by: Mapped[str] = mapped_column(sa.String(64))
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)


class NoticeState(enum.StrEnum):
    """How far a notice came on its way to WeChat; the member can read it in any."""

    KEPT = "kept"  # no template is mapped to its kind
    MUTED = "muted"  # the member does not want this kind
    NOT_FOLLOWING = "not_following"  # template messages reach followers only
    QUEUED = "queued"  # in the outbox
    SENT = "sent"  # WeChat took it
    REFUSED = "refused"  # WeChat refused it for good


class Notice(Model):
    """Something that happened, told to one member (消息)."""

    __tablename__ = "notices"
    __table_args__ = (
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "state", "id"),
        sa.Index(None, "kind", "id"),
        sa.Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # Made from the fact, such as `order_paid:88`: told once.
    key: Mapped[str] = mapped_column(sa.String(80), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(40))
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    # By the names of the kind's sources; fen, ISO times, texts.
    values: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    # Of the page that tells more, from the root of the mall.
    path: Mapped[str] = mapped_column(sa.String(200), default="")
    state: Mapped[NoticeState] = mapped_column(enum_column(NoticeState, "state"))
    # Exactly what was sent, once it was.
    template_id: Mapped[str] = mapped_column(sa.String(64), default="")
    fields: Mapped[dict[str, str] | None] = mapped_column(sa.JSON)
    message_id: Mapped[str | None] = mapped_column(sa.String(32), index=True)
    error: Mapped[str] = mapped_column(sa.String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class NoticeDelivery(Model):
    """WeChat's word on what became of a message it took (送达事件).

    On its own, because the event may come before the answer to the sending.
    """

    __tablename__ = "notice_deliveries"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[str] = mapped_column(sa.String(32), unique=True)
    status: Mapped[str] = mapped_column(sa.String(40))
    at: Mapped[datetime] = mapped_column(UTCDateTime)


class NoticeMute(Model):
    """A kind that a member does not want in WeChat's chat (免打扰)."""

    __tablename__ = "notice_mutes"
    __table_args__ = (sa.UniqueConstraint("member_id", "kind"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    kind: Mapped[str] = mapped_column(sa.String(40))
