"""published plans that were withdrawn before they took effect

Revision ID: 0049
Revises: 0048
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
TABLE = "plan_withdrawals"


def _freeze(verb: str) -> str:
    name = f"trg_{TABLE}_{verb.lower()}"
    if op.get_bind().dialect.name == "sqlite":
        return (
            f"CREATE TRIGGER {name} BEFORE {verb} ON {TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
        )
    return (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {TABLE} FOR EACH ROW "
        f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{TABLE} is append-only'"
    )


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("plan_id", _ID, autoincrement=False, nullable=False),
        sa.Column("effective_from", _TIME, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=64), nullable=False),
        sa.Column("withdrawn_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "withdrawn_at < effective_from", name=op.f(f"ck_{TABLE}_before_it_took_effect")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["commission_plans.id"], name=op.f(f"fk_{TABLE}_plan_id")
        ),
        sa.PrimaryKeyConstraint("plan_id", name=op.f(f"pk_{TABLE}")),
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(_freeze(verb))


def downgrade() -> None:
    op.drop_table(TABLE)
