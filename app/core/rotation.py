"""Sealed columns written anew with the newest key of `DATA_KEYS` (换密钥).

Every `EncryptedText` of the schema, found by its type, so a new column is never
forgotten. What has the newest key already is passed by: run it again after a stop
and it goes on. Search hashes are of the oldest key and stay, so that one must be kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from app.core import crypto
from app.core.db import db, run_unit
from app.core.rows import affected

CHUNK = 200


@dataclass(frozen=True)
class Column:
    table: sa.Table
    name: str


def columns() -> list[Column]:
    """All sealed columns of the schema."""
    return [
        Column(table, column.name)
        for table in db.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, crypto.EncryptedText)
    ]


def rotate(*, chunk: int = CHUNK) -> Iterator[tuple[str, int]]:
    """Write everything anew; after each chunk its column and how many values it had."""
    for column in columns():
        after = 0
        while True:
            done, after = run_unit(_chunk, column, after, chunk)
            if not after:
                break
            if done:
                yield f"{column.table.name}.{column.name}", done


def remaining() -> int:
    """How many values an older key still opens."""
    total = 0
    for column in columns():
        stored = sa.type_coerce(column.table.c[column.name], sa.Text)
        total += (
            db.session.scalar(
                sa.select(sa.func.count()).where(stored.is_not(None), ~_is_new(stored))
            )
            or 0
        )
    db.session.rollback()
    return total


def _is_new(stored: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return stored.startswith(f"{crypto.keyring().current_id}:", autoescape=True)


def _chunk(column: Column, after: int, size: int) -> tuple[int, int]:
    """Seal the next values anew; how many, and the last key (0: none was left)."""
    (key,) = column.table.primary_key.columns
    stored = sa.type_coerce(column.table.c[column.name], sa.Text)
    rows = db.session.execute(
        sa.select(key, stored)
        .where(key > after, stored.is_not(None), ~_is_new(stored))
        .order_by(key)
        .limit(size)
    ).all()
    done = 0
    for row_id, old in rows:
        new = crypto.keyring().encrypt(crypto.keyring().decrypt(old))
        # Whoever wrote meanwhile did so with the newest key.
        done += affected(
            sa.update(column.table)
            .where(key == row_id, stored == old)
            .values({column.name: sa.type_coerce(sa.literal(new, sa.Text), sa.Text)})
        )
    return done, rows[-1][0] if rows else 0
