import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedText, mask_phone
from app.core.db import BigId, Model, UTCDateTime, enum_column

# Equal only if written alike: to MariaDB's usual collation many words are the same.
TagName = sa.String(12).with_variant(mysql.VARCHAR(12, collation="utf8mb4_bin"), "mysql", "mariadb")


class MemberStatus(enum.StrEnum):
    ACTIVE = "active"
    BLOCKED = "blocked"  # may look, may not buy or withdraw


class Named:
    """How a member is called, wherever the columns of one come from."""

    public_id: Any
    nickname: Any
    erased_at: Any

    @property
    def display_name(self) -> str:
        """The nickname, or a name that tells members apart without telling who."""
        if self.erased_at is not None:
            return "已注销用户"
        return self.nickname or f"微信用户{self.public_id[-4:]}"


class Member(Named, Model):
    """A person known by a WeChat openid (会员)."""

    __tablename__ = "members"
    __table_args__ = (
        sa.CheckConstraint(
            "(upline1_id IS NOT NULL OR upline2_id IS NULL)"
            " AND (upline2_id IS NOT NULL OR upline3_id IS NULL)",
            name="uplines_without_gap",
        ),
        # Teams in the order in which people joined, and how many came since when.
        sa.Index(None, "upline1_id", "bound_at"),
        sa.Index(None, "upline2_id", "bound_at"),
        sa.Index(None, "upline3_id", "bound_at"),
        # Who was new on a day.
        sa.Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(sa.String(16), unique=True)
    openid: Mapped[str] = mapped_column(sa.String(64), unique=True)
    nickname: Mapped[str] = mapped_column(sa.String(64), default="")
    avatar_url: Mapped[str] = mapped_column(sa.String(300), default="")
    status: Mapped[MemberStatus] = mapped_column(
        enum_column(MemberStatus, "status"), default=MemberStatus.ACTIVE
    )
    is_subscribed: Mapped[bool] = mapped_column(default=False)
    upline1_id: Mapped[int | None] = mapped_column(sa.ForeignKey("members.id"))
    upline2_id: Mapped[int | None] = mapped_column(sa.ForeignKey("members.id"))
    upline3_id: Mapped[int | None] = mapped_column(sa.ForeignKey("members.id"))
    bound_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # The account was deleted (已注销): the row stays for the books and is nobody.
    erased_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def masked_name(self) -> str:
        """The name as other members may see it: first and last character."""
        name = self.display_name
        if self.erased_at is not None:
            return name
        return f"{name[0]}*{name[-1]}" if len(name) > 2 else f"{name[0]}*"


class Reachable:
    """What pages say of an address, wherever the columns of one come from."""

    phone: Any
    region: Any
    detail: Any

    @property
    def masked_phone(self) -> str:
        return mask_phone(self.phone)

    @property
    def one_line(self) -> str:
        return f"{self.region} {self.detail}"


class Address(Reachable, Model):
    """Where parcels go (收货地址). Name, phone and detail are sealed at rest."""

    __tablename__ = "member_addresses"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), index=True)
    name: Mapped[str] = mapped_column(EncryptedText)
    phone: Mapped[str] = mapped_column(EncryptedText)
    region: Mapped[str] = mapped_column(sa.String(60))
    # The county's six digits (GB/T 2260), for freight; empty in the oldest rows.
    region_code: Mapped[str] = mapped_column(sa.String(6), default="")
    detail: Mapped[str] = mapped_column(EncryptedText)
    is_default: Mapped[bool] = mapped_column(default=True)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)


# The privacy notice, as a document that people agree to.
PRIVACY = "privacy"


class Consent(Model):
    """What a member agreed to, in which version, when (同意记录)."""

    __tablename__ = "member_consents"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), index=True)
    document: Mapped[str] = mapped_column(sa.String(40))
    version: Mapped[str] = mapped_column(sa.String(20))
    text_hash: Mapped[str] = mapped_column(sa.String(64))
    agreed_at: Mapped[datetime] = mapped_column(UTCDateTime)


class MemberNote(Model):
    """What an admin wrote down about a member for colleagues (备注)."""

    __tablename__ = "member_notes"
    __table_args__ = (sa.Index(None, "member_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    text: Mapped[str] = mapped_column(sa.String(500))
    author: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime] = mapped_column(UTCDateTime)


class MemberTag(Model):
    """A word by which the desk groups members (标签), such as 老顾客."""

    __tablename__ = "member_tags"
    __table_args__ = (sa.UniqueConstraint("member_id", "name"), sa.Index(None, "name", "member_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    name: Mapped[str] = mapped_column(TagName)
    author: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
