import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedText
from app.core.db import BigId, Model, UTCDateTime


class Scope(enum.StrEnum):
    """What a key may do (权限范围)."""

    PRODUCTS_READ = "products:read"
    STOCK_WRITE = "stock:write"
    ORDERS_READ = "orders:read"
    ORDERS_SHIP = "orders:ship"
    MEMBERS_READ = "members:read"
    # Names, phones and addresses in full, wherever another scope shows them masked.
    MEMBERS_PERSONAL = "members:personal"
    COMMISSIONS_READ = "commissions:read"
    WITHDRAWALS_READ = "withdrawals:read"
    AFTERSALES_READ = "aftersales:read"


class ApiKey(Model):
    """By which another system of the shop calls us (接口密钥); only its hash is kept."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(40))
    # How the key begins, so that people can tell one from another.
    prefix: Mapped[str] = mapped_column(sa.String(16))
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(sa.JSON)
    # Networks in CIDR from which it may be used; empty for any address.
    networks: Mapped[list[str]] = mapped_column(sa.JSON)
    created_by: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    used_from: Mapped[str] = mapped_column(sa.String(45), default="")
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    def works_at(self, now: datetime) -> bool:
        return self.ended_at is None and (self.expires_at is None or self.expires_at > now)


class ApiWrite(Model):
    """A write that a client named by an Idempotency-Key, with its answer (幂等记录)."""

    __tablename__ = "api_writes"
    __table_args__ = (
        sa.UniqueConstraint("owner", "key_hash"),
        sa.Index(None, "created_at"),
        sa.CheckConstraint("(status IS NULL) = (body IS NULL)", name="answered_whole"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # `key:3` or `member:7`: a key of one is unknown to the others.
    owner: Mapped[str] = mapped_column(sa.String(40))
    # Hashed, because to MariaDB's usual collation `a` and `A` are one.
    key_hash: Mapped[str] = mapped_column(sa.String(64))
    # Of method, address and body.
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    # Who works on it now: whoever takes it over has another one.
    turn: Mapped[str] = mapped_column(sa.String(32))
    turn_ends_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    status: Mapped[int | None] = mapped_column(sa.SmallInteger)
    # Sealed: an answer may hold a name and an address.
    body: Mapped[str | None] = mapped_column(EncryptedText)
