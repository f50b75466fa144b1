"""until when the refunds of a bonus run were looked at

Revision ID: 0050
Revises: 0049
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.add_column("bonus_runs", sa.Column("checked_at", _TIME, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("bonus_runs") as batch_op:
        batch_op.drop_column("checked_at")
