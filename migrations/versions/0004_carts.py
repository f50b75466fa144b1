"""carts

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "cart_lines",
        sa.Column("id", big_id, nullable=False),
        sa.Column("member_id", big_id, nullable=False),
        sa.Column("sku_id", big_id, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("was_fen", sa.BigInteger(), nullable=False),
        sa.Column("is_ticked", sa.Boolean(), nullable=False),
        sa.Column(
            "added_at",
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "quantity BETWEEN 1 AND 999", name=op.f("ck_cart_lines_quantity_in_range")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_cart_lines_member_id")
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_cart_lines_sku_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart_lines")),
        sa.UniqueConstraint("member_id", "sku_id", name=op.f("uq_cart_lines_member_id_sku_id")),
    )
    op.create_index(op.f("ix_cart_lines_sku_id"), "cart_lines", ["sku_id"], unique=False)


def downgrade() -> None:
    op.drop_table("cart_lines")
