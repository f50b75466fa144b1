"""home page

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_KINDS = ("banner", "notice", "categories", "products", "pictures")


def upgrade() -> None:
    op.create_table(
        "home_versions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("published_at", _TIME, nullable=False),
        sa.Column("published_by", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_home_versions")),
    )
    op.create_table(
        "home_blocks",
        sa.Column("id", _ID, nullable=False),
        sa.Column("version_id", _ID, nullable=True),
        sa.Column(
            "kind",
            sa.Enum(*_KINDS, name="kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("title", sa.String(length=20), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("shown_from", _TIME, nullable=True),
        sa.Column("shown_until", _TIME, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "shown_from IS NULL OR shown_until IS NULL OR shown_until > shown_from",
            name=op.f("ck_home_blocks_window"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["home_versions.id"], name=op.f("fk_home_blocks_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_home_blocks")),
    )
    with op.batch_alter_table("home_blocks", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_home_blocks_version_id_position"), ["version_id", "position"]
        )


def downgrade() -> None:
    op.drop_table("home_blocks")
    op.drop_table("home_versions")
