"""levels

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_TIMES = ("level_since", "level_counts_from", "level_kept_until", "level_reviewed_until")


def upgrade() -> None:
    op.create_table(
        "distributor_levels",
        sa.Column("id", _ID, nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("level_rank", sa.Integer(), nullable=False),
        sa.Column("benefits", sa.String(length=300), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("keep", sa.JSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "level_rank BETWEEN 0 AND 99", name=op.f("ck_distributor_levels_rank_in_range")
        ),
        sa.CheckConstraint(
            "(level_rank = 0) = (code = 'normal')",
            name=op.f("ck_distributor_levels_base_has_rank_0"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distributor_levels")),
        sa.UniqueConstraint("code", name=op.f("uq_distributor_levels_code")),
        sa.UniqueConstraint("name", name=op.f("uq_distributor_levels_name")),
        sa.UniqueConstraint("level_rank", name=op.f("uq_distributor_levels_level_rank")),
    )
    op.create_table(
        "level_tags",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_level_tags")),
        sa.UniqueConstraint("name", name=op.f("uq_level_tags_name")),
    )
    op.create_table(
        "level_changes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("distributor_id", _ID, nullable=False),
        sa.Column("from_level", sa.String(length=20), nullable=False),
        sa.Column("to_level", sa.String(length=20), nullable=False),
        sa.Column(
            "cause",
            sa.Enum(
                "event",
                "period",
                "admin",
                name="cause",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("period", sa.String(length=8), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("kept_until", _TIME, nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.CheckConstraint(
            "(cause = 'period') = (period IS NOT NULL)",
            name=op.f("ck_level_changes_period_is_named"),
        ),
        sa.ForeignKeyConstraint(
            ["distributor_id"], ["distributors.id"], name=op.f("fk_level_changes_distributor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_level_changes")),
        sa.UniqueConstraint(
            "distributor_id", "period", name=op.f("uq_level_changes_distributor_id_period")
        ),
    )
    with op.batch_alter_table("level_changes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_level_changes_from_level"), ["from_level"])
        batch_op.create_index(batch_op.f("ix_level_changes_to_level"), ["to_level"])
    with op.batch_alter_table("distributors", schema=None) as batch_op:
        for name in _TIMES:
            batch_op.add_column(sa.Column(name, _TIME, nullable=True))
        batch_op.create_index(batch_op.f("ix_distributors_level"), ["level"])


def downgrade() -> None:
    with op.batch_alter_table("distributors", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_distributors_level"))
        for name in reversed(_TIMES):
            batch_op.drop_column(name)
    op.drop_table("level_changes")
    op.drop_table("level_tags")
    op.drop_table("distributor_levels")
