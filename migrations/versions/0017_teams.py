"""what members brought their uplines, rankings, indexes for teams by joining

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UPLINES = ("upline1_id", "upline2_id", "upline3_id")


def upgrade() -> None:
    # The new ones first: the foreign keys need an index at any time.
    for column in _UPLINES:
        op.create_index(
            op.f(f"ix_members_{column}_bound_at"), "members", [column, "bound_at"], unique=False
        )
    for column in _UPLINES:
        op.drop_index(op.f(f"ix_members_{column}"), table_name="members")
    op.create_index(op.f("ix_orders_paid_at"), "orders", ["paid_at"], unique=False)
    op.create_table(
        "team_figures",
        sa.Column("upline_id", _ID, nullable=False),
        sa.Column("depth", sa.SmallInteger(), nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("sales_fen", sa.BigInteger(), nullable=False),
        sa.Column("earned_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "depth BETWEEN 1 AND 3", name=op.f("ck_team_figures_depth_within_hard_cap")
        ),
        sa.CheckConstraint(
            "orders >= 0 AND sales_fen >= 0 AND earned_fen >= 0",
            name=op.f("ck_team_figures_not_below_0"),
        ),
        sa.ForeignKeyConstraint(
            ["upline_id"], ["members.id"], name=op.f("fk_team_figures_upline_id")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_team_figures_member_id")
        ),
        sa.PrimaryKeyConstraint("upline_id", "depth", "member_id", name=op.f("pk_team_figures")),
    )
    with op.batch_alter_table("team_figures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_team_figures_member_id"), ["member_id"])
        for value in ("sales_fen", "earned_fen"):
            batch_op.create_index(
                batch_op.f(f"ix_team_figures_upline_id_depth_{value}_member_id"),
                ["upline_id", "depth", value, "member_id"],
            )
    op.create_table(
        "ranking_places",
        sa.Column(
            "period",
            sa.Enum(
                "week",
                "month",
                name="period",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("value_fen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_ranking_places_member_id")
        ),
        sa.PrimaryKeyConstraint("period", "starts_on", "member_id", name=op.f("pk_ranking_places")),
    )
    with op.batch_alter_table("ranking_places", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ranking_places_member_id"), ["member_id"])
        batch_op.create_index(
            batch_op.f("ix_ranking_places_period_starts_on_place_member_id"),
            ["period", "starts_on", "place", "member_id"],
        )


def downgrade() -> None:
    op.drop_table("ranking_places")
    op.drop_table("team_figures")
    op.drop_index(op.f("ix_orders_paid_at"), table_name="orders")
    for column in _UPLINES:
        op.create_index(op.f(f"ix_members_{column}"), "members", [column], unique=False)
    for column in _UPLINES:
        op.drop_index(op.f(f"ix_members_{column}_bound_at"), table_name="members")
