"""the settlement's key is brought up to date after the money has moved

The new key has the old one's name: the version before asks for it by that.

Revision ID: 0046
Revises: 0045
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

_KEY = "ix_commissions_batch_id_member_id_mature_at"


def upgrade() -> None:
    with op.batch_alter_table("commissions") as batch_op:
        batch_op.add_column(
            sa.Column("filed_batch_id", sa.BigInteger(), server_default="0", nullable=False)
        )
    op.execute("UPDATE commissions SET filed_batch_id = batch_id WHERE batch_id > 0")
    with op.batch_alter_table("commissions") as batch_op:
        # Safe under the old version: it leaves the column at 0 and takes no batch back.
        batch_op.create_check_constraint(
            op.f("ck_commissions_filed_under_its_batch"), "filed_batch_id IN (0, batch_id)"
        )
        batch_op.drop_index(_KEY)
        batch_op.create_index(_KEY, ["filed_batch_id", "member_id", "mature_at"])


def downgrade() -> None:
    with op.batch_alter_table("commissions") as batch_op:
        batch_op.drop_index(_KEY)
        batch_op.create_index(_KEY, ["batch_id", "member_id", "mature_at"])
        batch_op.drop_constraint(op.f("ck_commissions_filed_under_its_batch"), type_="check")
        batch_op.drop_column("filed_batch_id")
