"""what looks like abuse, who paid, and the desk's notes about members

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.create_table(
        "risk_flags",
        sa.Column("id", _ID, nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("kind", _one_of("kind", "self_referral", "burst", "ring"), nullable=False),
        sa.Column("state", _one_of("state", "open", "cleared", "confirmed"), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("found_at", _TIME, nullable=False),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL)",
            name=op.f("ck_risk_flags_decided_unless_open"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_flags")),
        sa.UniqueConstraint("key", name=op.f("uq_risk_flags_key")),
    )
    with op.batch_alter_table("risk_flags", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_risk_flags_state_id"), ["state", "id"])
    op.create_table(
        "risk_flag_members",
        sa.Column("flag_id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("is_held", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["flag_id"], ["risk_flags.id"], name=op.f("fk_risk_flag_members_flag_id")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_risk_flag_members_member_id")
        ),
        sa.PrimaryKeyConstraint("flag_id", "member_id", name=op.f("pk_risk_flag_members")),
    )
    with op.batch_alter_table("risk_flag_members", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_risk_flag_members_member_id"), ["member_id"])
    op.create_table(
        "risk_traces",
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("kind", _one_of("kind", "phone", "address", "device"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_risk_traces_member_id")
        ),
        sa.PrimaryKeyConstraint("member_id", "kind", "digest", name=op.f("pk_risk_traces")),
    )
    with op.batch_alter_table("risk_traces", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_risk_traces_seen_at"), ["seen_at"])
    op.create_table(
        "member_notes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_member_notes_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_notes")),
    )
    with op.batch_alter_table("member_notes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_member_notes_member_id_id"), ["member_id", "id"])
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("payer_openid", sa.String(length=64), server_default="", nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.drop_column("payer_openid")
    op.drop_table("member_notes")
    op.drop_table("risk_traces")
    op.drop_table("risk_flag_members")
    op.drop_table("risk_flags")
