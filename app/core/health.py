"""For operators: /healthz (the process lives) and /readyz (it can work)."""

import contextlib
import secrets
from functools import lru_cache
from typing import NamedTuple

import sqlalchemy as sa
import structlog
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import db, transaction
from app.core.outages import Outage, outage_of

bp = Blueprint("health", __name__)
log = structlog.get_logger()


class _Undo(Exception):
    """Ends a unit of work that was for trying only."""


@bp.get("/healthz")
def alive() -> ResponseReturnValue:
    """200 while the process answers; touches nothing else."""
    return jsonify(status="ok")


@bp.get("/readyz")
def ready() -> ResponseReturnValue:
    """200 when the database answers, takes writes, and has a schema this code can use.

    503 says why: `database` (does not answer), `read_only` (takes no writes: read-only
    or full), `migrations` (the schema is older than the code). A schema that is newer
    is one that the next version brought while this one still serves, and which its
    migrations leave usable (`scripts/migration_check.py`).
    """
    try:
        found = MigrationContext.configure(db.session.connection()).get_current_revision()
        _try_writing()
    except SQLAlchemyError as error:
        log.warning("not_ready", error=type(error).__name__)
        closed = outage_of(error) is Outage.DATABASE_CLOSED
        return jsonify(status="read_only" if closed else "database"), 503
    finally:
        with contextlib.suppress(SQLAlchemyError):
            db.session.rollback()
    newest, older = _revisions(current_app.extensions["migrate"].directory)
    if found is None or found in older:
        return jsonify(status="migrations"), 503
    return jsonify(status="ok" if found == newest else "ok, newer schema")


class Schema(NamedTuple):
    """The migration that the database is at, and the newest that this code has."""

    found: str | None
    newest: str | None


def schema() -> Schema:
    found = MigrationContext.configure(db.session.connection()).get_current_revision()
    return Schema(found, _revisions(current_app.extensions["migrate"].directory)[0])


def _try_writing() -> None:
    """Write a row that is never committed. Raises SQLAlchemyError.

    Only a write finds out that there is no room. A name of its own for each, so that
    two that are asked at once do not wait for each other.
    """
    row = {"name": f"try-{secrets.token_hex(8)}"}
    with contextlib.suppress(_Undo), transaction():
        db.session.execute(sa.text("INSERT INTO alembic_version VALUES (:name)"), row)
        raise _Undo


@lru_cache(maxsize=1)
def _revisions(folder: str) -> tuple[str | None, frozenset[str]]:
    """The schema this code expects, and those before it."""
    scripts = ScriptDirectory(folder)
    newest = scripts.get_current_head()
    return newest, frozenset(s.revision for s in scripts.walk_revisions()) - {newest}
