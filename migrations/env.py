"""How `flask db` reaches the database and writes column types.

A release migrates before it restarts, so every migration must leave a schema on which
the version before it can work: `scripts/migration_check.py` says what that forbids.
"""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app

from app.core.crypto import EncryptedText
from app.core.db import UTCDateTime, db


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our types as plain ones: a migration must not change when they do."""
    if kind == "type" and isinstance(item, UTCDateTime):
        autogen.imports.add("from sqlalchemy.dialects import mysql")
        return 'sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")'
    if kind == "type" and isinstance(item, EncryptedText):
        return "sa.Text()"
    return False


def run() -> None:
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # Batch operations copy tables, which foreign keys would refuse.
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
