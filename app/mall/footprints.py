"""Footprints on their way to the database (足迹), many to a statement.

Nothing depends on a footprint, and writing each by itself would cost a product page
more than all else that it asks. So each process holds them for a moment, and one
thread writes those of that moment together. A process that is killed loses two seconds
of them; one that is asked to stop writes them first.
"""

import threading
from datetime import date, datetime

import structlog
from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from app import interests
from app.core import clock
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
        self._came: dict[tuple[date, int], datetime] = {}

    def add(self, member_id: int, product_id: int, *, now: datetime) -> None:
        """The member looked at the product."""
        with self._lock:
            begins = not self._held and not self._came
            self._held[member_id, product_id] = now
            is_full = len(self._held) >= HELD_MAX
        self._later(begins=begins, is_full=is_full)

    def came(self, member_id: int, *, now: datetime) -> None:
        """The member opened the mall for the first time today."""
        with self._lock:
            begins = not self._held and not self._came
            self._came.setdefault((clock.local(now).date(), member_id), now)
            is_full = len(self._came) >= HELD_MAX
        self._later(begins=begins, is_full=is_full)

    def _later(self, *, begins: bool, is_full: bool) -> None:
        if is_full or not self.seconds:
            self.write()
        elif begins:
            # No daemon: the process waits for it before it ends.
            threading.Timer(self.seconds, self._write_later).start()

    def write(self) -> None:
        """Write what is held now. A busy database costs footprints, no more."""
        with self._lock:
            held, self._held = self._held, {}
            came, self._came = self._came, {}
        try:
            if held:
                run_unit(interests.visit, held)
            if came:
                run_unit(interests.came, came)
        except SQLAlchemyError as error:
            db.session.rollback()
            log.warning("visits_not_kept", count=len(held) + len(came), error=type(error).__name__)

    def _write_later(self) -> None:
        with self._app.app_context():
            self.write()


def current() -> Footprints:
    """Those of the running app."""
    found: Footprints = current_app.extensions["footprints"]
    return found
