"""after-sales and refunds

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_ORDER_STATES = ("unpaid", "closing", "closed", "paid", "shipped", "received", "finished")
_ODDITIES = (
    "unknown_number",
    "amount_differs",
    "merchant_differs",
    "app_differs",
    "paid_late",
    "paid_twice",
    "transfer_differs",
)


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _set_values(table: str, column: str, values: tuple[str, ...]) -> None:
    """Let an enum column take exactly these values."""
    said = ", ".join(f"'{value}'" for value in values)
    with op.batch_alter_table(table, schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f(f"ck_{table}_{column}"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f(f"ck_{table}_{column}"), f"{column} IN ({said})"
        )


def upgrade() -> None:
    _set_values("orders", "status", (*_ORDER_STATES, "refunded"))
    _set_values("payment_oddities", "kind", (*_ODDITIES, "refund_differs"))
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("open_aftersales", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(
            sa.Column("freight_refunded_fen", sa.BigInteger(), nullable=False, server_default="0")
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_orders_open_aftersales_not_negative"), "open_aftersales >= 0"
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_orders_freight_refunded_in_range"),
            "freight_refunded_fen BETWEEN 0 AND freight_fen",
        )
    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("refunded_quantity", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_order_lines_refunded_within_quantity"),
            "refunded_quantity BETWEEN 0 AND quantity",
        )
    op.create_table(
        "aftersales",
        sa.Column("id", _ID, nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("order_id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("kind", _one_of("kind", "refund", "return", "exchange"), nullable=False),
        sa.Column(
            "status",
            _one_of(
                "status",
                "applied",
                "approved",
                "returning",
                "returned",
                "refunding",
                "abnormal",
                "success",
                "manual",
                "exchanged",
                "rejected",
                "withdrawn",
                "closed",
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("pictures", sa.JSON(), nullable=False),
        sa.Column("goods_fen", sa.BigInteger(), nullable=False),
        sa.Column("freight_fen", sa.BigInteger(), nullable=False),
        sa.Column("decision_note", sa.String(length=200), nullable=False),
        sa.Column("return_carrier", sa.String(length=30), nullable=False),
        sa.Column("return_tracking", sa.String(length=40), nullable=False),
        sa.Column("send_back_by", _TIME, nullable=True),
        sa.Column("is_restocked", sa.Boolean(), nullable=False),
        sa.Column("resend_carrier", sa.String(length=30), nullable=False),
        sa.Column("resend_tracking", sa.String(length=40), nullable=False),
        sa.Column("manual_first", sa.String(length=64), nullable=False),
        sa.Column("manual_note", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "goods_fen >= 0 AND freight_fen >= 0", name=op.f("ck_aftersales_parts_not_negative")
        ),
        sa.CheckConstraint(
            "kind = 'exchange' OR goods_fen + freight_fen > 0",
            name=op.f("ck_aftersales_refund_of_something"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_aftersales_order_id")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_aftersales_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aftersales")),
        sa.UniqueConstraint("number", name=op.f("uq_aftersales_number")),
    )
    with op.batch_alter_table("aftersales", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_aftersales_order_id"), ["order_id"])
        batch_op.create_index(batch_op.f("ix_aftersales_status_id"), ["status", "id"])
        batch_op.create_index(batch_op.f("ix_aftersales_member_id_id"), ["member_id", "id"])
    op.create_table(
        "aftersale_items",
        sa.Column("id", _ID, nullable=False),
        sa.Column("aftersale_id", _ID, nullable=False),
        sa.Column("line_id", _ID, nullable=False),
        sa.Column("open_line_id", sa.BigInteger(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_aftersale_items_quantity_not_negative")),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_aftersale_items_amount_not_negative")),
        sa.ForeignKeyConstraint(
            ["aftersale_id"], ["aftersales.id"], name=op.f("fk_aftersale_items_aftersale_id")
        ),
        sa.ForeignKeyConstraint(
            ["line_id"], ["order_lines.id"], name=op.f("fk_aftersale_items_line_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aftersale_items")),
        sa.UniqueConstraint(
            "aftersale_id", "line_id", name=op.f("uq_aftersale_items_aftersale_id_line_id")
        ),
        sa.UniqueConstraint("open_line_id", name=op.f("uq_aftersale_items_open_line_id")),
    )
    with op.batch_alter_table("aftersale_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_aftersale_items_line_id"), ["line_id"])
    op.create_table(
        "refunds",
        sa.Column("id", _ID, nullable=False),
        sa.Column("out_refund_no", sa.String(length=32), nullable=False),
        sa.Column("order_id", _ID, nullable=False),
        sa.Column("payment_id", _ID, nullable=False),
        sa.Column("aftersale_id", _ID, nullable=True),
        sa.Column("oddity_id", _ID, nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column(
            "status",
            _one_of("status", "CREATED", "PROCESSING", "SUCCESS", "ABNORMAL", "CLOSED", "MANUAL"),
            nullable=False,
        ),
        sa.Column("refund_id", sa.String(length=64), nullable=False),
        sa.Column("fail_reason", sa.String(length=100), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", _TIME, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "amount_fen BETWEEN 1 AND total_fen", name=op.f("ck_refunds_amount_in_range")
        ),
        sa.CheckConstraint(
            "(aftersale_id IS NULL) <> (oddity_id IS NULL)", name=op.f("ck_refunds_of_one_thing")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_refunds_order_id")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["aftersale_id"], ["aftersales.id"], name=op.f("fk_refunds_aftersale_id")
        ),
        sa.ForeignKeyConstraint(
            ["oddity_id"], ["payment_oddities.id"], name=op.f("fk_refunds_oddity_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("out_refund_no", name=op.f("uq_refunds_out_refund_no")),
        sa.UniqueConstraint("aftersale_id", name=op.f("uq_refunds_aftersale_id")),
        sa.UniqueConstraint("oddity_id", name=op.f("uq_refunds_oddity_id")),
    )
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refunds_order_id"), ["order_id"])
        batch_op.create_index(batch_op.f("ix_refunds_status_next_at"), ["status", "next_at"])


def downgrade() -> None:
    op.drop_table("refunds")
    op.drop_table("aftersale_items")
    op.drop_table("aftersales")
    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("ck_order_lines_refunded_within_quantity"), type_="check"
        )
        batch_op.drop_column("refunded_quantity")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_orders_freight_refunded_in_range"), type_="check")
        batch_op.drop_constraint(
            batch_op.f("ck_orders_open_aftersales_not_negative"), type_="check"
        )
        batch_op.drop_column("freight_refunded_fen")
        batch_op.drop_column("open_aftersales")
    _set_values("payment_oddities", "kind", _ODDITIES)
    _set_values("orders", "status", _ORDER_STATES)
