"""reviews, favourites, visits, uploads of members, deleted accounts

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _status(name: str) -> sa.Enum:
    return sa.Enum(
        "waiting",
        "shown",
        "hidden",
        name=name,
        native_enum=False,
        create_constraint=True,
        length=24,
    )


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.add_column(sa.Column("erased_at", _TIME, nullable=True))
    op.create_table(
        "member_uploads",
        sa.Column("id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("path", sa.String(length=80), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        _refers("member_uploads", "member_id", "members"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_uploads")),
        sa.UniqueConstraint("path", name=op.f("uq_member_uploads_path")),
    )
    op.create_index(
        op.f("ix_member_uploads_member_id_created_at"),
        "member_uploads",
        ["member_id", "created_at"],
    )
    op.create_index(
        op.f("ix_member_uploads_used_at_created_at"), "member_uploads", ["used_at", "created_at"]
    )
    op.create_table(
        "favourites",
        sa.Column("id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("product_id", _ID, nullable=False),
        sa.Column("was_fen", sa.BigInteger(), nullable=False),
        sa.Column("added_at", _TIME, nullable=False),
        _refers("favourites", "member_id", "members"),
        _refers("favourites", "product_id", "products"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_favourites")),
        sa.UniqueConstraint(
            "member_id", "product_id", name=op.f("uq_favourites_member_id_product_id")
        ),
    )
    op.create_index(op.f("ix_favourites_product_id"), "favourites", ["product_id"])
    op.create_table(
        "visits",
        sa.Column("member_id", _ID, autoincrement=False, nullable=False),
        sa.Column("product_id", _ID, autoincrement=False, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        _refers("visits", "member_id", "members"),
        _refers("visits", "product_id", "products"),
        sa.PrimaryKeyConstraint("member_id", "product_id", name=op.f("pk_visits")),
    )
    op.create_index(op.f("ix_visits_member_id_seen_at"), "visits", ["member_id", "seen_at"])
    op.create_index(op.f("ix_visits_seen_at"), "visits", ["seen_at"])
    op.create_index(op.f("ix_visits_product_id"), "visits", ["product_id"])
    op.create_table(
        "reviews",
        sa.Column("id", _ID, nullable=False),
        sa.Column("order_line_id", _ID, nullable=False),
        sa.Column("order_id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("product_id", _ID, nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("sku_name", sa.String(length=60), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("pictures", sa.JSON(), nullable=False),
        sa.Column("has_pictures", sa.Boolean(), nullable=False),
        sa.Column("is_anonymous", sa.Boolean(), nullable=False),
        sa.Column("status", _status("status"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("followup_text", sa.String(length=500), nullable=False),
        sa.Column("followup_pictures", sa.JSON(), nullable=False),
        sa.Column("followup_status", _status("followup_status"), nullable=True),
        sa.Column("followed_at", _TIME, nullable=True),
        sa.Column("reply", sa.String(length=500), nullable=False),
        sa.Column("replied_at", _TIME, nullable=True),
        sa.Column("replied_by", sa.String(length=64), nullable=False),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_reviews_stars_in_range")),
        sa.CheckConstraint(
            "(followed_at IS NULL) = (followup_status IS NULL)",
            name=op.f("ck_reviews_followup_whole"),
        ),
        sa.CheckConstraint(
            "(replied_at IS NULL) = (reply = '')", name=op.f("ck_reviews_reply_whole")
        ),
        _refers("reviews", "order_line_id", "order_lines"),
        _refers("reviews", "order_id", "orders"),
        _refers("reviews", "member_id", "members"),
        _refers("reviews", "product_id", "products"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("order_line_id", name=op.f("uq_reviews_order_line_id")),
    )
    for columns in (
        ["product_id", "status", "id"],
        ["status", "id"],
        ["followup_status", "id"],
        ["member_id", "id"],
        ["order_id"],
    ):
        op.create_index(op.f(f"ix_reviews_{'_'.join(columns)}"), "reviews", columns)
    op.create_table(
        "product_ratings",
        sa.Column("product_id", _ID, autoincrement=False, nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("middling", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("pictured", sa.Integer(), nullable=False),
        sa.Column("stars_sum", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "good >= 0 AND middling >= 0 AND bad >= 0 AND pictured >= 0",
            name=op.f("ck_product_ratings_counts_not_negative"),
        ),
        sa.CheckConstraint(
            "stars_sum BETWEEN good + middling + bad AND 5 * (good + middling + bad)",
            name=op.f("ck_product_ratings_stars_fit_counts"),
        ),
        _refers("product_ratings", "product_id", "products"),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_product_ratings")),
    )


def downgrade() -> None:
    for table in ("product_ratings", "reviews", "visits", "favourites", "member_uploads"):
        op.drop_table(table)
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.drop_column("erased_at")
