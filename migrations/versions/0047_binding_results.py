"""binding attempts of one result are found along an index

Revision ID: 0047
Revises: 0046
"""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_binding_attempts_result_id"), "binding_attempts", ["result", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_binding_attempts_result_id"), table_name="binding_attempts")
