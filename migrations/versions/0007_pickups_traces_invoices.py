"""pick-ups, traces, invoices

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pickup_shops",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("region", sa.String(length=60), nullable=False),
        sa.Column("detail", sa.String(length=80), nullable=False),
        sa.Column("hours", sa.String(length=60), nullable=False),
        sa.Column("phone", sa.String(length=30), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pickup_shops")),
    )
    op.create_table(
        "invoice_requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "status",
            sa.Enum(
                "requested",
                "issued",
                "refused",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "title_kind",
            sa.Enum(
                "personal",
                "company",
                name="title_kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("tax_number", sa.String(length=18), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("invoice_number", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
            nullable=False,
        ),
        sa.Column(
            "handled_at",
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(status = 'issued') = (invoice_number <> '')",
            name=op.f("ck_invoice_requests_number_when_issued"),
        ),
        sa.CheckConstraint(
            "title_kind = 'personal' OR tax_number <> ''",
            name=op.f("ck_invoice_requests_company_has_tax_number"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_invoice_requests_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_invoice_requests_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_requests")),
        sa.UniqueConstraint("order_id", name=op.f("uq_invoice_requests_order_id")),
    )
    with op.batch_alter_table("invoice_requests") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_invoice_requests_member_id"), ["member_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_invoice_requests_status_id"), ["status", "id"], unique=False
        )

    op.create_table(
        "order_adjustments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_order_adjustments_amount_positive")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_adjustments_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_adjustments")),
    )
    with op.batch_alter_table("order_adjustments") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_order_adjustments_order_id"), ["order_id"], unique=False
        )

    op.create_table(
        "order_pickups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("shop_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column(
            "picked_up_at",
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_pickups_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["shop_id"], ["pickup_shops.id"], name=op.f("fk_order_pickups_shop_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_pickups")),
        sa.UniqueConstraint("code", name=op.f("uq_order_pickups_code")),
        sa.UniqueConstraint("order_id", name=op.f("uq_order_pickups_order_id")),
    )
    with op.batch_alter_table("order_pickups") as batch_op:
        batch_op.create_index(batch_op.f("ix_order_pickups_shop_id"), ["shop_id"], unique=False)

    op.create_table(
        "order_traces",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "at",
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
            nullable=False,
        ),
        sa.Column("text", sa.String(length=120), nullable=False),
        sa.Column("entered_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_traces_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_traces")),
    )
    with op.batch_alter_table("order_traces") as batch_op:
        batch_op.create_index(batch_op.f("ix_order_traces_order_id"), ["order_id"], unique=False)

    with op.batch_alter_table("member_addresses") as batch_op:
        batch_op.add_column(
            sa.Column("region_code", sa.String(length=6), nullable=False, server_default="")
        )

    with op.batch_alter_table("orders") as batch_op:
        batch_op.add_column(
            sa.Column(
                "hidden_at",
                sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
                nullable=True,
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("orders") as batch_op:
        batch_op.drop_column("hidden_at")

    with op.batch_alter_table("member_addresses") as batch_op:
        batch_op.drop_column("region_code")

    op.drop_table("order_traces")
    op.drop_table("order_pickups")
    op.drop_table("order_adjustments")
    op.drop_table("invoice_requests")
    op.drop_table("pickup_shops")
