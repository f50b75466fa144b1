"""binding appeals

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "binding_appeals",
        sa.Column("id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("open_member_id", _ID, nullable=True),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "accepted",
                "refused",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("upline_id", _ID, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("answer", sa.String(length=200), nullable=False),
        sa.Column("answered_by", sa.String(length=64), nullable=False),
        sa.Column("answered_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "(status = 'open') = (answered_at IS NULL)",
            name=op.f("ck_binding_appeals_answered_unless_open"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_binding_appeals_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["upline_id"], ["members.id"], name=op.f("fk_binding_appeals_upline_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_binding_appeals")),
        sa.UniqueConstraint("open_member_id", name=op.f("uq_binding_appeals_open_member_id")),
    )
    for columns in (["status", "id"], ["member_id", "id"], ["upline_id"]):
        op.create_index(op.f(f"ix_binding_appeals_{'_'.join(columns)}"), "binding_appeals", columns)


def downgrade() -> None:
    op.drop_table("binding_appeals")
