"""the days before today summed, so that who leads is read along an index

Revision ID: 0045
Revises: 0044
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_DIMENSIONS = ("all", "product", "sku", "distributor", "province", "channel", "month")
_MEASURES = ("orders", "units", "sales_fen", "commissions_fen", "members")


def upgrade() -> None:
    op.create_table(
        "figure_spans",
        sa.Column("days", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("built_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("days", name=op.f("pk_figure_spans")),
    )
    op.create_table(
        "span_figures",
        sa.Column("days", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "dimension",
            sa.Enum(
                *_DIMENSIONS,
                name=op.f("ck_span_figures_dimension"),
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("key_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _MEASURES),
        sa.PrimaryKeyConstraint("days", "dimension", "key_id", name=op.f("pk_span_figures")),
    )
    op.create_index(
        op.f("ix_span_figures_days_dimension_sales_fen"),
        "span_figures",
        ["days", "dimension", "sales_fen"],
    )


def downgrade() -> None:
    op.drop_table("span_figures")
    op.drop_table("figure_spans")
