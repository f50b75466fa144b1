"""binding rules: more results and sources, channels and notes of attempts, the tree's lock

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SOURCES = ("scan", "link", "admin")
_RESULTS = (
    "bound",
    "already_bound",
    "unknown_code",
    "own_code",
    "owner_inactive",
    "own_downline",
)
_NEW_RESULTS = (
    "rebound",
    "remembered",
    "moved",
    "released",
    "protected",
    "distributor_stays",
    "bought_before",
    "only_by_scan",
    "crawler",
)


def _set_values(column: str, values: tuple[str, ...]) -> None:
    """Let an enum column of the attempts take exactly these values."""
    said = ", ".join(f"'{value}'" for value in values)
    with op.batch_alter_table("binding_attempts", schema=None) as batch_op:
        name = batch_op.f(f"ck_binding_attempts_{column}")
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, f"{column} IN ({said})")


def upgrade() -> None:
    _set_values("source", (*_SOURCES, "order"))
    _set_values("result", (*_RESULTS, *_NEW_RESULTS))
    with op.batch_alter_table("binding_attempts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("channel_id", _ID, nullable=True))
        batch_op.add_column(
            sa.Column("note", sa.String(length=200), nullable=False, server_default="")
        )
        batch_op.add_column(
            sa.Column("actor", sa.String(length=64), nullable=False, server_default="")
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_binding_attempts_channel_id"), "channels", ["channel_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_binding_attempts_channel_id"), ["channel_id"])
    op.create_table(
        "tree_locks",
        sa.Column("id", _ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tree_locks")),
    )


def downgrade() -> None:
    op.drop_table("tree_locks")
    with op.batch_alter_table("binding_attempts", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_binding_attempts_channel_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_binding_attempts_channel_id"))
        batch_op.drop_column("actor")
        batch_op.drop_column("note")
        batch_op.drop_column("channel_id")
    _set_values("result", _RESULTS)
    _set_values("source", _SOURCES)
