"""Writing what the services refuse to write, so that an invariant can find it."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from app.core.db import db


def plant(statement: str, **values: object) -> None:
    """Execute one raw statement behind the services' back."""
    db.session.execute(sa.text(statement), values)
    db.session.commit()
    db.session.expire_all()


@contextmanager
def unchecked() -> Iterator[None]:
    """Let CHECK constraints be broken inside the block, on the test's connection."""
    switch = (
        "PRAGMA ignore_check_constraints = {}"
        if db.session.get_bind().dialect.name == "sqlite"
        else "SET SESSION check_constraint_checks = {}"
    )
    without, within = ("ON", "OFF") if "PRAGMA" in switch else ("0", "1")
    db.session.execute(sa.text(switch.format(without)))
    try:
        yield
    finally:
        db.session.rollback()
        db.session.execute(sa.text(switch.format(within)))


def invert(
    amount_fen: int, *, source: str, target: str, key: str, order_id: int | None = None
) -> None:
    """A balanced posting between two system accounts, whatever they hold."""
    plant(
        "INSERT INTO ledger_postings (idem_key, event, subject, subject_id, content_hash,"
        " reason, at) VALUES (:key, 'planted', :s, :i, '', '', '2026-11-21 04:00:00')",
        key=key,
        s="order" if order_id else "",
        i=order_id or 0,
    )
    for kind, fen in ((source, -amount_fen), (target, amount_fen)):
        plant(
            "INSERT INTO ledger_entries (posting_id, account_id, amount_fen)"
            " SELECT p.id, a.id, :fen FROM ledger_postings p, ledger_accounts a"
            " WHERE p.idem_key = :key AND a.kind = :kind AND a.owner_id = 0",
            key=key,
            kind=kind,
            fen=fen,
        )
