"""overpaid tax of a month is set against a payment of another

Revision ID: 0048
Revises: 0047
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE = "tax_credits"
_WITHIN = "ck_tax_remittances_credit_within_amount"


def upgrade() -> None:
    with op.batch_alter_table("tax_remittances") as batch_op:
        batch_op.add_column(
            sa.Column("credit_fen", sa.BigInteger(), server_default="0", nullable=False)
        )
        # Safe under the old version: it leaves the column at 0.
        batch_op.create_check_constraint(
            op.f(_WITHIN), "credit_fen >= 0 AND credit_fen <= amount_fen"
        )
    op.create_table(
        TABLE,
        sa.Column("id", _ID, nullable=False),
        sa.Column("remittance_id", _ID, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f(f"ck_{TABLE}_amount_positive")),
        sa.ForeignKeyConstraint(
            ["remittance_id"], ["tax_remittances.id"], name=op.f(f"fk_{TABLE}_remittance_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("remittance_id", "month", name=op.f(f"uq_{TABLE}_remittance_id_month")),
    )
    with op.batch_alter_table(TABLE, schema=None) as batch_op:
        batch_op.create_index(batch_op.f(f"ix_{TABLE}_month"), ["month"])


def downgrade() -> None:
    op.drop_table(TABLE)
    with op.batch_alter_table("tax_remittances") as batch_op:
        batch_op.drop_constraint(op.f(_WITHIN), type_="check")
        batch_op.drop_column("credit_fen")
