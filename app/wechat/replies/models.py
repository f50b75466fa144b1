import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import BigId, Model, UTCDateTime, enum_column


class RuleKind(enum.StrEnum):
    """When a rule answers (触发方式)."""

    EXACT = "exact"  # what was written is a keyword
    CONTAINS = "contains"  # what was written has a keyword in it
    DEFAULT = "default"  # no keyword fits
    FOLLOW = "follow"
    FOLLOW_BY_CODE = "follow_by_code"  # a distributor's code was scanned


KEYWORD_KINDS = frozenset({RuleKind.EXACT, RuleKind.CONTAINS})
FOLLOW_KINDS = frozenset({RuleKind.FOLLOW, RuleKind.FOLLOW_BY_CODE})


class ReplyType(enum.StrEnum):
    """What a rule answers with (回复类型)."""

    TEXT = "text"
    NEWS = "news"  # one article with a picture
    SERVICE = "service"  # WeChat hands the person to a customer service account
    NONE = "none"  # silence


class ReplyRule(Model):
    """One rule of the automatic replies (自动回复规则)."""

    __tablename__ = "reply_rules"
    __table_args__ = (
        sa.CheckConstraint("(reply_type = 'text') = (content <> '')", name="content_of_text"),
        sa.CheckConstraint(
            "(reply_type = 'news') = (title <> '') AND (reply_type = 'news') = (url <> '')",
            name="article_of_news",
        ),
        # WeChat hands over messages, and a follow is none.
        sa.CheckConstraint(
            "reply_type <> 'service' OR kind NOT IN ('follow', 'follow_by_code')",
            name="service_for_messages",
        ),
        sa.CheckConstraint("sort BETWEEN 0 AND 9999", name="sort_in_range"),
        sa.Index(None, "is_active", "kind", "sort", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[RuleKind] = mapped_column(enum_column(RuleKind, "kind"))
    reply_type: Mapped[ReplyType] = mapped_column(enum_column(ReplyType, "reply_type"))
    content: Mapped[str] = mapped_column(sa.String(600), default="")
    title: Mapped[str] = mapped_column(sa.String(64), default="")
    description: Mapped[str] = mapped_column(sa.String(120), default="")
    picture_url: Mapped[str] = mapped_column(sa.String(500), default="")
    url: Mapped[str] = mapped_column(sa.String(500), default="")
    # The smallest goes first; among equals the oldest rule.
    sort: Mapped[int] = mapped_column(default=100)
    is_active: Mapped[bool] = mapped_column(default=True)
    updated_by: Mapped[str] = mapped_column(sa.String(64))
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)

    keywords: Mapped[list["ReplyKeyword"]] = relationship(
        order_by="ReplyKeyword.position", cascade="all, delete-orphan", lazy="selectin"
    )


class ReplyKeyword(Model):
    """One keyword of a rule (关键词), as it was typed."""

    __tablename__ = "reply_keywords"
    __table_args__ = (sa.UniqueConstraint("rule_id", "position"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    rule_id: Mapped[int] = mapped_column(sa.ForeignKey("reply_rules.id"))
    position: Mapped[int]
    keyword: Mapped[str] = mapped_column(sa.String(30))
    # Only under an active exact rule. A digest: to MariaDB's collation many
    # different words are equal, every emoji to every other among them.
    exact_key: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
