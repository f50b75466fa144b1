"""products: what they are listed at, and a key for each order of a list

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("from_fen", sa.BigInteger(), server_default="0", nullable=False)
        )
    op.execute(
        "UPDATE products SET from_fen = COALESCE((SELECT MIN(s.price_fen) FROM skus s"
        " WHERE s.product_id = products.id AND s.is_active), 0)"
    )
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.drop_index("ix_products_is_on_shelf_sort_id")
    op.create_index("ix_products_shelf", "products", ["is_on_shelf", "sort", sa.text("id DESC")])
    op.create_index(
        "ix_products_category_shelf",
        "products",
        ["category_id", "is_on_shelf", "sort", sa.text("id DESC")],
    )
    op.create_index("ix_products_shelf_sold", "products", ["is_on_shelf", "sold_count", "id"])
    op.create_index("ix_products_shelf_price", "products", ["is_on_shelf", "from_fen", "id"])


def downgrade() -> None:
    op.create_index("ix_products_is_on_shelf_sort_id", "products", ["is_on_shelf", "sort", "id"])
    for name in ("shelf_price", "shelf_sold", "shelf"):
        op.drop_index(f"ix_products_{name}", table_name="products")
    op.drop_index("ix_products_category_shelf", table_name="products")
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.drop_column("from_fen")
