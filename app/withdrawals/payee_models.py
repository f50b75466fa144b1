"""To whom money goes, and the batches in which it is paid by hand."""

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedFile, EncryptedText
from app.core.db import BigId, Model, UTCDateTime, enum_column
from app.withdrawals.models import Channel


def mask_name(name: str) -> str:
    """`欧阳娜娜` as `欧***`."""
    return f"{name[:1]}{'*' * max(len(name) - 1, 1)}"


def mask_account(channel: Channel, account: str) -> str:
    """`6222021234567890123` as `6222 **** **** 0123`, `na@example.com` as `n***@example.com`."""
    if channel is Channel.BANK:
        return f"{account[:4]} **** **** {account[-4:]}"
    name, at, host = account.partition("@")
    if at:
        return f"{name[:1]}***@{host}"
    return f"{account[:3]}****{account[-4:]}"


class _Payee:
    """What a payee account and a withdrawal's copy of it can say."""

    channel: Mapped[Channel]
    bank_name: Mapped[str]
    holder: Mapped[str]
    account: Mapped[str]

    @property
    def masked_holder(self) -> str:
        return mask_name(self.holder)

    @property
    def masked_account(self) -> str:
        return mask_account(self.channel, self.account) if self.account else ""


class PayeeAccount(_Payee, Model):
    """A card or an Alipay account that a member wants to be paid to (收款账户)."""

    __tablename__ = "payee_accounts"
    __table_args__ = (sa.UniqueConstraint("member_id", "account_hash"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    channel: Mapped[Channel] = mapped_column(enum_column(Channel, "channel"))
    # Empty for Alipay.
    bank_name: Mapped[str] = mapped_column(sa.String(40), default="")
    holder: Mapped[str] = mapped_column(EncryptedText)
    account: Mapped[str] = mapped_column(EncryptedText)
    # A keyed hash: the same account is kept once a member.
    account_hash: Mapped[str] = mapped_column(sa.String(64), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class WithdrawalPayee(_Payee, Model):
    """To whom one withdrawal goes, as it was when it was asked for; never changed.

    For WeChat only the name, where it is known and WeChat is to compare it.
    """

    __tablename__ = "withdrawal_payees"

    withdrawal_id: Mapped[int] = mapped_column(
        sa.ForeignKey("withdrawals.id"), primary_key=True, autoincrement=False
    )
    channel: Mapped[Channel] = mapped_column(enum_column(Channel, "channel"))
    bank_name: Mapped[str] = mapped_column(sa.String(40), default="")
    holder: Mapped[str] = mapped_column(EncryptedText)
    account: Mapped[str] = mapped_column(EncryptedText)


class PayoutBatch(Model):
    """Withdrawals that are paid by hand together (打款批次).

    Its lines never change place; count and total are those it was made with.
    """

    __tablename__ = "payout_batches"
    __table_args__ = (
        sa.CheckConstraint("line_count > 0 AND total_fen > 0", name="not_empty"),
        sa.CheckConstraint("channel <> 'wechat'", name="by_hand"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(sa.String(32), unique=True)
    channel: Mapped[Channel] = mapped_column(enum_column(Channel, "channel"))
    line_count: Mapped[int]
    total_fen: Mapped[int] = mapped_column(sa.BigInteger)
    made_by: Mapped[str] = mapped_column(sa.String(64))
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # Of the file that was handed out last; every one is in the audit log.
    file_name: Mapped[str] = mapped_column(sa.String(80), default="")
    file_sha256: Mapped[str] = mapped_column(sa.String(64), default="")
    filed_by: Mapped[str] = mapped_column(sa.String(64), default="")
    filed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class LineState(enum.StrEnum):
    WAITING = "waiting"  # in the batch, nobody said what became of it
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"  # paid, and the money came back
    REMOVED = "removed"  # taken out of the batch; the withdrawal waits for another one


class PayoutLine(Model):
    """One withdrawal in a batch (批次明细), in the order of their ids."""

    __tablename__ = "payout_lines"
    __table_args__ = (
        sa.Index(None, "batch_id", "id"),
        sa.CheckConstraint(
            "state NOT IN ('paid', 'returned') OR (serial <> '' AND voucher_id IS NOT NULL)",
            name="paid_with_voucher",
        ),
        sa.CheckConstraint(
            "(state IN ('failed', 'returned', 'removed')) = (live_withdrawal_id IS NULL)",
            name="live_while_it_counts",
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    batch_id: Mapped[int] = mapped_column(sa.ForeignKey("payout_batches.id"))
    withdrawal_id: Mapped[int] = mapped_column(sa.ForeignKey("withdrawals.id"), index=True)
    # The withdrawal until the line failed or was taken out: the database itself refuses a second
    # batch that could pay it (W2).
    live_withdrawal_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
    state: Mapped[LineState] = mapped_column(
        enum_column(LineState, "state"), default=LineState.WAITING
    )
    # The bank's, or Alipay's, number of the payment.
    serial: Mapped[str] = mapped_column(sa.String(64), default="")
    voucher_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payout_vouchers.id"))
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    decided_by: Mapped[str] = mapped_column(sa.String(64), default="")
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    returned_by: Mapped[str] = mapped_column(sa.String(64), default="")
    returned_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class PayoutVoucher(Model):
    """What proves a payment by hand (打款凭证): a picture or a PDF, sealed, in base64.

    It lies in the database and not among the media: nothing serves it but the desk.
    """

    __tablename__ = "payout_vouchers"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    content: Mapped[str] = mapped_column(EncryptedFile)
    kind: Mapped[str] = mapped_column(sa.String(20))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    uploaded_by: Mapped[str] = mapped_column(sa.String(64))
    uploaded_at: Mapped[datetime] = mapped_column(UTCDateTime)
