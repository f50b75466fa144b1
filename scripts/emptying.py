"""A database as the migrations left it, for whoever plays on one more than once."""

from app import settings
from app.core.db import db


def empty_tables() -> None:
    """Empty every table; append-only ones, too, which only a TRUNCATE can."""
    # What this process keeps of them is told from new rows by their number alone.
    settings.forget_kept()
    tables = [table.name for table in db.metadata.sorted_tables]
    with db.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            triggers = connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            ).all()
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            for name, _ in triggers:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            for table in reversed(tables):
                connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - ours
            for _, statement in triggers:
                connection.exec_driver_sql(statement)
            return
        # A TRUNCATE is a table made anew: only where there is something to throw away.
        filled = connection.exec_driver_sql(
            " UNION ALL ".join(
                f"SELECT '{table}' FROM dual WHERE EXISTS (SELECT 1 FROM {table})"  # noqa: S608 - ours
                for table in tables
            )
        ).scalars()
        used = connection.exec_driver_sql(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND auto_increment > 1"
        ).scalars()
        connection.exec_driver_sql("SET FOREIGN_KEY_CHECKS = 0")
        for table in {*filled, *used} & set(tables):
            connection.exec_driver_sql(f"TRUNCATE TABLE {table}")
        connection.exec_driver_sql("SET FOREIGN_KEY_CHECKS = 1")
