"""payments of withheld tax to the tax office

Revision ID: 0043
Revises: 0042
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
TABLE = "tax_remittances"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", _ID, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("open_month", sa.String(length=7), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("voucher_id", _ID, nullable=True),
        sa.Column("reverses_id", _ID, nullable=True),
        sa.Column("live_reverses_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "done",
                "refused",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("answer", sa.String(length=200), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.CheckConstraint("amount_fen > 0", name=op.f(f"ck_{TABLE}_amount_positive")),
        sa.CheckConstraint(
            "reverses_id IS NOT NULL OR (serial <> '' AND voucher_id IS NOT NULL)",
            name=op.f(f"ck_{TABLE}_paid_with_voucher"),
        ),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_at IS NULL)",
            name=op.f(f"ck_{TABLE}_decided_unless_asked"),
        ),
        sa.CheckConstraint(
            "(state = 'asked') = (open_month IS NOT NULL)",
            name=op.f(f"ck_{TABLE}_open_while_asked"),
        ),
        sa.CheckConstraint(
            "(reverses_id IS NULL OR state = 'refused') = (live_reverses_id IS NULL)",
            name=op.f(f"ck_{TABLE}_live_while_it_counts"),
        ),
        sa.ForeignKeyConstraint(
            ["voucher_id"], ["payout_vouchers.id"], name=op.f(f"fk_{TABLE}_voucher_id")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], [f"{TABLE}.id"], name=op.f(f"fk_{TABLE}_reverses_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("open_month", name=op.f(f"uq_{TABLE}_open_month")),
        sa.UniqueConstraint("live_reverses_id", name=op.f(f"uq_{TABLE}_live_reverses_id")),
    )
    with op.batch_alter_table(TABLE, schema=None) as batch_op:
        batch_op.create_index(batch_op.f(f"ix_{TABLE}_month_id"), ["month", "id"])


def downgrade() -> None:
    op.drop_table(TABLE)
