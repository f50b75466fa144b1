"""products have a code; files of products that were uploaded

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.add_column(sa.Column("code", sa.String(length=40), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_products_code"), ["code"])
    op.create_table(
        "product_imports",
        sa.Column("id", _ID, nullable=False),
        sa.Column("filename", sa.String(length=120), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("uploaded_by", sa.String(length=64), nullable=False),
        sa.Column("uploaded_at", _TIME, nullable=False),
        sa.Column("applied_by", sa.String(length=64), nullable=False),
        sa.Column("applied_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "(applied_at IS NULL) = (applied_by = '')",
            name=op.f("ck_product_imports_applied_by_somebody"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_imports")),
    )
    op.create_index(
        op.f("ix_product_imports_uploaded_at"), "product_imports", ["uploaded_at"], unique=False
    )


def downgrade() -> None:
    op.drop_table("product_imports")
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_products_code"), type_="unique")
        batch_op.drop_column("code")
