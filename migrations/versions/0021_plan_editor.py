"""drafts of plans that count their saves; published ones frozen

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLE = "commission_plans"
DEPTH = "ck_commission_plans_depth_within_hard_cap"


def _freeze(verb: str) -> str:
    """A trigger that refuses to change or delete a published version."""
    name = f"trg_{TABLE}_{verb.lower()}"
    said = "a published plan never changes"
    if op.get_bind().dialect.name == "sqlite":
        return (
            f"CREATE TRIGGER {name} BEFORE {verb} ON {TABLE} WHEN OLD.status = 'published' "
            f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
        )
    return (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {TABLE} FOR EACH ROW "
        f"IF OLD.status = 'published' THEN SIGNAL SQLSTATE '45000' "
        f"SET MESSAGE_TEXT = '{said}'; END IF"
    )


def upgrade() -> None:
    with op.batch_alter_table(TABLE, schema=None) as batch_op:
        batch_op.add_column(sa.Column("revision", sa.Integer(), server_default="1", nullable=False))
        batch_op.create_check_constraint(
            op.f(DEPTH), "JSON_EXTRACT(document, '$.depth_cap') BETWEEN 1 AND 3"
        )
    for verb in ("UPDATE", "DELETE"):
        op.execute(_freeze(verb))


def downgrade() -> None:
    for verb in ("update", "delete"):
        op.execute(f"DROP TRIGGER trg_{TABLE}_{verb}")
    with op.batch_alter_table(TABLE, schema=None) as batch_op:
        batch_op.drop_constraint(op.f(DEPTH), type_="check")
        batch_op.drop_column("revision")
