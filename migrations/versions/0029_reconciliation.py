"""bills of WeChat Pay, what they disagree with, and the lock on payouts

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.create_table(
        "bill_files",
        sa.Column("id", _ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", _one_of("kind", "trade", "flow"), nullable=False),
        sa.Column(
            "state", _one_of("state", "importing", "imported", "empty", "refused"), nullable=False
        ),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("sha1", sa.String(length=40), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("opening_fen", sa.BigInteger(), nullable=True),
        sa.Column("closing_fen", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("fetched_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_files")),
        sa.UniqueConstraint("day", "kind", name=op.f("uq_bill_files_day_kind")),
    )
    op.create_table(
        "bill_rows",
        sa.Column("id", _ID, nullable=False),
        sa.Column("file_id", _ID, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("kind", _one_of("kind", "trade", "flow"), nullable=False),
        sa.Column(
            "sort",
            _one_of("sort", "payment", "refund", "transfer", "fee", "other"),
            nullable=False,
        ),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("wx_number", sa.String(length=64), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["bill_files.id"], name=op.f("fk_bill_rows_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_rows")),
        sa.UniqueConstraint("file_id", "line", name=op.f("uq_bill_rows_file_id_line")),
    )
    with op.batch_alter_table("bill_rows", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bill_rows_number"), ["number"])
        batch_op.create_index(batch_op.f("ix_bill_rows_wx_number"), ["wx_number"])
    op.create_table(
        "reconciled_days",
        sa.Column("id", _ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", _one_of("state", "agrees", "breaks", "refused"), nullable=False),
        sa.Column("sums", sa.JSON(), nullable=False),
        sa.Column("in_flight", sa.Integer(), nullable=False),
        sa.Column("break_count", sa.Integer(), nullable=False),
        sa.Column("checked_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciled_days")),
        sa.UniqueConstraint("day", name=op.f("uq_reconciled_days_day")),
    )
    op.create_table(
        "reconciliation_breaks",
        sa.Column("id", _ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "kind",
            _one_of("kind", "payment", "refund", "transfer", "flow", "ledger", "gap"),
            nullable=False,
        ),
        sa.Column("reference", sa.String(length=128), nullable=False),
        sa.Column("wx_number", sa.String(length=64), nullable=False),
        sa.Column("ledger_fen", sa.BigInteger(), nullable=True),
        sa.Column("request_fen", sa.BigInteger(), nullable=True),
        sa.Column("bill_fen", sa.BigInteger(), nullable=True),
        sa.Column("found_at", _TIME, nullable=False),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.Column("closed_by", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_breaks")),
        sa.UniqueConstraint(
            "kind", "reference", name=op.f("uq_reconciliation_breaks_kind_reference")
        ),
    )
    with op.batch_alter_table("reconciliation_breaks", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_reconciliation_breaks_day_closed_at"), ["day", "closed_at"]
        )
        batch_op.create_index(
            batch_op.f("ix_reconciliation_breaks_closed_at_id"), ["closed_at", "id"]
        )
    op.create_table(
        "payout_locks",
        sa.Column("id", _ID, nullable=False),
        sa.Column("live", sa.Integer(), nullable=True),
        sa.Column("cause", _one_of("cause", "books", "invariants", "recovery"), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=True),
        sa.Column("to_day", sa.Date(), nullable=True),
        sa.Column("locked_at", _TIME, nullable=False),
        sa.Column("locked_by", sa.String(length=64), nullable=False),
        sa.Column("first_by", sa.String(length=64), nullable=False),
        sa.Column("first_note", sa.String(length=200), nullable=False),
        sa.Column("unlocked_at", _TIME, nullable=True),
        sa.Column("unlocked_by", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_locks")),
        sa.UniqueConstraint("live", name=op.f("uq_payout_locks_live")),
    )
    with op.batch_alter_table("transfer_bills", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_transfer_bills_transfer_bill_no"), ["transfer_bill_no"]
        )


def downgrade() -> None:
    with op.batch_alter_table("transfer_bills", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_transfer_bills_transfer_bill_no"))
    op.drop_table("payout_locks")
    op.drop_table("reconciliation_breaks")
    op.drop_table("reconciled_days")
    op.drop_table("bill_rows")
    op.drop_table("bill_files")
