from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime


class InboxMessage(Model):
    """A message or event that WeChat pushed, with the reply it got (消息去重)."""

    __tablename__ = "wechat_messages"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # MsgId, or sender + time + event for events, which carry no id.
    dedupe_key: Mapped[str] = mapped_column(sa.String(160), unique=True)
    openid: Mapped[str] = mapped_column(sa.String(64), index=True)
    kind: Mapped[str] = mapped_column(sa.String(40))
    # The reply as XML before encryption; empty for `success`.
    reply: Mapped[str] = mapped_column(sa.Text, default="")
    at: Mapped[datetime] = mapped_column(UTCDateTime)


class InboxNotice(Model):
    """A verified notice of WeChat Pay, raw, under WeChat's own id (支付通知)."""

    __tablename__ = "wechat_notices"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    notice_id: Mapped[str] = mapped_column(sa.String(64), unique=True)
    event_type: Mapped[str] = mapped_column(sa.String(40))
    raw: Mapped[str] = mapped_column(sa.Text)
    received_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # What came of it; empty while it was stored but not acted on.
    result: Mapped[str] = mapped_column(sa.String(40), default="")
