"""payouts by hand to bank cards and Alipay; the payee's name for WeChat

Revision ID: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_FILE = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
_CHANNELS = ("wechat", "bank", "alipay")
_STATES = (
    "submitted",
    "cancelled",
    "rejected",
    "approved",
    "sending",
    "unknown",
    "wait_confirm",
    "cancelling",
    "paid",
    "failed",
)


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _set_states(values: tuple[str, ...]) -> None:
    said = ", ".join(f"'{value}'" for value in values)
    with op.batch_alter_table("withdrawals", schema=None) as batch_op:
        name = batch_op.f("ck_withdrawals_status")
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, f"status IN ({said})")


def _payee() -> list[sa.Column]:
    return [
        sa.Column("channel", _one_of("channel", *_CHANNELS), nullable=False),
        sa.Column("bank_name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
    ]


def upgrade() -> None:
    _set_states((*_STATES, "returned"))
    with op.batch_alter_table("withdrawals", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("channel", sa.String(length=24), server_default="wechat", nullable=False)
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_withdrawals_channel"), "channel IN ('wechat', 'bank', 'alipay')"
        )
        batch_op.create_index(
            batch_op.f("ix_withdrawals_channel_status_id"), ["channel", "status", "id"]
        )
    with op.batch_alter_table("transfer_bills", schema=None) as batch_op:
        batch_op.add_column(sa.Column("payee_name", sa.Text(), nullable=True))
    op.create_table(
        "payee_accounts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        *_payee(),
        sa.Column("account_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_payee_accounts_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payee_accounts")),
        sa.UniqueConstraint(
            "member_id", "account_hash", name=op.f("uq_payee_accounts_member_id_account_hash")
        ),
    )
    with op.batch_alter_table("payee_accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payee_accounts_account_hash"), ["account_hash"])
    op.create_table(
        "withdrawal_payees",
        sa.Column("withdrawal_id", _ID, autoincrement=False, nullable=False),
        *_payee(),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"], ["withdrawals.id"], name=op.f("fk_withdrawal_payees_withdrawal_id")
        ),
        sa.PrimaryKeyConstraint("withdrawal_id", name=op.f("pk_withdrawal_payees")),
    )
    op.create_table(
        "payout_batches",
        sa.Column("id", _ID, nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("channel", _one_of("channel", *_CHANNELS), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("file_name", sa.String(length=80), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("filed_by", sa.String(length=64), nullable=False),
        sa.Column("filed_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "line_count > 0 AND total_fen > 0", name=op.f("ck_payout_batches_not_empty")
        ),
        sa.CheckConstraint("channel <> 'wechat'", name=op.f("ck_payout_batches_by_hand")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_batches")),
        sa.UniqueConstraint("number", name=op.f("uq_payout_batches_number")),
    )
    op.create_table(
        "payout_vouchers",
        sa.Column("id", _ID, nullable=False),
        sa.Column("content", _FILE, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("uploaded_by", sa.String(length=64), nullable=False),
        sa.Column("uploaded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_vouchers")),
    )
    op.create_table(
        "payout_lines",
        sa.Column("id", _ID, nullable=False),
        sa.Column("batch_id", _ID, nullable=False),
        sa.Column("withdrawal_id", _ID, nullable=False),
        sa.Column("live_withdrawal_id", sa.BigInteger(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column(
            "state", _one_of("state", "waiting", "paid", "failed", "returned"), nullable=False
        ),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("voucher_id", _ID, nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("returned_by", sa.String(length=64), nullable=False),
        sa.Column("returned_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "state NOT IN ('paid', 'returned') OR (serial <> '' AND voucher_id IS NOT NULL)",
            name=op.f("ck_payout_lines_paid_with_voucher"),
        ),
        sa.CheckConstraint(
            "(state IN ('failed', 'returned')) = (live_withdrawal_id IS NULL)",
            name=op.f("ck_payout_lines_live_while_it_counts"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["payout_batches.id"], name=op.f("fk_payout_lines_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"], ["withdrawals.id"], name=op.f("fk_payout_lines_withdrawal_id")
        ),
        sa.ForeignKeyConstraint(
            ["voucher_id"], ["payout_vouchers.id"], name=op.f("fk_payout_lines_voucher_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_lines")),
        sa.UniqueConstraint("live_withdrawal_id", name=op.f("uq_payout_lines_live_withdrawal_id")),
    )
    with op.batch_alter_table("payout_lines", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payout_lines_batch_id_id"), ["batch_id", "id"])
        batch_op.create_index(batch_op.f("ix_payout_lines_withdrawal_id"), ["withdrawal_id"])


def downgrade() -> None:
    for table in (
        "payout_lines",
        "payout_vouchers",
        "payout_batches",
        "withdrawal_payees",
        "payee_accounts",
    ):
        op.drop_table(table)
    with op.batch_alter_table("transfer_bills", schema=None) as batch_op:
        batch_op.drop_column("payee_name")
    with op.batch_alter_table("withdrawals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_withdrawals_channel_status_id"))
        batch_op.drop_constraint(batch_op.f("ck_withdrawals_channel"), type_="check")
        batch_op.drop_column("channel")
    _set_states(_STATES)
