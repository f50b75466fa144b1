"""saved views, chosen columns and background exports of the panel's lists

Revision ID: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "admin_list_views",
        sa.Column("id", _ID, nullable=False),
        sa.Column("admin_id", _ID, nullable=False),
        sa.Column("listing", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("sort", sa.String(length=32), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["admins.id"], name=op.f("fk_admin_list_views_admin_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_list_views")),
        sa.UniqueConstraint(
            "admin_id",
            "listing",
            "name",
            name=op.f("uq_admin_list_views_admin_id_listing_name"),
        ),
    )
    op.create_index(
        op.f("ix_admin_list_views_listing_is_shared"), "admin_list_views", ["listing", "is_shared"]
    )
    op.create_table(
        "admin_list_choices",
        sa.Column("id", _ID, nullable=False),
        sa.Column("admin_id", _ID, nullable=False),
        sa.Column("listing", sa.String(length=32), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("view_id", _ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["admins.id"], name=op.f("fk_admin_list_choices_admin_id")
        ),
        sa.ForeignKeyConstraint(
            ["view_id"],
            ["admin_list_views.id"],
            name=op.f("fk_admin_list_choices_view_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_list_choices")),
        sa.UniqueConstraint(
            "admin_id", "listing", name=op.f("uq_admin_list_choices_admin_id_listing")
        ),
    )
    op.create_table(
        "admin_exports",
        sa.Column("id", _ID, nullable=False),
        sa.Column("admin_id", _ID, nullable=False),
        sa.Column("listing", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("personal", sa.JSON(), nullable=False),
        sa.Column("sort", sa.String(length=32), nullable=False),
        sa.Column("format", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=False),
        sa.Column("claim", sa.String(length=16), nullable=False),
        sa.Column("beat_at", _TIME, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(length=60), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.CheckConstraint("rows_done >= 0", name=op.f("ck_admin_exports_rows_not_negative")),
        sa.CheckConstraint(
            "(state = 'done') = (file <> '')", name=op.f("ck_admin_exports_done_has_its_file")
        ),
        sa.CheckConstraint("format IN ('xlsx', 'csv')", name=op.f("ck_admin_exports_format")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'expired')",
            name=op.f("ck_admin_exports_state"),
        ),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["admins.id"], name=op.f("fk_admin_exports_admin_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_exports")),
    )
    op.create_index(op.f("ix_admin_exports_admin_id_id"), "admin_exports", ["admin_id", "id"])
    op.create_index(op.f("ix_admin_exports_state_id"), "admin_exports", ["state", "id"])
    # The reviewer's queue by amount, in either direction.
    op.create_index(op.f("ix_withdrawals_status_gross_fen"), "withdrawals", ["status", "gross_fen"])


def downgrade() -> None:
    op.drop_index(op.f("ix_withdrawals_status_gross_fen"), table_name="withdrawals")
    for table in ("admin_exports", "admin_list_choices", "admin_list_views"):
        op.drop_table(table)
