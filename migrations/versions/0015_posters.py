"""poster templates

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "poster_templates",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column(
            "audience",
            sa.Enum(
                "member",
                "product",
                name="audience",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("layout", sa.JSON(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_poster_templates")),
    )
    with op.batch_alter_table("poster_templates", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_poster_templates_audience_position_id"),
            ["audience", "position", "id"],
            unique=False,
        )


def downgrade() -> None:
    op.drop_table("poster_templates")
