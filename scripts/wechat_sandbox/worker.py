"""One background thread: notices, refunds and transfers that become due.

It sleeps until the next due time or until woken, at most half a second.
"""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait

from . import authorization, notices, pay, refund, transfer

log = logging.getLogger(__name__)
PAUSE_SECONDS = 0.5


class Worker:
    def __init__(self, box):
        self._box = box
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        # A mall that hangs on one notice must not hold up the others.
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="sandbox-call")
        self._open: set[Future] = set()

    def start(self) -> None:
        notices.recover(self._box.store)
        self._thread = threading.Thread(target=self._run, name="sandbox-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        if self._thread:
            self._thread.join(timeout=5)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def wake(self) -> None:
        self._wake.set()

    def submit(self, act, *values) -> None:
        """Run `act` outside the request that caused it; nothing once we are closing."""
        if not self._stopping.is_set():
            future = self._pool.submit(self._guarded, act, *values)
            self._open.add(future)
            future.add_done_callback(self._open.discard)

    def finish(self, seconds: float) -> bool:
        """Wait for what was submitted so far; False if some of it is still under way."""
        return not wait(set(self._open), timeout=seconds).not_done

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self.step()
            except Exception:
                # The thread is the sandbox's only clock; it reports and goes on.
                log.exception("sandbox worker")
            self._wake.wait(PAUSE_SECONDS)

    def step(self) -> None:
        box = self._box
        pay.expire(box.store)
        refund.settle_due(box)
        transfer.advance_due(box)
        authorization.advance_due(box)
        while not self._stopping.is_set() and (row := notices.claim(box.store)):
            self.submit(self._attempt, row)

    def _attempt(self, row: dict) -> None:
        notices.attempt(self._box, row)
        self.wake()

    def _guarded(self, act, *values) -> None:
        try:
            act(*values)
        except Exception:
            log.exception("sandbox background call")
