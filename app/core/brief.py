"""What many people see at the same moment, kept for that moment (短时缓存).

Lists of products and the words of the shop are the same for everybody, and are asked
for hundreds of times a second, so each process keeps them for some seconds. What an
admin changes is seen at once by the process that changed it and `CHECKED_SECONDS`
later by the others: every such change leaves an audit entry, and a process that sees
a new one forgets everything. What changes by itself (stock, sales) may be shown as old
as the seconds say. Nothing is decided by what is kept here: an order is priced, and
its stock taken, by what the database says.
"""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from flask import current_app
from sqlalchemy import event
from sqlalchemy.orm import Session

T = TypeVar("T")

KEPT_SECONDS = 3.0
CHECKED_SECONDS = 1.0
# Of pages of some kilobytes: some ten megabytes a process.
ENTRIES_MAX = 2_000
_FORGET = "brief_forget"


class Brief:
    """The memory of one process; safe for its threads.

    `version` says, for little, whether anything was changed since; at 0 `seconds`
    nothing is kept at all.
    """

    def __init__(
        self,
        seconds: float = KEPT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        version: Callable[[], Hashable] = lambda: None,
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._version = version
        self._seen: tuple[float, Hashable] = (float("-inf"), None)
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, make: Callable[[], T], *, times: int = 1) -> T:
        """What is kept under `key`, made anew when it is too old.

        `times` the usual seconds, for what is dear to make and changes by little.
        """
        if not self.seconds:
            return make()
        # Before the making: what is committed meanwhile must not wait twice.
        asked_at = self._clock()
        self._check(asked_at)
        memory = self._kept
        kept = memory.get(key)
        if kept is not None and asked_at - kept[0] < self.seconds * times:
            return cast("T", kept[1])
        made = make()
        with self._lock:
            if len(memory) >= ENTRIES_MAX:
                # The one made longest ago; what is made anew goes to the end.
                del memory[next(iter(memory))]
            memory.pop(key, None)
            # Where it was forgotten meanwhile this goes into the memory that is gone.
            memory[key] = asked_at, made
        return made

    def forget(self) -> None:
        self._kept = {}

    def _check(self, now: float) -> None:
        checked_at, seen = self._seen
        if now - checked_at < CHECKED_SECONDS:
            return
        # One thread asks; the others go on with what there is.
        self._seen = now, seen
        newest = self._version()
        self._seen = now, newest
        if newest != seen:
            self.forget()


def current() -> Brief:
    """The memory of the running app."""
    found: Brief = current_app.extensions["brief"]
    return found


def forget_after_commit(session: Session) -> None:
    """This unit changes what people see."""
    session.info[_FORGET] = True


@event.listens_for(Session, "after_commit")
def _on_commit(session: Session) -> None:
    if session.info.pop(_FORGET, False):
        current().forget()


@event.listens_for(Session, "after_rollback")
def _on_rollback(session: Session) -> None:
    session.info.pop(_FORGET, None)
