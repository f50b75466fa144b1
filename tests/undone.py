"""A database that forgets what was done to it."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from app.core.db import db


@contextmanager
def undone() -> Iterator[sa.Connection]:
    """All sessions work in one outer transaction, which is rolled back at the end."""
    engines = db.engines
    engine = engines[None]
    connection = engine.connect()
    outer = connection.begin()
    previous = db.session
    # Flask-SQLAlchemy looks its engine up here and would pass by a session's own bind.
    engines[None] = connection  # type: ignore[assignment]
    db.session = db._make_scoped_session({"join_transaction_mode": "create_savepoint"})
    try:
        yield connection
    finally:
        db.session.remove()
        db.session = previous
        engines[None] = engine
        outer.rollback()
        connection.close()
