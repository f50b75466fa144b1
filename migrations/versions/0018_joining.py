"""joining: forms, contracts, answers, invitations

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_STATES = ("applied", "approved", "rejected", "suspended", "closed")


def _set_states(values: tuple[str, ...]) -> None:
    said = ", ".join(f"'{value}'" for value in values)
    with op.batch_alter_table("distributors", schema=None) as batch_op:
        name = batch_op.f("ck_distributors_status")
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, f"status IN ({said})")


def upgrade() -> None:
    op.create_table(
        "join_forms",
        sa.Column("id", _ID, nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_forms")),
    )
    op.create_table(
        "join_contracts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.String(length=64), nullable=False),
        sa.Column("effective_at", _TIME, nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_contracts")),
        sa.UniqueConstraint("version", name=op.f("uq_join_contracts_version")),
    )
    op.create_index(op.f("ix_join_contracts_effective_at"), "join_contracts", ["effective_at"])
    _set_states(("invited", *_STATES))
    with op.batch_alter_table("distributors", schema=None) as batch_op:
        batch_op.add_column(sa.Column("form_id", _ID, nullable=True))
        batch_op.add_column(sa.Column("sealed_answers", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("phone_hash", sa.String(length=64), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_distributors_form_id"), "join_forms", ["form_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_distributors_phone_hash"), ["phone_hash"])


def downgrade() -> None:
    with op.batch_alter_table("distributors", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_distributors_form_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_distributors_phone_hash"))
        batch_op.drop_column("phone_hash")
        batch_op.drop_column("sealed_answers")
        batch_op.drop_column("form_id")
    _set_states(_STATES)
    op.drop_table("join_contracts")
    op.drop_table("join_forms")
