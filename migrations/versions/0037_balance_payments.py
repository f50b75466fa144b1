"""what a payment is made with: WeChat Pay, or the buyer's balance

Revision ID: 0037
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("kind", sa.String(length=24), server_default="wechat", nullable=False)
        )
        # Safe under the old version: it writes no kind, and the default is one of them.
        batch_op.create_check_constraint(
            batch_op.f("ck_payments_kind"), "kind IN ('wechat', 'balance')"
        )


def downgrade() -> None:
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_payments_kind"), type_="check")
        batch_op.drop_column("kind")
