"""reports that come by themselves, and where mail reaches an admin

Revision ID: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_PERIODS = ("1", "7", "30", "90", "month", "last_month", "year")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.create_table(
        "report_subscriptions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("report", sa.String(length=32), nullable=False),
        sa.Column("period", _one_of("period", *_PERIODS), nullable=False),
        sa.Column("compare", _one_of("compare", "previous", "year", "none"), nullable=False),
        sa.Column("cadence", _one_of("cadence", "daily", "weekly", "monthly"), nullable=False),
        sa.Column("on_day", sa.SmallInteger(), nullable=False),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("content", _one_of("content", "summary", "xlsx", "csv"), nullable=False),
        sa.Column("ways", sa.JSON(), nullable=False),
        sa.Column("recipients", sa.JSON(), nullable=False),
        sa.Column("state", _one_of("state", "active", "paused", "deleted"), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "hour BETWEEN 0 AND 23", name=op.f("ck_report_subscriptions_hour_of_a_day")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["admins.id"], name=op.f("fk_report_subscriptions_created_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_subscriptions")),
    )
    op.create_index(
        op.f("ix_report_subscriptions_state_id"), "report_subscriptions", ["state", "id"]
    )
    op.create_index(
        op.f("ix_report_subscriptions_created_by"), "report_subscriptions", ["created_by"]
    )
    op.create_table(
        "report_deliveries",
        sa.Column("id", _ID, nullable=False),
        sa.Column("subscription_id", _ID, nullable=False),
        sa.Column("turn", sa.String(length=20), nullable=False),
        sa.Column("admin_id", _ID, nullable=False),
        sa.Column("report", sa.String(length=32), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("compare", _one_of("compare", "previous", "year", "none"), nullable=False),
        sa.Column("content", _one_of("content", "summary", "xlsx", "csv"), nullable=False),
        sa.Column("ways", sa.JSON(), nullable=False),
        sa.Column(
            "state",
            _one_of("state", "waiting", "delivered", "failed", "refused"),
            nullable=False,
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("error", sa.String(length=200), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=True),
        sa.Column("made_at", _TIME, nullable=True),
        sa.Column("sent_at", _TIME, nullable=True),
        sa.Column("read_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["report_subscriptions.id"],
            name=op.f("fk_report_deliveries_subscription_id"),
        ),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["admins.id"], name=op.f("fk_report_deliveries_admin_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_deliveries")),
        sa.UniqueConstraint(
            "subscription_id",
            "turn",
            "admin_id",
            name=op.f("uq_report_deliveries_subscription_id_turn_admin_id"),
        ),
    )
    op.create_index(
        op.f("ix_report_deliveries_state_due_at"), "report_deliveries", ["state", "due_at"]
    )
    op.create_index(
        op.f("ix_report_deliveries_admin_id_id"), "report_deliveries", ["admin_id", "id"]
    )
    with op.batch_alter_table("admins") as batch:
        batch.add_column(sa.Column("email", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("admins") as batch:
        batch.drop_column("email")
    op.drop_table("report_deliveries")
    op.drop_table("report_subscriptions")
