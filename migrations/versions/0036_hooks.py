"""endpoints of other systems, and what was sent to them

Revision ID: 0036
Revises: 0035
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_EVENTS = (
    *("order.paid", "order.shipped", "order.received", "order.closed", "aftersale.refunded"),
    *("member.bound", "distributor.joined", "commission.settled", "withdrawal.paid"),
)


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.create_table(
        "hook_endpoints",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("url", sa.String(length=300), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column(
            "state",
            _enum(op.f("ck_hook_endpoints_state"), "active", "stopped", "disabled"),
            nullable=False,
        ),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("old_secret", sa.Text(), nullable=True),
        sa.Column("old_secret_ends_at", _TIME, nullable=True),
        sa.Column("failing_since", _TIME, nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_endpoints")),
    )
    op.create_table(
        "hook_deliveries",
        sa.Column("id", _ID, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("endpoint_id", _ID, nullable=False),
        sa.Column("event", _enum(op.f("ck_hook_deliveries_event"), *_EVENTS), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column(
            "state",
            _enum(op.f("ck_hook_deliveries_state"), "waiting", "delivered", "failed"),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("answer_status", sa.SmallInteger(), nullable=True),
        sa.Column("answer", sa.String(length=300), nullable=False),
        sa.Column("sent_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["hook_endpoints.id"], name=op.f("fk_hook_deliveries_endpoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_deliveries")),
        sa.UniqueConstraint("public_id", name=op.f("uq_hook_deliveries_public_id")),
        sa.UniqueConstraint(
            "endpoint_id",
            "event",
            "subject_id",
            name=op.f("uq_hook_deliveries_endpoint_id_event_subject_id"),
        ),
    )
    for columns in (["state", "due_at"], ["endpoint_id", "id"], ["created_at"]):
        op.create_index(op.f(f"ix_hook_deliveries_{'_'.join(columns)}"), "hook_deliveries", columns)


def downgrade() -> None:
    op.drop_table("hook_deliveries")
    op.drop_table("hook_endpoints")
