"""What the shop pays to the tax office of the tax that it withheld."""

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime, enum_column


class RemittanceState(enum.StrEnum):
    ASKED = "asked"  # waits for a second admin
    DONE = "done"  # booked
    REFUSED = "refused"


class TaxRemittance(Model):
    """A payment of a month's withheld tax, or the correction of one (缴税、冲正).

    A correction has the month and the amount of what it takes back.
    """

    __tablename__ = "tax_remittances"
    __table_args__ = (
        sa.Index(None, "month", "id"),
        sa.CheckConstraint("amount_fen > 0", name="amount_positive"),
        sa.CheckConstraint(
            "credit_fen >= 0 AND credit_fen <= amount_fen", name="credit_within_amount"
        ),
        sa.CheckConstraint(
            "reverses_id IS NOT NULL OR (serial <> '' AND voucher_id IS NOT NULL)",
            name="paid_with_voucher",
        ),
        sa.CheckConstraint("(state = 'asked') = (decided_at IS NULL)", name="decided_unless_asked"),
        sa.CheckConstraint("(state = 'asked') = (open_month IS NOT NULL)", name="open_while_asked"),
        sa.CheckConstraint(
            "(reverses_id IS NULL OR state = 'refused') = (live_reverses_id IS NULL)",
            name="live_while_it_counts",
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # In which it was withheld, in Shanghai, such as `2026-11`.
    month: Mapped[str] = mapped_column(sa.String(7))
    # The month while it is asked, else NULL: one request a month at a time.
    open_month: Mapped[str | None] = mapped_column(sa.String(7), unique=True)
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
    # How much of it other months' overpaid tax makes up (多缴抵减); the rest is paid.
    credit_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")
    # When the tax office was paid, in Shanghai.
    paid_on: Mapped[date]
    # Of the tax office's receipt (完税凭证); empty for a correction.
    serial: Mapped[str] = mapped_column(sa.String(64), default="")
    voucher_id: Mapped[int | None] = mapped_column(sa.ForeignKey("payout_vouchers.id"))
    reverses_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tax_remittances.id"))
    # The same until it is refused: a payment is taken back once.
    live_reverses_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    state: Mapped[RemittanceState] = mapped_column(enum_column(RemittanceState, "state"))
    reason: Mapped[str] = mapped_column(sa.String(200), default="")
    asked_by: Mapped[str] = mapped_column(sa.String(64))
    asked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    answer: Mapped[str] = mapped_column(sa.String(200), default="")
    decided_by: Mapped[str] = mapped_column(sa.String(64), default="")
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def cash_fen(self) -> int:
        """What the tax office is paid in money."""
        return self.amount_fen - self.credit_fen


class TaxCredit(Model):
    """Overpaid tax of a month that a payment of another month makes use of (多缴抵减).

    A correction has those of what it takes back.
    """

    __tablename__ = "tax_credits"
    __table_args__ = (
        sa.UniqueConstraint("remittance_id", "month"),
        sa.Index(None, "month"),
        sa.CheckConstraint("amount_fen > 0", name="amount_positive"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    remittance_id: Mapped[int] = mapped_column(sa.ForeignKey("tax_remittances.id"))
    # That was overpaid, in Shanghai, such as `2026-11`.
    month: Mapped[str] = mapped_column(sa.String(7))
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
