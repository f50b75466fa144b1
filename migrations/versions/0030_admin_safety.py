"""second factor, recovery codes and named sessions of admins; the role support

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_ROLES = ("owner", "operations", "finance", "auditor")


def _set_roles(values: tuple[str, ...]) -> None:
    said = ", ".join(f"'{value}'" for value in values)
    with op.batch_alter_table("admins", schema=None) as batch_op:
        name = batch_op.f("ck_admins_role")
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, f"role IN ({said})")


def upgrade() -> None:
    _set_roles((*_ROLES, "support"))
    with op.batch_alter_table("admins", schema=None) as batch_op:
        batch_op.add_column(sa.Column("totp_secret", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("totp_since", _TIME, nullable=True))
        batch_op.add_column(
            sa.Column("totp_step", sa.BigInteger(), server_default="0", nullable=False)
        )
    with op.batch_alter_table("admin_sessions", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("device", sa.String(length=60), server_default="", nullable=False)
        )
        batch_op.add_column(
            sa.Column("is_half_open", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column("proved_at", _TIME, nullable=True))
    op.create_table(
        "admin_recovery_codes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("admin_id", _ID, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["admins.id"], name=op.f("fk_admin_recovery_codes_admin_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_recovery_codes")),
        sa.UniqueConstraint(
            "admin_id", "code_hash", name=op.f("uq_admin_recovery_codes_admin_id_code_hash")
        ),
    )


def downgrade() -> None:
    op.drop_table("admin_recovery_codes")
    with op.batch_alter_table("admin_sessions", schema=None) as batch_op:
        for name in ("proved_at", "is_half_open", "device"):
            batch_op.drop_column(name)
    with op.batch_alter_table("admins", schema=None) as batch_op:
        for name in ("totp_step", "totp_since", "totp_secret"):
            batch_op.drop_column(name)
    op.execute("UPDATE admins SET role = 'operations' WHERE role = 'support'")
    _set_roles(_ROLES)
