"""A short memory that WeChat did not answer (熔断)."""

import threading
import time
from collections.abc import Callable

SILENT_SECONDS = 10


class Silence:
    """Keeps threads from waiting, one after another, for somebody who does not answer.

    It belongs to one process. For `seconds` after a call that nobody answered none
    is made; then one tries, and the others wait for what it finds, again for
    `seconds` at the longest.
    """

    def __init__(
        self, seconds: float = SILENT_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._until: float | None = None

    def may_ask(self) -> bool:
        """Whether to call; who is told so says afterwards what came of it."""
        with self._lock:
            if self._until is None:
                return True
            if self._clock() < self._until:
                return False
            self._until = self._clock() + self.seconds
            return True

    def begin(self) -> None:
        """Nobody answered."""
        with self._lock:
            self._until = self._clock() + self.seconds

    def end(self) -> None:
        """There was an answer, if only a refusal."""
        with self._lock:
            self._until = None
