"""materials to share, training articles, who read them

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "materials",
        sa.Column("id", _ID, nullable=False),
        sa.Column("category", sa.String(length=10), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("pictures", sa.JSON(), nullable=False),
        sa.Column("video_url", sa.String(length=300), nullable=False),
        sa.Column("product_id", _ID, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_materials_product_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_materials")),
    )
    with op.batch_alter_table("materials", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_materials_product_id"), ["product_id"])
        batch_op.create_index(
            batch_op.f("ix_materials_is_active_category_id"), ["is_active", "category", "id"]
        )
    op.create_table(
        "training_articles",
        sa.Column("id", _ID, nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("summary", sa.String(length=80), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_articles")),
    )
    with op.batch_alter_table("training_articles", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_training_articles_is_active_position_id"),
            ["is_active", "position", "id"],
        )
    op.create_table(
        "training_reads",
        sa.Column("article_id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("read_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["training_articles.id"], name=op.f("fk_training_reads_article_id")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_training_reads_member_id")
        ),
        sa.PrimaryKeyConstraint("article_id", "member_id", name=op.f("pk_training_reads")),
    )
    with op.batch_alter_table("training_reads", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_training_reads_member_id"), ["member_id"])


def downgrade() -> None:
    op.drop_table("training_reads")
    op.drop_table("training_articles")
    op.drop_table("materials")
