"""the official account's QR of a distributor's code for one product

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "product_scenes",
        sa.Column("code_id", _ID, autoincrement=False, nullable=False),
        sa.Column("product_id", _ID, autoincrement=False, nullable=False),
        sa.Column("qr_ticket", sa.String(length=200), nullable=False),
        sa.Column("qr_url", sa.String(length=200), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["code_id"], ["referral_codes.id"], name=op.f("fk_product_scenes_code_id")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_product_scenes_product_id")
        ),
        sa.PrimaryKeyConstraint("code_id", "product_id", name=op.f("pk_product_scenes")),
    )
    with op.batch_alter_table("product_scenes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_product_scenes_expires_at"), ["expires_at"])


def downgrade() -> None:
    op.drop_table("product_scenes")
