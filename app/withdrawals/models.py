import enum
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedText
from app.core.db import BigId, Model, UTCDateTime, enum_column
from app.tax import Method


class Channel(enum.StrEnum):
    """Where the money goes (到账方式)."""

    WECHAT = "wechat"  # WeChat's transfer, confirmed by the member
    BANK = "bank"  # by hand, in batches, to a bank card
    ALIPAY = "alipay"  # by hand, in batches, to an Alipay account


BY_HAND = (Channel.BANK, Channel.ALIPAY)


class WithdrawalStatus(enum.StrEnum):
    SUBMITTED = "submitted"  # frozen, waiting for a reviewer
    CANCELLED = "cancelled"  # by the member; released
    REJECTED = "rejected"  # by an admin; released
    APPROVED = "approved"  # accepted, no bill sent yet
    SENDING = "sending"  # bill saved; WeChat is being called
    UNKNOWN = "unknown"  # WeChat's answer is not clear; the money stays frozen
    WAIT_CONFIRM = "wait_confirm"  # the member must confirm in WeChat
    CANCELLING = "cancelling"  # an admin asked WeChat to cancel the bill
    PAID = "paid"
    FAILED = "failed"  # released
    RETURNED = "returned"  # a payout by hand came back (退票); given back


S = WithdrawalStatus
TRANSITIONS = {
    S.SUBMITTED: {S.CANCELLED, S.REJECTED, S.APPROVED},
    S.CANCELLED: set(),
    S.REJECTED: set(),
    S.APPROVED: {S.SENDING},
    # Back to approved only by hand: taken out of its batch before anything was paid.
    S.SENDING: {S.WAIT_CONFIRM, S.UNKNOWN, S.FAILED, S.PAID, S.APPROVED},
    S.UNKNOWN: {S.WAIT_CONFIRM, S.PAID, S.FAILED},
    S.WAIT_CONFIRM: {S.PAID, S.CANCELLING, S.FAILED},
    # The member may have confirmed before the cancel reached WeChat.
    S.CANCELLING: {S.FAILED, S.PAID},
    # Only of what was paid by hand: WeChat's word on a transfer is final.
    S.PAID: {S.RETURNED},
    S.FAILED: set(),
    S.RETURNED: set(),
}
OPEN = frozenset(
    {
        S.SUBMITTED,
        S.APPROVED,
        S.SENDING,
        S.UNKNOWN,
        S.WAIT_CONFIRM,
        S.CANCELLING,
    }
)
# The money went back to the member.
RELEASED = frozenset({S.CANCELLED, S.REJECTED, S.FAILED, S.RETURNED})
# A bill is out: only WeChat's word ends these.
IN_FLIGHT = frozenset({S.SENDING, S.UNKNOWN, S.WAIT_CONFIRM, S.CANCELLING})


class Withdrawal(Model):
    """A member's request to be paid out (提现单). Its gross is frozen from the start."""

    __tablename__ = "withdrawals"
    __table_args__ = (
        sa.UniqueConstraint("member_id", "request_key"),
        sa.Index(None, "status", "id"),
        sa.Index(None, "channel", "status", "id"),
        # The desk sorts its queue by amount.
        sa.Index(None, "status", "gross_fen"),
        sa.CheckConstraint("net_fen > 0", name="net_positive"),
        sa.CheckConstraint(
            "gross_fen = net_fen + tax_fen + vat_fen + fee_fen", name="gross_adds_up"
        ),
        sa.CheckConstraint(
            "tax_fen >= 0 AND vat_fen >= 0 AND fee_fen >= 0", name="parts_not_negative"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(sa.String(32), unique=True)
    # Made by the page: one tap, one request.
    request_key: Mapped[str] = mapped_column(sa.String(64))
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), index=True)
    channel: Mapped[Channel] = mapped_column(
        enum_column(Channel, "channel"),
        default=Channel.WECHAT,
        server_default=Channel.WECHAT.value,
    )
    gross_fen: Mapped[int] = mapped_column(sa.BigInteger)
    tax_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    vat_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    fee_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    net_fen: Mapped[int] = mapped_column(sa.BigInteger)
    status: Mapped[WithdrawalStatus] = mapped_column(enum_column(WithdrawalStatus, "status"))
    needs_two: Mapped[bool] = mapped_column(default=False)
    first_reviewer: Mapped[str] = mapped_column(sa.String(64), default="")
    reviewer: Mapped[str] = mapped_column(sa.String(64), default="")
    note: Mapped[str] = mapped_column(sa.String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    reviewed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Withholding(Model):
    """How the tax of one withdrawal came about (代扣明细); amounts in fen, never changed.

    A withdrawal that was released is reversed: it no longer counts as income.
    """

    __tablename__ = "withdrawal_taxes"
    __table_args__ = (
        sa.Index(None, "person", "month"),
        sa.Index(None, "member_id", "month"),
        sa.Index(None, "month", "withdrawal_id"),
        sa.CheckConstraint("tax_fen >= 0 AND tax_fen <= gross_fen", name="tax_within_gross"),
    )

    withdrawal_id: Mapped[int] = mapped_column(
        sa.ForeignKey("withdrawals.id"), primary_key=True, autoincrement=False
    )
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    # The keyed hash of the identity number; empty where nobody asked for it.
    person: Mapped[str] = mapped_column(sa.String(64), default="")
    method: Mapped[Method] = mapped_column(enum_column(Method, "method"))
    # Of the table; empty where nothing is withheld.
    version: Mapped[str] = mapped_column(sa.String(20), default="")
    # In Shanghai, such as `2026-11`: when the member asked.
    month: Mapped[str] = mapped_column(sa.String(7))
    months: Mapped[int] = mapped_column(default=1)
    gross_fen: Mapped[int] = mapped_column(sa.BigInteger)
    before_gross_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    before_tax_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    expenses_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    allowance_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    taxable_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    rate_bps: Mapped[int] = mapped_column(default=0)
    quick_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    total_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    tax_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    reversed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def income_fen(self) -> int:
        """What the period came to with this withdrawal."""
        return self.before_gross_fen + self.gross_fen


class BillState(enum.StrEnum):
    """WeChat's states of a transfer bill; CREATED is ours, before the first answer."""

    CREATED = "CREATED"
    ACCEPTED = "ACCEPTED"
    PROCESSING = "PROCESSING"
    WAIT_USER_CONFIRM = "WAIT_USER_CONFIRM"
    TRANSFERING = "TRANSFERING"
    SUCCESS = "SUCCESS"
    FAIL = "FAIL"
    CANCELING = "CANCELING"
    CANCELLED = "CANCELLED"


FINAL = frozenset({BillState.SUCCESS, BillState.FAIL, BillState.CANCELLED})
# Our reason of a bill that WeChat did not take, or let fail, because its grant was gone:
# another one, which the member confirms, is in its place.
GRANT_CLOSED = "AUTHORIZATION_CLOSED"


class TransferBill(Model):
    """One bill at WeChat for a withdrawal (转账单)."""

    __tablename__ = "transfer_bills"
    __table_args__ = (
        sa.Index(None, "state", "queried_at"),
        # Bills of the merchant's account may name a transfer by WeChat's number only.
        sa.Index(None, "transfer_bill_no"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    withdrawal_id: Mapped[int] = mapped_column(sa.ForeignKey("withdrawals.id"), index=True)
    # The withdrawal while this bill may still pay, NULL once it failed: the
    # database itself refuses a second bill that could pay (W2).
    live_withdrawal_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    out_bill_no: Mapped[str] = mapped_column(sa.String(32), unique=True)
    openid: Mapped[str] = mapped_column(sa.String(64))
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
    # Exactly what is sent, so that the same number always carries the same data.
    body: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    # Paid without the member's confirmation (免确认); NULL: the member confirms.
    grant_id: Mapped[int | None] = mapped_column(sa.ForeignKey("transfer_grants.id"), index=True)
    # Whom WeChat is to compare the receiver with; sent sealed for WeChat alone.
    payee_name: Mapped[str | None] = mapped_column(EncryptedText)
    state: Mapped[BillState] = mapped_column(
        enum_column(BillState, "state"), default=BillState.CREATED
    )
    transfer_bill_no: Mapped[str] = mapped_column(sa.String(64), default="")
    # Only the create answer carries it; the page needs it while waiting.
    package_info: Mapped[str] = mapped_column(sa.String(500), default="")
    fail_reason: Mapped[str] = mapped_column(sa.String(100), default="")
    sent_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    queried_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Since when, after the last sending, WeChat does not know the number.
    missing_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class LockCause(enum.StrEnum):
    """Why payouts are locked."""

    BOOKS = "books"  # bills and books disagree
    INVARIANTS = "invariants"  # the books disagree with themselves
    RECOVERY = "recovery"  # a backup was restored: what was paid since is not known here


class PayoutLock(Model):
    """Payouts stand still while one of these is live (打款锁); two people end it."""

    __tablename__ = "payout_locks"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # 1 while it holds, NULL afterwards: there is never a second one.
    live: Mapped[int | None] = mapped_column(unique=True)
    cause: Mapped[LockCause] = mapped_column(enum_column(LockCause, "cause"))
    detail: Mapped[str] = mapped_column(sa.String(300))
    # Days whose bills must be reconciled first; only after a restored backup.
    from_day: Mapped[date | None]
    to_day: Mapped[date | None]
    locked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    locked_by: Mapped[str] = mapped_column(sa.String(64))
    # The first of two, and why they think that payouts may go on.
    first_by: Mapped[str] = mapped_column(sa.String(64), default="")
    first_note: Mapped[str] = mapped_column(sa.String(200), default="")
    unlocked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    unlocked_by: Mapped[str] = mapped_column(sa.String(64), default="")
    note: Mapped[str] = mapped_column(sa.String(200), default="")
