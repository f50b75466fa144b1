import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import BigId, Model, UTCDateTime, enum_column


class AccountKind(enum.StrEnum):
    """The chart of accounts (科目). An account is positive when it holds."""

    WORLD_WX = "world_wx"  # the only door to WeChat Pay: -balance is the money there
    WORLD_BANK = "world_bank"  # the only door to payouts made by hand
    ORDER_HOLD = "order_hold"  # paid by buyers, not yet earned
    SHOP = "shop"  # earned by the shop
    REFUND_DUE = "refund_due"  # on its way back to buyers
    TAX_PAYABLE = "tax_payable"
    VAT_PAYABLE = "vat_payable"
    POINTS_ISSUED = "points_issued"
    PENDING = "pending"  # 待结算
    AVAILABLE = "available"  # 可提现
    FROZEN = "frozen"  # 提现中
    DEBT = "debt"  # 待追回, never above 0
    POINTS = "points"  # 积分


MEMBER_KINDS = frozenset(
    {
        AccountKind.PENDING,
        AccountKind.AVAILABLE,
        AccountKind.FROZEN,
        AccountKind.DEBT,
        AccountKind.POINTS,
    }
)
SIGNED_SYSTEM_KINDS = frozenset(
    {AccountKind.WORLD_WX, AccountKind.WORLD_BANK, AccountKind.POINTS_ISSUED}
)
# Below 0 only while the tax office holds more than it is owed: a payout came back after its
# tax was paid on. W5 says to the fen what it must be.
OVERPAID_KINDS = frozenset({AccountKind.TAX_PAYABLE})
POINT_KINDS = frozenset({AccountKind.POINTS, AccountKind.POINTS_ISSUED})


class Account(Model):
    """One account of one owner; `owner_id` is the member's id, or 0 for the system.

    0 and not NULL, because a UNIQUE takes two NULLs for different.
    """

    __tablename__ = "ledger_accounts"
    __table_args__ = (
        sa.UniqueConstraint("kind", "owner_id"),
        sa.Index(None, "owner_id"),
        sa.CheckConstraint(
            "(owner_id = 0 AND balance_fen = 0)"
            " OR (owner_id > 0 AND kind = 'debt' AND balance_fen <= 0)"
            " OR (owner_id > 0 AND kind <> 'debt' AND balance_fen >= 0)",
            name="balance_within_bounds",
        ),
        sa.CheckConstraint(
            "(owner_id > 0) = (kind IN ('pending', 'available', 'frozen', 'debt', 'points'))",
            name="owner_fits_kind",
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[AccountKind] = mapped_column(enum_column(AccountKind, "kind"))
    owner_id: Mapped[int] = mapped_column(sa.BigInteger)
    # The cached sum of a member account's entries; always 0 on a system account.
    balance_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)


class Posting(Model):
    """An immutable event of the books (分录)."""

    __tablename__ = "ledger_postings"
    __table_args__ = (sa.Index(None, "event", "id"), sa.Index(None, "subject", "subject_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    idem_key: Mapped[str] = mapped_column(sa.String(120), unique=True)
    event: Mapped[str] = mapped_column(sa.String(40))
    # What it is about: `order` 7. Empty where it is about many.
    subject: Mapped[str] = mapped_column(sa.String(32), default="")
    subject_id: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # SHA-256 over the moves: the same key with other content is an error.
    content_hash: Mapped[str] = mapped_column(sa.String(64))
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)

    entries: Mapped[list["Entry"]] = relationship(
        back_populates="posting", order_by="Entry.id", viewonly=True
    )


class Entry(Model):
    """One account's side of a posting. Positive: the account holds more."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        sa.Index(None, "account_id", "id"),
        sa.Index(None, "posting_id", "account_id"),
        sa.CheckConstraint("amount_fen <> 0", name="amount_not_zero"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    posting_id: Mapped[int] = mapped_column(sa.ForeignKey("ledger_postings.id"))
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("ledger_accounts.id"))
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)

    posting: Mapped[Posting] = relationship(back_populates="entries", viewonly=True)
    account: Mapped[Account] = relationship(viewonly=True)


class KeptSum(Model):
    """What all accounts of a kind hold together by the entries up to the mark (累计)."""

    __tablename__ = "ledger_kept_sums"

    # Without a CHECK: the accounts that it sums up have one.
    kind: Mapped[AccountKind] = mapped_column(
        sa.Enum(
            AccountKind,
            native_enum=False,
            length=24,
            values_callable=lambda kinds: [kind.value for kind in kinds],
        ),
        primary_key=True,
    )
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)


class KeptMark(Model):
    """Up to which entry the kept sums go, and up to which they shall go next; one row."""

    __tablename__ = "ledger_kept_mark"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    upto_id: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    seen_id: Mapped[int] = mapped_column(sa.BigInteger)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
