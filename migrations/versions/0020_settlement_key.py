"""commissions: one key for the settlement's walk; the batch says when

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


_CHECK = "ck_commissions_settled_names_its_batch"
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    with op.batch_alter_table("commissions", schema=None) as batch_op:
        batch_op.drop_constraint(op.f(_CHECK), type_="check")
        batch_op.drop_column("settled_at")
    with op.batch_alter_table("commissions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_commissions_batch_id_member_id_mature_at"),
            ["batch_id", "member_id", "mature_at"],
        )
        batch_op.drop_index(batch_op.f("ix_commissions_batch_id_member_id"))
        batch_op.drop_index(batch_op.f("ix_commissions_mature_at_id"))
        batch_op.create_check_constraint(
            op.f(_CHECK), "(batch_id = 0) = (status IN ('pending', 'held', 'void'))"
        )


def downgrade() -> None:
    with op.batch_alter_table("commissions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_commissions_mature_at_id"), ["mature_at", "id"])
        batch_op.create_index(
            batch_op.f("ix_commissions_batch_id_member_id"), ["batch_id", "member_id"]
        )
        batch_op.drop_index(batch_op.f("ix_commissions_batch_id_member_id_mature_at"))
        batch_op.drop_constraint(op.f(_CHECK), type_="check")
        batch_op.add_column(sa.Column("settled_at", _TIME, nullable=True))
    op.execute(
        "UPDATE commissions SET settled_at = (SELECT b.at FROM settlement_batches b"
        " WHERE b.id = commissions.batch_id)"
    )
    with op.batch_alter_table("commissions", schema=None) as batch_op:
        batch_op.create_check_constraint(op.f(_CHECK), "(batch_id = 0) = (settled_at IS NULL)")
