"""tags by which the desk groups members

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_NAME = sa.String(length=12).with_variant(
    mysql.VARCHAR(length=12, collation="utf8mb4_bin"), "mysql", "mariadb"
)


def upgrade() -> None:
    op.create_table(
        "member_tags",
        sa.Column("id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_member_tags_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_tags")),
        sa.UniqueConstraint("member_id", "name", name=op.f("uq_member_tags_member_id_name")),
    )
    op.create_index(
        op.f("ix_member_tags_name_member_id"), "member_tags", ["name", "member_id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("member_tags")
