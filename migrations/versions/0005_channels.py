"""channels

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("binding_attempts", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "upline_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.create_index(
            batch_op.f("ix_binding_attempts_upline_id"), ["upline_id"], unique=False
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_binding_attempts_upline_id"), "members", ["upline_id"], ["id"]
        )

    op.create_table(
        "scene_ration",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "used BETWEEN 0 AND 100000", name=op.f("ck_scene_ration_used_within_limit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scene_ration")),
    )
    op.create_table(
        "channels",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("name_key", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "campaign",
                "shop",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_permanent", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("qr_ticket", sa.String(length=200), nullable=False),
        sa.Column("qr_url", sa.String(length=200), nullable=False),
        sa.Column(
            "qr_expires_at",
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
            nullable=True,
        ),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "is_permanent = 0 OR qr_expires_at IS NULL", name=op.f("ck_channels_permanent_ends_not")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["members.id"], name=op.f("fk_channels_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sa.UniqueConstraint("code", name=op.f("uq_channels_code")),
        sa.UniqueConstraint("name_key", name=op.f("uq_channels_name_key")),
    )
    with op.batch_alter_table("channels", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_channels_is_active_qr_expires_at"),
            ["is_active", "qr_expires_at"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_channels_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "channel_members",
        sa.Column(
            "member_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channels.id"], name=op.f("fk_channel_members_channel_id")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_channel_members_member_id")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_channel_members")),
    )
    with op.batch_alter_table("channel_members", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_channel_members_channel_id_day_member_id"),
            ["channel_id", "day", "member_id"],
            unique=False,
        )

    op.create_table(
        "scans",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "source",
            sa.Enum(
                "follow",
                "scan",
                "link",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "tried",
                "counted",
                "stopped",
                "snapshot",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "attempt_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("openid", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("dedupe_key", sa.String(length=64), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(outcome = 'snapshot') = (member_id IS NULL)",
            name=op.f("ck_scans_member_unless_snapshot"),
        ),
        sa.CheckConstraint(
            "(outcome = 'tried') = (attempt_id IS NOT NULL)", name=op.f("ck_scans_attempt_if_tried")
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["binding_attempts.id"], name=op.f("fk_scans_attempt_id")
        ),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_scans_channel_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_scans_member_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["members.id"], name=op.f("fk_scans_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scans")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_scans_attempt_id")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_scans_dedupe_key")),
    )
    with op.batch_alter_table("scans", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_scans_channel_id_day_source"),
            ["channel_id", "day", "source"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_scans_channel_id_id"), ["channel_id", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_scans_member_id"), ["member_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_scans_owner_id"), ["owner_id"], unique=False)


def downgrade() -> None:
    op.drop_table("scans")
    op.drop_table("channel_members")
    op.drop_table("channels")
    op.drop_table("scene_ration")
    with op.batch_alter_table("binding_attempts", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_binding_attempts_upline_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_binding_attempts_upline_id"))
        batch_op.drop_column("upline_id")
