"""what SKUs are expected to sell

Revision ID: 0041
Revises: 0040
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sku_forecasts",
        sa.Column("sku_id", _ID, autoincrement=False, nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("units", sa.JSON(), nullable=False),
        sa.Column("error_bps", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_sku_forecasts_sku_id")),
        sa.PrimaryKeyConstraint("sku_id", name=op.f("pk_sku_forecasts")),
    )


def downgrade() -> None:
    op.drop_table("sku_forecasts")
