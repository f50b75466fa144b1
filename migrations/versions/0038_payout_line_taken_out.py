"""a line may be taken out of a batch of payouts by hand

Revision ID: 0038
Revises: 0037
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_STATES = ("waiting", "paid", "failed", "returned")


def upgrade() -> None:
    _allow((*_STATES, "removed"), ("failed", "returned", "removed"))


def downgrade() -> None:
    """A line that was taken out is no line: its withdrawal is in another batch, or in none."""
    op.execute(sa.text("DELETE FROM payout_lines WHERE state = 'removed'"))
    _allow(_STATES, ("failed", "returned"))


def _allow(states: tuple[str, ...], ended: tuple[str, ...]) -> None:
    with op.batch_alter_table("payout_lines", schema=None) as batch_op:
        state, live = (
            batch_op.f("ck_payout_lines_state"),
            batch_op.f("ck_payout_lines_live_while_it_counts"),
        )
        batch_op.drop_constraint(state, type_="check")
        batch_op.drop_constraint(live, type_="check")
        # Safe under the old version: both allow whatever it writes, and one state more.
        batch_op.create_check_constraint(state, f"state IN ({_said(states)})")
        # Safe under the old version: as above.
        batch_op.create_check_constraint(
            live, f"(state IN ({_said(ended)})) = (live_withdrawal_id IS NULL)"
        )


def _said(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)
