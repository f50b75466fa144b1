"""the shop in figures by day, who visited, indexes by time

Revision ID: 0040
Revises: 0039
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_MEASURES = (
    *("orders", "units", "sales_fen", "cost_fen", "buyers", "first_buyers", "repeat_buyers"),
    *("returned_fen", "returned_units", "refunds", "refunds_fen"),
    *("visitors", "members", "distributors", "scans", "follows", "binds"),
    *("referred_orders", "settled_orders"),
    *("commissions_fen", "reversed_fen", "settled_fen"),
    *("withdrawals", "withdrawn_fen", "tax_fen"),
)
_DIMENSIONS = ("all", "product", "sku", "distributor", "province", "channel", "month")
# What a day brought is found by these.
_INDEXES = (
    ("members", ("created_at",)),
    ("distributors", ("approved_at",)),
    ("binding_attempts", ("at",)),
    ("scans", ("day", "channel_id", "source")),
    ("channel_members", ("at",)),
    ("settlement_batches", ("at",)),
)


def upgrade() -> None:
    op.create_table(
        "daily_figures",
        sa.Column(
            "dimension",
            sa.Enum(
                *_DIMENSIONS,
                name=op.f("ck_daily_figures_dimension"),
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _MEASURES),
        sa.PrimaryKeyConstraint("dimension", "day", "key_id", name=op.f("pk_daily_figures")),
    )
    op.create_index(
        op.f("ix_daily_figures_dimension_key_id_day"),
        "daily_figures",
        ["dimension", "key_id", "day"],
    )
    op.create_table(
        "figure_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("built_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_figure_days")),
    )
    op.create_table(
        "visitor_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("member_id", _ID, autoincrement=False, nullable=False),
        sa.Column("first_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_visitor_days_member_id")
        ),
        sa.PrimaryKeyConstraint("day", "member_id", name=op.f("pk_visitor_days")),
    )
    op.create_index(op.f("ix_visitor_days_member_id"), "visitor_days", ["member_id"])
    op.create_index(op.f("ix_visitor_days_first_at"), "visitor_days", ["first_at"])
    op.create_table(
        "sales_targets",
        sa.Column("id", _ID, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("target_fen", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.String(length=64), nullable=False),
        sa.Column("set_at", _TIME, nullable=False),
        sa.CheckConstraint("target_fen > 0", name=op.f("ck_sales_targets_target_positive")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_sales_targets_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_targets")),
        sa.UniqueConstraint("month", "member_id", name=op.f("uq_sales_targets_month_member_id")),
    )
    op.create_index(op.f("ix_sales_targets_member_id"), "sales_targets", ["member_id"])
    for table, columns in _INDEXES:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def downgrade() -> None:
    for table, columns in reversed(_INDEXES):
        # MariaDB keeps a foreign key's column indexed: the others of it are there.
        op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table_name=table)
    op.drop_table("sales_targets")
    op.drop_table("visitor_days")
    op.drop_table("figure_days")
    op.drop_table("daily_figures")
