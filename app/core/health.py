"""For operators: /healthz (the process lives) and /readyz (it can work)."""

from functools import lru_cache
from pathlib import Path

import structlog
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import db

bp = Blueprint("health", __name__)
log = structlog.get_logger()


@bp.get("/healthz")
def alive() -> ResponseReturnValue:
    """200 while the process answers; touches nothing else."""
    return jsonify(status="ok")


@bp.get("/readyz")
def ready() -> ResponseReturnValue:
    """200 when the database answers and has the schema that this code expects."""
    try:
        connection = db.session.connection()
        found = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        log.warning("not_ready", error=type(error).__name__)
        return jsonify(status="database"), 503
    finally:
        db.session.rollback()
    if found != _newest_revision(current_app.extensions["migrate"].directory):
        return jsonify(status="migrations"), 503
    return jsonify(status="ok")


@lru_cache(maxsize=1)
def _newest_revision(folder: str) -> str | None:
    return ScriptDirectory(str(Path(folder))).get_current_head()
