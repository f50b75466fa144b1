"""reply rules

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reply_rules",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "exact",
                "contains",
                "default",
                "follow",
                "follow_by_code",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "reply_type",
            sa.Enum(
                "text",
                "news",
                "service",
                "none",
                name="reply_type",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("content", sa.String(length=600), nullable=False),
        sa.Column("title", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=120), nullable=False),
        sa.Column("picture_url", sa.String(length=500), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("sort", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(reply_type = 'text') = (content <> '')",
            name=op.f("ck_reply_rules_content_of_text"),
        ),
        sa.CheckConstraint(
            "(reply_type = 'news') = (title <> '') AND (reply_type = 'news') = (url <> '')",
            name=op.f("ck_reply_rules_article_of_news"),
        ),
        sa.CheckConstraint(
            "reply_type <> 'service' OR kind NOT IN ('follow', 'follow_by_code')",
            name=op.f("ck_reply_rules_service_for_messages"),
        ),
        sa.CheckConstraint("sort BETWEEN 0 AND 9999", name=op.f("ck_reply_rules_sort_in_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reply_rules")),
    )
    with op.batch_alter_table("reply_rules", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_reply_rules_is_active_kind_sort_id"),
            ["is_active", "kind", "sort", "id"],
            unique=False,
        )

    op.create_table(
        "reply_keywords",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rule_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("keyword", sa.String(length=30), nullable=False),
        sa.Column("exact_key", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["reply_rules.id"], name=op.f("fk_reply_keywords_rule_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reply_keywords")),
        sa.UniqueConstraint("exact_key", name=op.f("uq_reply_keywords_exact_key")),
        sa.UniqueConstraint("rule_id", "position", name=op.f("uq_reply_keywords_rule_id_position")),
    )


def downgrade() -> None:
    op.drop_table("reply_keywords")
    op.drop_table("reply_rules")
