import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedText
from app.core.db import BigId, Model, UTCDateTime, enum_column


class Permission(enum.StrEnum):
    """What a view asks for (权限)."""

    DASHBOARD = "dashboard"
    # Reports of whatever part of the shop one may see; and what distributors shall sell.
    REPORT_VIEW = "report.view"
    TARGET_CHANGE = "target.change"
    # Having reports come by themselves, to oneself and to colleagues who may see them.
    REPORT_SUBSCRIBE = "report.subscribe"
    ORDER_VIEW = "order.view"
    ORDER_SHIP = "order.ship"
    PICKUP_SHOP_CHANGE = "pickup_shop.change"
    INVOICE_ISSUE = "invoice.issue"
    AFTERSALE_VIEW = "aftersale.view"
    # Answering what buyers ask for; and giving money back on one's own word.
    AFTERSALE_REVIEW = "aftersale.review"
    AFTERSALE_REFUND = "aftersale.refund"
    DISTRIBUTOR_VIEW = "distributor.view"
    DISTRIBUTOR_REVIEW = "distributor.review"
    # What applicants fill in and agree to.
    JOIN_CHANGE = "join.change"
    # Who belongs to whom decides who earns.
    DISTRIBUTOR_MOVE = "distributor.move"
    # The whole tree by heads, for the operator's lawyer.
    DISTRIBUTOR_EXPORT = "distributor.export"
    # Whether what looks like abuse is; money waits for it.
    RISK_DECIDE = "risk.decide"
    # Words about a person, for colleagues.
    MEMBER_VIEW = "member.view"
    MEMBER_NOTE = "member.note"
    LEVEL_CHANGE = "level.change"
    POSTER_VIEW = "poster.view"
    POSTER_CHANGE = "poster.change"
    MATERIAL_VIEW = "material.view"
    MATERIAL_CHANGE = "material.change"
    PRODUCT_VIEW = "product.view"
    PRODUCT_CHANGE = "product.change"
    STOCK_CHANGE = "stock.change"
    REVIEW_MODERATE = "review.moderate"
    COMMISSION_VIEW = "commission.view"
    # Composing what is paid; and putting it in force, which somebody else does.
    PLAN_DRAFT = "plan.draft"
    PLAN_PUBLISH = "plan.publish"
    # Approving what bonuses pay, and paying what somebody else approved.
    BONUS_REVIEW = "bonus.review"
    # Asking to let a debt go, and agreeing to what somebody else asked.
    DEBT_WRITE_OFF = "debt.write_off"
    WITHDRAWAL_VIEW = "withdrawal.view"
    WITHDRAWAL_REVIEW = "withdrawal.review"
    # Paying by hand: batches, their files with full numbers, what became of each line;
    # and seeing the vouchers.
    PAYOUT_BATCH = "payout.batch"
    PAYOUT_VOUCHER_VIEW = "payout_voucher.view"
    # What was withheld, with masked names; and names and numbers in full, as files.
    TAX_VIEW = "tax.view"
    TAX_IDENTITY = "tax.identity"
    # Booking what the tax office was paid of it, and confirming what somebody else booked.
    TAX_REMIT = "tax.remit"
    ODDITY_RESOLVE = "oddity.resolve"
    LEDGER_VIEW = "ledger.view"
    # Saying why bills and books differ; and letting money leave again, which two do.
    RECONCILIATION_CLOSE = "reconciliation.close"
    PAYOUT_UNLOCK = "payout.unlock"
    REPLY_VIEW = "reply.view"
    REPLY_CHANGE = "reply.change"
    CHANNEL_VIEW = "channel.view"
    CHANNEL_CHANGE = "channel.change"
    JOB_VIEW = "job.view"
    JOB_RUN = "job.run"
    # Personal data in full: phones, addresses, openids; and whom money is paid to, by the
    # name in their papers and their account. Not called views: who sees all else, an
    # auditor, sees masks.
    PERSONAL_DATA_VIEW = "personal_data.open"
    PAYEE_DATA_VIEW = "payee_data.open"
    # A list as a file; and one with what of the above its columns have.
    LIST_EXPORT = "list.export"
    PERSONAL_DATA_EXPORT = "personal_data.export"
    SETTINGS_VIEW = "settings.view"
    SETTINGS_CHANGE = "settings.change"
    AUDIT_VIEW = "audit.view"
    NOTICE_VIEW = "notice.view"
    NOTICE_CHANGE = "notice.change"
    HOME_VIEW = "home.view"
    HOME_CHANGE = "home.change"
    MENU_VIEW = "menu.view"
    MENU_CHANGE = "menu.change"
    WECHAT_CHECK = "wechat.check"
    AUDIT_EXPORT = "audit.export"
    # Which other systems may call us, and where we tell them of news.
    API_VIEW = "api.view"
    API_CHANGE = "api.change"
    ADMIN_VIEW = "admin.view"
    # Who may log in, and what they may do.
    ADMIN_CHANGE = "admin.change"
    # One's own password, second factor and sessions: everybody's.
    OWN_ACCOUNT = "own_account"


# What pays out, changes what is paid, lets money go on, gives rights, or hands out
# personal data: somebody with a second factor gives a fresh code for it.
FRESH = frozenset(
    {
        Permission.AFTERSALE_REFUND,
        Permission.ODDITY_RESOLVE,
        Permission.RECONCILIATION_CLOSE,
        Permission.PAYOUT_UNLOCK,
        Permission.WITHDRAWAL_REVIEW,
        Permission.PAYOUT_BATCH,
        Permission.BONUS_REVIEW,
        Permission.DEBT_WRITE_OFF,
        Permission.PLAN_PUBLISH,
        Permission.SETTINGS_CHANGE,
        Permission.RISK_DECIDE,
        # A level is a rate; and among the jobs are those that settle and pay.
        Permission.LEVEL_CHANGE,
        Permission.JOB_RUN,
        Permission.ADMIN_CHANGE,
        Permission.API_CHANGE,
        Permission.TAX_IDENTITY,
        Permission.TAX_REMIT,
        Permission.DISTRIBUTOR_EXPORT,
        Permission.AUDIT_EXPORT,
        Permission.PERSONAL_DATA_EXPORT,
    }
)


class Role(enum.StrEnum):
    """A named set of permissions (角色)."""

    OWNER = "owner"
    OPERATIONS = "operations"
    FINANCE = "finance"
    SUPPORT = "support"
    AUDITOR = "auditor"


_VIEWS = frozenset(p for p in Permission if p.value.endswith(".view")) | {
    Permission.DASHBOARD,
    Permission.OWN_ACCOUNT,
}
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.OPERATIONS: frozenset(
        {
            Permission.DASHBOARD,
            Permission.REPORT_VIEW,
            Permission.TARGET_CHANGE,
            Permission.REPORT_SUBSCRIBE,
            Permission.OWN_ACCOUNT,
            Permission.ORDER_VIEW,
            Permission.ORDER_SHIP,
            Permission.PRODUCT_VIEW,
            Permission.PRODUCT_CHANGE,
            Permission.STOCK_CHANGE,
            Permission.REVIEW_MODERATE,
            Permission.PICKUP_SHOP_CHANGE,
            Permission.INVOICE_ISSUE,
            Permission.AFTERSALE_VIEW,
            Permission.AFTERSALE_REVIEW,
            Permission.DISTRIBUTOR_VIEW,
            Permission.DISTRIBUTOR_REVIEW,
            Permission.DISTRIBUTOR_MOVE,
            Permission.DISTRIBUTOR_EXPORT,
            Permission.RISK_DECIDE,
            Permission.MEMBER_VIEW,
            Permission.MEMBER_NOTE,
            Permission.PERSONAL_DATA_VIEW,
            Permission.PAYEE_DATA_VIEW,
            Permission.LIST_EXPORT,
            Permission.PERSONAL_DATA_EXPORT,
            Permission.JOIN_CHANGE,
            Permission.LEVEL_CHANGE,
            Permission.POSTER_VIEW,
            Permission.POSTER_CHANGE,
            Permission.MATERIAL_VIEW,
            Permission.MATERIAL_CHANGE,
            Permission.COMMISSION_VIEW,
            Permission.PLAN_DRAFT,
            Permission.NOTICE_VIEW,
            Permission.NOTICE_CHANGE,
            Permission.HOME_VIEW,
            Permission.HOME_CHANGE,
            Permission.MENU_VIEW,
            Permission.MENU_CHANGE,
            Permission.WECHAT_CHECK,
            Permission.REPLY_VIEW,
            Permission.REPLY_CHANGE,
            Permission.CHANNEL_VIEW,
            Permission.CHANNEL_CHANGE,
        }
    ),
    Role.FINANCE: _VIEWS
    | {
        Permission.REPORT_SUBSCRIBE,
        Permission.PLAN_DRAFT,
        Permission.PLAN_PUBLISH,
        Permission.BONUS_REVIEW,
        Permission.DEBT_WRITE_OFF,
        Permission.WITHDRAWAL_REVIEW,
        Permission.PAYOUT_BATCH,
        Permission.TAX_IDENTITY,
        Permission.TAX_REMIT,
        Permission.ODDITY_RESOLVE,
        Permission.RECONCILIATION_CLOSE,
        Permission.PAYOUT_UNLOCK,
        Permission.RISK_DECIDE,
        Permission.MEMBER_NOTE,
        Permission.PAYEE_DATA_VIEW,
        Permission.LIST_EXPORT,
        Permission.PERSONAL_DATA_EXPORT,
        Permission.INVOICE_ISSUE,
        Permission.AFTERSALE_REVIEW,
        Permission.AFTERSALE_REFUND,
    },
    # Who answers customers.
    Role.SUPPORT: frozenset(
        {
            Permission.DASHBOARD,
            Permission.OWN_ACCOUNT,
            Permission.ORDER_VIEW,
            Permission.AFTERSALE_VIEW,
            Permission.AFTERSALE_REVIEW,
            Permission.PRODUCT_VIEW,
            Permission.REVIEW_MODERATE,
            Permission.DISTRIBUTOR_VIEW,
            Permission.COMMISSION_VIEW,
            Permission.MEMBER_VIEW,
            Permission.MEMBER_NOTE,
            Permission.PERSONAL_DATA_VIEW,
            Permission.PAYEE_DATA_VIEW,
            Permission.REPLY_VIEW,
        }
    ),
    Role.AUDITOR: _VIEWS | {Permission.AUDIT_EXPORT, Permission.LIST_EXPORT},
}


class Admin(Model):
    """Somebody who works at the desk (管理员)."""

    __tablename__ = "admins"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    username: Mapped[str] = mapped_column(sa.String(32), unique=True)
    name: Mapped[str] = mapped_column(sa.String(32))
    # Where reports go to; confirmed by a letter. None: no mail.
    email: Mapped[str | None] = mapped_column(EncryptedText)
    role: Mapped[Role] = mapped_column(enum_column(Role, "role"))
    # Empty until the one-time set-up link was used.
    password_hash: Mapped[str] = mapped_column(sa.String(200), default="")
    setup_token_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    setup_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # An admin who also shops and earns: nobody reviews their own withdrawal.
    member_id: Mapped[int | None] = mapped_column(sa.ForeignKey("members.id"))
    is_active: Mapped[bool] = mapped_column(default=True)
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The second factor: its secret, since when it counts (never while it waits to be
    # confirmed), and the newest 30-second step whose code was used.
    totp_secret: Mapped[str | None] = mapped_column(EncryptedText)
    totp_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    totp_step: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class AdminRecoveryCode(Model):
    """Stands in for a code of the second factor once (恢复码); only its keyed hash is kept."""

    __tablename__ = "admin_recovery_codes"
    __table_args__ = (sa.UniqueConstraint("admin_id", "code_hash"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    admin_id: Mapped[int] = mapped_column(sa.ForeignKey("admins.id"))
    code_hash: Mapped[str] = mapped_column(sa.String(64))
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class AdminSession(Model):
    """A login (登录会话), ended by logout, idleness, age, or a new password."""

    __tablename__ = "admin_sessions"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    admin_id: Mapped[int] = mapped_column(sa.ForeignKey("admins.id"), index=True)
    address: Mapped[str] = mapped_column(sa.String(45), default="")
    # What the browser says of itself, in words.
    device: Mapped[str] = mapped_column(sa.String(60), default="")
    # The password was right; the code of the second factor has not come yet.
    is_half_open: Mapped[bool] = mapped_column(default=False)
    # When a code was last given in this session.
    proved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
