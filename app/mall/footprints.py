"""Footprints on their way to the database (足迹), many to a statement.

Nothing depends on a footprint, and writing each by itself would cost a product page
more than all else that it asks. So each process holds them for a moment, and one
thread writes those of that moment together. A process that is killed loses two seconds
of them; one that is asked to stop writes them first.
"""

import threading
from datetime import datetime

import structlog
from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from app import interests
from app.core.db import db, run_unit

HELD_SECONDS = 2.0
HELD_MAX = 500

log = structlog.get_logger()


class Footprints:
    """What one process holds; safe for its threads. At 0 `seconds` nothing waits."""

    def __init__(self, app: Flask, seconds: float = HELD_SECONDS) -> None:
        self.seconds = seconds
        self._app = app
        self._lock = threading.Lock()
        self._held: dict[tuple[int, int], datetime] = {}

    def add(self, member_id: int, product_id: int, *, now: datetime) -> None:
        """The member looked at the product."""
        with self._lock:
            begins = not self._held
            self._held[member_id, product_id] = now
            is_full = len(self._held) >= HELD_MAX
        if is_full or not self.seconds:
            self.write()
        elif begins:
            # No daemon: the process waits for it before it ends.
            threading.Timer(self.seconds, self._write_later).start()

    def write(self) -> None:
        """Write what is held now. A busy database costs footprints, no more."""
        with self._lock:
            held, self._held = self._held, {}
        if not held:
            return
        try:
            run_unit(interests.visit, held)
        except SQLAlchemyError as error:
            db.session.rollback()
            log.warning("visits_not_kept", count=len(held), error=type(error).__name__)

    def _write_later(self) -> None:
        with self._app.app_context():
            self.write()


def current() -> Footprints:
    """Those of the running app."""
    found: Footprints = current_app.extensions["footprints"]
    return found
