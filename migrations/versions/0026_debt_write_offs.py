"""debts that are let go

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
TABLE = "debt_write_offs"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("open_member_id", sa.BigInteger(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
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
            "(state = 'asked') = (decided_at IS NULL)",
            name=op.f(f"ck_{TABLE}_decided_unless_asked"),
        ),
        sa.CheckConstraint(
            "(state = 'asked') = (open_member_id IS NOT NULL)",
            name=op.f(f"ck_{TABLE}_open_while_asked"),
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f(f"fk_{TABLE}_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("open_member_id", name=op.f(f"uq_{TABLE}_open_member_id")),
    )
    with op.batch_alter_table(TABLE, schema=None) as batch_op:
        batch_op.create_index(batch_op.f(f"ix_{TABLE}_member_id"), ["member_id"])
        batch_op.create_index(batch_op.f(f"ix_{TABLE}_state_id"), ["state", "id"])


def downgrade() -> None:
    op.drop_table(TABLE)
