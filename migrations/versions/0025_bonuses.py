"""bonus programmes, their runs and what they paid

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
VERSIONS = "bonus_versions"


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _freeze(verb: str) -> str:
    """A trigger that refuses to change or delete a published version."""
    name = f"trg_{VERSIONS}_{verb.lower()}"
    said = "a published bonus never changes"
    if op.get_bind().dialect.name == "sqlite":
        return (
            f"CREATE TRIGGER {name} BEFORE {verb} ON {VERSIONS} WHEN OLD.status = 'published' "
            f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
        )
    return (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {VERSIONS} FOR EACH ROW "
        f"IF OLD.status = 'published' THEN SIGNAL SQLSTATE '45000' "
        f"SET MESSAGE_TEXT = '{said}'; END IF"
    )


def upgrade() -> None:
    op.create_table(
        "bonus_programs",
        sa.Column("id", _ID, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("stopped_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bonus_programs")),
    )
    op.create_table(
        VERSIONS,
        sa.Column("id", _ID, nullable=False),
        sa.Column("program_id", _ID, nullable=False),
        sa.Column("draft_of", _ID, nullable=True),
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("status", _one_of("status", "draft", "published"), nullable=False),
        sa.Column("effective_from", _TIME, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("drafted_by", sa.String(length=64), nullable=False),
        sa.Column("drafted_at", _TIME, nullable=False),
        sa.Column("published_by", sa.String(length=64), nullable=False),
        sa.Column("published_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "(status = 'published') = (published_at IS NOT NULL)",
            name=op.f("ck_bonus_versions_published_has_time"),
        ),
        sa.ForeignKeyConstraint(
            ["program_id"], ["bonus_programs.id"], name=op.f("fk_bonus_versions_program_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bonus_versions")),
        sa.UniqueConstraint("draft_of", name=op.f("uq_bonus_versions_draft_of")),
    )
    with op.batch_alter_table(VERSIONS, schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_bonus_versions_program_id_status_effective_from"),
            ["program_id", "status", "effective_from"],
        )
    for verb in ("UPDATE", "DELETE"):
        op.execute(_freeze(verb))
    op.create_table(
        "bonus_runs",
        sa.Column("id", _ID, nullable=False),
        sa.Column("program_id", _ID, nullable=False),
        sa.Column("version_id", _ID, nullable=False),
        sa.Column("label", sa.String(length=8), nullable=False),
        sa.Column("starts_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("computed_at", _TIME, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_bonus_runs_starts_before_it_ends")),
        sa.ForeignKeyConstraint(
            ["program_id"], ["bonus_programs.id"], name=op.f("fk_bonus_runs_program_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["bonus_versions.id"], name=op.f("fk_bonus_runs_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bonus_runs")),
        sa.UniqueConstraint(
            "program_id", "starts_at", name=op.f("uq_bonus_runs_program_id_starts_at")
        ),
    )
    with op.batch_alter_table("bonus_runs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bonus_runs_ends_at"), ["ends_at"])
    op.create_table(
        "bonus_results",
        sa.Column("id", _ID, nullable=False),
        sa.Column("run_id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reversed_fen", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            _one_of("state", "computed", "approved", "refused", "posted"),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("reviewed_by", sa.String(length=64), nullable=False),
        sa.Column("reviewed_at", _TIME, nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_bonus_results_amount_positive")),
        sa.CheckConstraint(
            "reversed_fen BETWEEN 0 AND amount_fen",
            name=op.f("ck_bonus_results_reversed_in_range"),
        ),
        sa.CheckConstraint(
            "(state = 'posted') = (batch_id > 0)",
            name=op.f("ck_bonus_results_posted_names_its_batch"),
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (reason <> '')",
            name=op.f("ck_bonus_results_refused_has_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["bonus_runs.id"], name=op.f("fk_bonus_results_run_id")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_bonus_results_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bonus_results")),
        sa.UniqueConstraint("run_id", "member_id", name=op.f("uq_bonus_results_run_id_member_id")),
    )
    with op.batch_alter_table("bonus_results", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_bonus_results_run_id_state_id"), ["run_id", "state", "id"]
        )
        batch_op.create_index(batch_op.f("ix_bonus_results_member_id_id"), ["member_id", "id"])
        batch_op.create_index(batch_op.f("ix_bonus_results_batch_id"), ["batch_id"])
    op.create_table(
        "bonus_batches",
        sa.Column("id", _ID, nullable=False),
        sa.Column("run_id", _ID, nullable=False),
        sa.Column("posting_id", _ID, nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("posted_by", sa.String(length=64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["bonus_runs.id"], name=op.f("fk_bonus_batches_run_id")
        ),
        sa.ForeignKeyConstraint(
            ["posting_id"], ["ledger_postings.id"], name=op.f("fk_bonus_batches_posting_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bonus_batches")),
        sa.UniqueConstraint("posting_id", name=op.f("uq_bonus_batches_posting_id")),
    )
    with op.batch_alter_table("bonus_batches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bonus_batches_run_id"), ["run_id"])
    op.create_table(
        "bonus_corrections",
        sa.Column("id", _ID, nullable=False),
        sa.Column("result_id", _ID, nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("difference_fen", sa.BigInteger(), nullable=False),
        sa.Column("posted_fen", sa.BigInteger(), nullable=False),
        sa.Column("posting_id", _ID, nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.CheckConstraint(
            "difference_fen <> 0", name=op.f("ck_bonus_corrections_difference_not_zero")
        ),
        sa.CheckConstraint(
            "(posted_fen = 0) = (posting_id IS NULL)",
            name=op.f("ck_bonus_corrections_posted_has_posting"),
        ),
        sa.ForeignKeyConstraint(
            ["result_id"], ["bonus_results.id"], name=op.f("fk_bonus_corrections_result_id")
        ),
        sa.ForeignKeyConstraint(
            ["posting_id"], ["ledger_postings.id"], name=op.f("fk_bonus_corrections_posting_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bonus_corrections")),
        sa.UniqueConstraint(
            "result_id", "number", name=op.f("uq_bonus_corrections_result_id_number")
        ),
        sa.UniqueConstraint("posting_id", name=op.f("uq_bonus_corrections_posting_id")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_orders_received_at"), ["received_at"])


def downgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_orders_received_at"))
    op.drop_table("bonus_corrections")
    op.drop_table("bonus_batches")
    op.drop_table("bonus_results")
    op.drop_table("bonus_runs")
    for verb in ("update", "delete"):
        op.execute(f"DROP TRIGGER trg_{VERSIONS}_{verb}")
    op.drop_table(VERSIONS)
    op.drop_table("bonus_programs")
