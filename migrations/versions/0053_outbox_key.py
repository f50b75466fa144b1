"""one key of the outbox both keeps a fact from being news twice and finds its rows

Revision ID: 0053
Revises: 0052
"""

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

_BEFORE = "uq_outbox_subscriber_topic_subject_id"
_NOW = "uq_outbox_topic_subject_id_subscriber"
_INDEX = "ix_outbox_topic_subject_id"


def upgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        # Safe under the old version: the same columns were unique before, in another order.
        batch_op.create_unique_constraint(op.f(_NOW), ["topic", "subject_id", "subscriber"])
        batch_op.drop_constraint(op.f(_BEFORE), type_="unique")
        batch_op.drop_index(op.f(_INDEX))


def downgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(op.f(_INDEX), ["topic", "subject_id"])
        batch_op.create_unique_constraint(op.f(_BEFORE), ["subscriber", "topic", "subject_id"])
        batch_op.drop_constraint(op.f(_NOW), type_="unique")
