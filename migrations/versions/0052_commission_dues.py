"""what the settlement may take: a narrow row for each pending commission

The database itself keeps these rows equal to the pending commissions, whoever writes
those: the version before, too, while a release is under way. Only filing takes its rows
away itself, a thousand at once, and says so by `filed_batch_id`, which the version
before does not write together with the state.

Revision ID: 0052
Revises: 0051
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_KEY = "ix_commissions_batch_id_member_id_mature_at"

_CHANGED = (
    "NEW.filed_batch_id = 0 AND (OLD.status = 'pending' OR NEW.status = 'pending')"
    " AND (OLD.status <> NEW.status OR OLD.amount_fen <> NEW.amount_fen"
    " OR OLD.reversed_fen <> NEW.reversed_fen OR OLD.mature_at <> NEW.mature_at)"
)
_PENDING = "NEW.status = 'pending'"
_SAID = "a commission that a settlement took changes only by being filed"
_ITS_ROW = "commission_dues WHERE member_id = NEW.member_id AND commission_id = NEW.id"
_TAKEN = f"EXISTS (SELECT 1 FROM {_ITS_ROW} AND batch_id > 0)"
_NEW_ROW = "NEW.member_id, NEW.id, NEW.amount_fen - NEW.reversed_fen, NEW.mature_at, 0"


def _trigger(event: str, body: str) -> str:
    return f"CREATE TRIGGER trg_commissions_due_{event} AFTER {event} ON commissions {body}"


def _triggers(*, is_sqlite: bool) -> tuple[str, str]:
    withdraw, offer = f"DELETE FROM {_ITS_ROW};", f"INSERT INTO commission_dues SELECT {_NEW_ROW}"
    if is_sqlite:
        refuse = f"SELECT RAISE(ABORT, '{_SAID}') WHERE {_TAKEN};"
        offer = f"{offer} WHERE {_PENDING};"
        inserted = f"BEGIN {offer} END"
        updated = f"WHEN {_CHANGED} BEGIN {refuse} {withdraw} {offer} END"
    else:
        signal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{_SAID}'"
        refuse = f"IF {_TAKEN} THEN {signal}; END IF;"
        offer = f"IF {_PENDING} THEN {offer}; END IF;"
        inserted = f"FOR EACH ROW BEGIN {offer} END"
        updated = f"FOR EACH ROW IF {_CHANGED} THEN {refuse} {withdraw} {offer} END IF"
    return _trigger("insert", inserted), _trigger("update", updated)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    # Of the batch itself, which a commission now gets after the money has moved. The
    # version before asks for the key by this name, and finds the open ones in front.
    op.drop_index(_KEY, table_name="commissions")
    op.create_index(_KEY, "commissions", ["batch_id", "member_id", "mature_at"])
    op.create_table(
        "commission_dues",
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("commission_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("mature_at", _TIME, nullable=False),
        sa.Column("batch_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_commission_dues_amount_positive")),
        sa.PrimaryKeyConstraint("member_id", "commission_id", name=op.f("pk_commission_dues")),
        sqlite_with_rowid=False,
    )
    # Before the rows that are there, or those written meanwhile would be missed.
    for trigger in _triggers(is_sqlite=is_sqlite):
        op.execute(trigger)
    ignore, locked = ("OR IGNORE", "") if is_sqlite else ("IGNORE", "LOCK IN SHARE MODE")
    op.execute(
        f"INSERT {ignore} INTO commission_dues SELECT member_id, id, amount_fen - reversed_fen,"
        f" mature_at, 0 FROM commissions WHERE status = 'pending' {locked}"
    )


def downgrade() -> None:
    for event in ("insert", "update"):
        op.execute(f"DROP TRIGGER trg_commissions_due_{event}")
    # The version before knows of no money that moved ahead of its rows.
    taken = (
        "(SELECT d.batch_id FROM commission_dues d WHERE d.batch_id > 0"
        " AND d.member_id = commissions.member_id AND d.commission_id = commissions.id)"
    )
    op.execute(
        "UPDATE commissions SET status = 'settled', settled_fen = amount_fen - reversed_fen,"
        f" batch_id = {taken} WHERE EXISTS {taken}"
    )
    op.execute("UPDATE commissions SET filed_batch_id = batch_id WHERE batch_id > 0")
    op.drop_table("commission_dues")
    op.drop_index(_KEY, table_name="commissions")
    op.create_index(_KEY, "commissions", ["filed_batch_id", "member_id", "mature_at"])
