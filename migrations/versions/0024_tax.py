"""who members are to the tax office, and how the tax of withdrawals came about

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_AMOUNTS = ("gross_fen", "before_gross_fen", "before_tax_fen", "expenses_fen", "allowance_fen")


def _fen(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "tax_identities",
        sa.Column("member_id", _ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_tax_identities_member_id")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_tax_identities")),
    )
    with op.batch_alter_table("tax_identities", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tax_identities_person"), ["person"])
    op.create_table(
        "withdrawal_taxes",
        sa.Column("withdrawal_id", _ID, autoincrement=False, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "none",
                "monthly",
                "cumulative",
                name="method",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        *map(_fen, _AMOUNTS),
        _fen("taxable_fen"),
        sa.Column("rate_bps", sa.Integer(), nullable=False),
        *map(_fen, ("quick_fen", "total_fen", "tax_fen")),
        sa.Column("reversed_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "tax_fen >= 0 AND tax_fen <= gross_fen",
            name=op.f("ck_withdrawal_taxes_tax_within_gross"),
        ),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"],
            ["withdrawals.id"],
            name=op.f("fk_withdrawal_taxes_withdrawal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_withdrawal_taxes_member_id")
        ),
        sa.PrimaryKeyConstraint("withdrawal_id", name=op.f("pk_withdrawal_taxes")),
    )
    with op.batch_alter_table("withdrawal_taxes", schema=None) as batch_op:
        for columns in (("person", "month"), ("member_id", "month"), ("month", "withdrawal_id")):
            batch_op.create_index(
                batch_op.f(f"ix_withdrawal_taxes_{'_'.join(columns)}"), [*columns]
            )


def downgrade() -> None:
    op.drop_table("withdrawal_taxes")
    op.drop_table("tax_identities")
