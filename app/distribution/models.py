import enum
import json
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedText
from app.core.db import BigId, Model, UTCDateTime, enum_column


class DistributorStatus(enum.StrEnum):
    INVITED = "invited"  # by the shop; has not agreed to the contract yet
    APPLIED = "applied"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUSPENDED = "suspended"  # earnings held
    CLOSED = "closed"


TRANSITIONS = {
    DistributorStatus.INVITED: {DistributorStatus.APPLIED, DistributorStatus.CLOSED},
    # Whoever deletes their account leaves from any state.
    DistributorStatus.APPLIED: {
        DistributorStatus.APPROVED,
        DistributorStatus.REJECTED,
        DistributorStatus.CLOSED,
    },
    # Refused people may mend what was missing and apply again.
    DistributorStatus.REJECTED: {
        DistributorStatus.APPLIED,
        DistributorStatus.INVITED,
        DistributorStatus.CLOSED,
    },
    DistributorStatus.APPROVED: {DistributorStatus.SUSPENDED, DistributorStatus.CLOSED},
    DistributorStatus.SUSPENDED: {DistributorStatus.APPROVED, DistributorStatus.CLOSED},
    DistributorStatus.CLOSED: set(),
}


class Distributor(Model):
    """A member who may earn (分销员), with the history of that in state moves."""

    __tablename__ = "distributors"
    __table_args__ = (sa.Index(None, "status", "id"), sa.Index(None, "approved_at"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), unique=True)
    # The code of a level; see `app.distribution.levels`, the only writer of these.
    level: Mapped[str] = mapped_column(sa.String(20), default="normal", index=True)
    level_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Sales from here on count for the next level; None: all of them.
    level_counts_from: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Until when the keep rule may not lower it, because an admin gave it.
    level_kept_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The end of the last period that the keep rule was checked for.
    level_reviewed_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    status: Mapped[DistributorStatus] = mapped_column(enum_column(DistributorStatus, "status"))
    statement: Mapped[str] = mapped_column(sa.String(200), default="")
    # What was filled in, by the keys of that version of the form: personal, so sealed.
    form_id: Mapped[int | None] = mapped_column(sa.ForeignKey("join_forms.id"))
    sealed_answers: Mapped[str | None] = mapped_column(EncryptedText)
    # Finds the same phone in another application.
    phone_hash: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    decision_note: Mapped[str] = mapped_column(sa.String(200), default="")
    applied_at: Mapped[datetime] = mapped_column(UTCDateTime)
    approved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def answers(self) -> dict[str, str | int]:
        """What was filled in, typed, by the field's key."""
        found: dict[str, str | int] = json.loads(self.sealed_answers or "{}")
        return found

    @property
    def has_place(self) -> bool:
        """Whether they stand in a team, suspended or not."""
        return self.status in (DistributorStatus.APPROVED, DistributorStatus.SUSPENDED)


class ReferralCode(Model):
    """A random code that leads to its owner (推广码)."""

    __tablename__ = "referral_codes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(sa.String(16), unique=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), unique=True)
    # The official account's QR of this code, once WeChat made it.
    qr_ticket: Mapped[str] = mapped_column(sa.String(200), default="")
    qr_url: Mapped[str] = mapped_column(sa.String(200), default="")
    qr_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ProductScene(Model):
    """The official account's QR of a code for one product (商品推广码)."""

    __tablename__ = "product_scenes"

    code_id: Mapped[int] = mapped_column(sa.ForeignKey("referral_codes.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"), primary_key=True)
    qr_ticket: Mapped[str] = mapped_column(sa.String(200))
    qr_url: Mapped[str] = mapped_column(sa.String(200))
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


class BindingSource(enum.StrEnum):
    SCAN = "scan"  # a scene of the official account
    LINK = "link"  # /r/<code> in the browser
    ORDER = "order"  # a code that was kept in mind until an order was placed
    ADMIN = "admin"


class AttemptResult(enum.StrEnum):
    """What came of an attempt to bind (绑定结果)."""

    BOUND = "bound"  # the first upline ever
    REBOUND = "rebound"  # another one, or the same one anew; `upline_id` was it before
    REMEMBERED = "remembered"  # the next order binds
    MOVED = "moved"  # by an admin; `upline_id` was it before
    RELEASED = "released"  # by an admin: belongs to nobody now
    ALREADY_BOUND = "already_bound"
    PROTECTED = "protected"  # nobody may take the member away yet
    DISTRIBUTOR_STAYS = "distributor_stays"  # a code does not move distributors
    BOUGHT_BEFORE = "bought_before"  # the shop does not bind who bought already
    ONLY_BY_SCAN = "only_by_scan"  # the shop does not bind by links
    UNKNOWN_CODE = "unknown_code"
    OWN_CODE = "own_code"
    OWNER_INACTIVE = "owner_inactive"
    OWN_DOWNLINE = "own_downline"  # the owner sits below the member: a loop
    CRAWLER = "crawler"  # a machine, not a person


class BindingAttempt(Model):
    """One attempt to bind a member to an upline, whatever came of it (绑定记录)."""

    __tablename__ = "binding_attempts"
    # The desk reads what came to one result.
    __table_args__ = (sa.Index(None, "result", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), index=True)
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("members.id"), index=True)
    source: Mapped[BindingSource] = mapped_column(enum_column(BindingSource, "source"))
    code: Mapped[str] = mapped_column(sa.String(64))
    # The channel whose code it was.
    channel_id: Mapped[int | None] = mapped_column(sa.ForeignKey("channels.id"), index=True)
    result: Mapped[AttemptResult] = mapped_column(enum_column(AttemptResult, "result"))
    # In words, what the result alone does not say: until when, or an admin's reason.
    note: Mapped[str] = mapped_column(sa.String(200), default="")
    # The admin who did it; empty where the member's own act did.
    actor: Mapped[str] = mapped_column(sa.String(64), default="")
    # Whom the member belonged to before; the owner of the code, another, or nobody.
    upline_id: Mapped[int | None] = mapped_column(sa.ForeignKey("members.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


class TreeLock(Model):
    """Held by whoever moves a member who has a team (`tree`): one row, with id 1."""

    __tablename__ = "tree_locks"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)


class AppealStatus(enum.StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"  # and moved
    REFUSED = "refused"


class BindingAppeal(Model):
    """A member's word that the inviter is wrong, with the shop's answer (归属申诉)."""

    __tablename__ = "binding_appeals"
    __table_args__ = (
        sa.CheckConstraint(
            "(status = 'open') = (answered_at IS NULL)", name="answered_unless_open"
        ),
        sa.Index(None, "status", "id"),
        sa.Index(None, "member_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    # The member while it is open: nobody has two that are.
    open_member_id: Mapped[int | None] = mapped_column(BigId, unique=True)
    text: Mapped[str] = mapped_column(sa.String(300))
    status: Mapped[AppealStatus] = mapped_column(enum_column(AppealStatus, "status"))
    # Whom the member belonged to when it was made.
    upline_id: Mapped[int | None] = mapped_column(sa.ForeignKey("members.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    answer: Mapped[str] = mapped_column(sa.String(200), default="")
    answered_by: Mapped[str] = mapped_column(sa.String(64), default="")
    answered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
