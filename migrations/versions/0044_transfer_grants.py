"""grants to receive transfers without confirming each one

Revision ID: 0044
Revises: 0043
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_STATES = ("created", "waiting", "active", "closed")


def upgrade() -> None:
    op.create_table(
        "transfer_grants",
        sa.Column("id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("live_member_id", sa.BigInteger(), nullable=True),
        sa.Column("out_authorization_no", sa.String(length=32), nullable=False),
        sa.Column("openid", sa.String(length=64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(*_STATES, name="status", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("authorization_id", sa.String(length=64), nullable=False),
        sa.Column("package_info", sa.String(length=500), nullable=False),
        sa.Column("close_reason", sa.String(length=64), nullable=False),
        sa.Column("sent_count", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("queried_at", _TIME, nullable=True),
        sa.Column("active_at", _TIME, nullable=True),
        sa.Column("end_asked_at", _TIME, nullable=True),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "(status = 'closed') = (live_member_id IS NULL)",
            name=op.f("ck_transfer_grants_live_until_closed"),
        ),
        sa.CheckConstraint(
            "(status = 'closed') = (closed_at IS NOT NULL)",
            name=op.f("ck_transfer_grants_closed_has_a_time"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_transfer_grants_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_grants")),
        sa.UniqueConstraint("live_member_id", name=op.f("uq_transfer_grants_live_member_id")),
        sa.UniqueConstraint(
            "out_authorization_no", name=op.f("uq_transfer_grants_out_authorization_no")
        ),
    )
    op.create_index(op.f("ix_transfer_grants_member_id"), "transfer_grants", ["member_id"])
    op.create_index(
        op.f("ix_transfer_grants_status_queried_at"), "transfer_grants", ["status", "queried_at"]
    )
    with op.batch_alter_table("transfer_bills", schema=None) as batch_op:
        batch_op.add_column(sa.Column("grant_id", _ID, nullable=True))
        batch_op.add_column(sa.Column("missing_since", _TIME, nullable=True))
        batch_op.create_index(batch_op.f("ix_transfer_bills_grant_id"), ["grant_id"])
        # Safe under the old version: it writes neither the column nor the other table.
        batch_op.create_foreign_key(
            batch_op.f("fk_transfer_bills_grant_id"), "transfer_grants", ["grant_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("transfer_bills", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_transfer_bills_grant_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_transfer_bills_grant_id"))
        batch_op.drop_column("missing_since")
        batch_op.drop_column("grant_id")
    op.drop_table("transfer_grants")
