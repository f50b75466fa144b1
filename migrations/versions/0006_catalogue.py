"""the catalogue: specifications, shelf times, freight, search

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
TOKEN = sa.String(40).with_variant(mysql.VARCHAR(40, collation="utf8mb4_bin"), "mysql", "mariadb")
# An expression, because MySQL takes no literal as a JSON column's default.
EMPTY_LIST = sa.text("('[]')")


def choice(*values: str, name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.create_table(
        "freight_templates",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(30), nullable=False),
        sa.Column("counts", choice("piece", "weight", name="counts"), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freight_templates")),
    )
    with op.batch_alter_table("categories") as batch_op:
        batch_op.add_column(sa.Column("picture", sa.String(200), nullable=False, server_default=""))
        batch_op.add_column(
            sa.Column("is_active", sa.Boolean(), nullable=False, server_default=sa.true())
        )
    with op.batch_alter_table("products") as batch_op:
        batch_op.add_column(
            sa.Column(
                "kind",
                sa.String(24),
                nullable=False,
                server_default="physical",
            )
        )
        batch_op.add_column(sa.Column("unit", sa.String(8), nullable=False, server_default="件"))
        batch_op.add_column(sa.Column("tags", sa.JSON(), nullable=False, server_default=EMPTY_LIST))
        batch_op.add_column(
            sa.Column("specs", sa.JSON(), nullable=False, server_default=EMPTY_LIST)
        )
        batch_op.add_column(sa.Column("on_from", TIME, nullable=True))
        batch_op.add_column(sa.Column("off_at", TIME, nullable=True))
        batch_op.add_column(sa.Column("listed_at", TIME, nullable=True))
        batch_op.add_column(
            sa.Column("limit_per_member", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(sa.Column("freight_template_id", BIG_ID, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_products_freight_template_id"),
            "freight_templates",
            ["freight_template_id"],
            ["id"],
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_products_kind"), "kind IN ('physical', 'virtual')"
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_products_limit_not_negative"), "limit_per_member >= 0"
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_products_window"),
            "off_at IS NULL OR on_from IS NULL OR off_at > on_from",
        )
        batch_op.create_index(
            batch_op.f("ix_products_freight_template_id"), ["freight_template_id"]
        )
        batch_op.create_index(batch_op.f("ix_products_title"), ["title"])
    with op.batch_alter_table("skus") as batch_op:
        batch_op.add_column(
            sa.Column("spec_values", sa.JSON(), nullable=False, server_default=EMPTY_LIST)
        )
        batch_op.add_column(sa.Column("code", sa.String(40), nullable=True))
        batch_op.add_column(sa.Column("member_price_fen", sa.BigInteger(), nullable=True))
        for name in ("warn_below", "weight_g", "position"):
            batch_op.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("picture", sa.String(200), nullable=False, server_default=""))
        batch_op.add_column(
            sa.Column("is_active", sa.Boolean(), nullable=False, server_default=sa.true())
        )
        batch_op.create_unique_constraint(batch_op.f("uq_skus_code"), ["code"])
        batch_op.create_check_constraint(
            batch_op.f("ck_skus_member_price_not_negative"), "member_price_fen >= 0"
        )
        batch_op.create_check_constraint(batch_op.f("ck_skus_weight_not_negative"), "weight_g >= 0")
        batch_op.create_check_constraint(
            batch_op.f("ck_skus_warn_below_not_negative"), "warn_below >= 0"
        )
    with op.batch_alter_table("stock_moves") as batch_op:
        batch_op.add_column(sa.Column("actor", sa.String(64), nullable=False, server_default=""))
    op.create_table(
        "product_tokens",
        sa.Column("token", TOKEN, nullable=False),
        sa.Column("product_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_product_tokens_product_id")
        ),
        sa.PrimaryKeyConstraint("token", "product_id", name=op.f("pk_product_tokens")),
    )
    op.create_index(op.f("ix_product_tokens_product_id"), "product_tokens", ["product_id"])


def downgrade() -> None:
    op.drop_table("product_tokens")
    with op.batch_alter_table("stock_moves") as batch_op:
        batch_op.drop_column("actor")
    with op.batch_alter_table("skus") as batch_op:
        for name in ("member_price_not_negative", "weight_not_negative", "warn_below_not_negative"):
            batch_op.drop_constraint(batch_op.f(f"ck_skus_{name}"), type_="check")
        batch_op.drop_constraint(batch_op.f("uq_skus_code"), type_="unique")
        for name in ("is_active", "picture", "position", "weight_g", "warn_below"):
            batch_op.drop_column(name)
        for name in ("member_price_fen", "code", "spec_values"):
            batch_op.drop_column(name)
    with op.batch_alter_table("products") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_products_freight_template_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_products_title"))
        batch_op.drop_index(batch_op.f("ix_products_freight_template_id"))
        for name in ("kind", "limit_not_negative", "window"):
            batch_op.drop_constraint(batch_op.f(f"ck_products_{name}"), type_="check")
        for name in ("freight_template_id", "limit_per_member", "listed_at", "off_at", "on_from"):
            batch_op.drop_column(name)
        for name in ("specs", "tags", "unit", "kind"):
            batch_op.drop_column(name)
    with op.batch_alter_table("categories") as batch_op:
        batch_op.drop_column("is_active")
        batch_op.drop_column("picture")
    op.drop_table("freight_templates")
