"""Processes killed, stopped, doubled and misled in the middle of a story.

    python -m scripts.simulation.strikes DATABASE_URL [--short]

plays a story once undisturbed, and then once for each strike; every book must be the
same. Prints one JSON line with how many of each kind there were. The points to strike
at are found and not written down: before and after each commit of each unit of work of
the story, by the unit's name. All of it stands on SQLAlchemy's events, so that the
product carries no hook that somebody could leave switched on. `--short` keeps to the
boundaries where money is between two places, and to some of the statements.

MariaDB only: SQLite has no locks to be left holding.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from unittest import mock

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import db
from app.jobs import runner, tasks
from scripts.bench_shop import app_on
from scripts.simulation import books, faults, ground, story
from scripts.simulation.story import RunJob, Story
from scripts.simulation.wechat import Book, WeChat

SIDES = ("before_commit", "after_commit")
Point = tuple[str, str]
SHORT = {
    # Paid, not booked to anybody yet; settled, not told and not filed; agreed to, not sent.
    ("orders.payment.take_payment", "after_commit"),
    ("commission.settlement.settle_chunk", "after_commit"),
    ("aftersales.service.approve", "after_commit"),
    # WeChat may or may not have the bill; it has, and we do not know.
    ("withdrawals.payout.bill_to_send", "after_commit"),
    ("withdrawals.payout.report", "before_commit"),
}
SHORT_STATEMENTS = 9
SHORT_CLOSED = "commission.settlement.settle_chunk"
# No room for another row (the disk is full); read-only. Nobody tries again by himself.
CLOSED = (1114, 1290)


class DifferentBooks(Exception):
    """A strike changed what came of the story."""


class Strikes:
    """The stories of one run, each on people and goods of its own in one database."""

    def __init__(self, folder: Path, *, is_short: bool) -> None:
        self._folder = folder
        self._number = 0
        self.counts: Counter[str] = Counter()
        self.seconds: dict[str, float] = defaultdict(float)
        ground.publish_plan(ground.PLANS[0], story.FIRST)
        since, undisturbed = self._new()
        with self._listening() as points:
            undisturbed.play()
        self.points = [p for p in dict.fromkeys(points) if not is_short or p in SHORT]
        self._every = SHORT_STATEMENTS if is_short else 1
        self._told = books.told(since, with_times=False)

    def run(self) -> None:
        """Every strike. Raises DifferentBooks at the first that made a difference."""
        for point in self.points:
            self.strike("killed", f"{point}", partial(self._kill, point=point))
            if point[1] == "after_commit":
                self.strike("stopped", f"{point}", partial(self._stop, point=point))
        # As schedulers are, by claims; and where somebody starts a job by hand as well.
        for run in (_by_slot, story.run_job)[: 1 if self._every > 1 else 2]:
            self.strike("doubled", run.__name__, partial(self._double, run=run))
        self.strike("misled", "clocks", self._mislead)
        for number in range(1, self._longest_unit() + 1, self._every):
            self.strike("refused", f"statement {number}", partial(self._refuse, number=number))
        units = list(dict.fromkeys(name for name, _ in self.points))
        short = self._every > 1
        for code in CLOSED[: 1 if short else 2]:
            for name in [SHORT_CLOSED] if short else units:
                self.strike("closed", f"{code} {name}", partial(self._close, code=code, name=name))
        self.strike("unheard", "each commit", self._lose_commits)
        if wrong := books.broken():
            raise DifferentBooks(f"the books are not sound: {wrong}")

    # --- strikes -----------------------------------------------------------------

    def _kill(self, played: Story, point: Point) -> None:
        """SIGKILL at the point; another process does the work again from its start."""
        status = wait_for(fork(lambda: self.play_until(played, point, _signal(signal.SIGKILL))))
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            raise DifferentBooks(f"{point} was not reached: {status}")
        played.play()

    def _stop(self, played: Story, point: Point) -> None:
        """Stopped at the point, woken when another has done everything."""
        pid = fork(lambda: self.play_until(played, point, _signal(signal.SIGSTOP)))
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            raise DifferentBooks(f"{point} was not reached: {status}")
        try:
            played.play()
        finally:
            os.kill(pid, signal.SIGCONT)
        if status := wait_for(pid):
            raise DifferentBooks(f"the woken process failed: {status}")

    def _double(self, played: Story, run: RunJob) -> None:
        """Two processes are the scheduler, each time at one moment."""

        def both(name: str, now: datetime) -> None:
            pids = [fork(lambda: run(name, now)) for _ in range(2)]
            ended = [wait_for(pid) for pid in pids]
            if any(ended):
                raise DifferentBooks(f"one of two schedulers failed in {name}")

        played.run_job = both
        played.play()

    def _mislead(self, played: Story) -> None:
        """The scheduler's clock is a day ahead, then an hour behind, then right."""
        played.clocks = lambda now: [now + timedelta(days=1), now - timedelta(hours=1), now]
        played.play()

    def _refuse(self, played: Story, number: int) -> None:
        """The n-th statement of every unit fails once: deadlock, lock wait, stale read."""
        code = faults.PASSING[number % len(faults.PASSING)]

        def decide(unit: faults.Unit) -> int:
            return code if unit.attempt == 1 and unit.statement == number else 0

        with faults.at_statements(decide):
            played.play()

    def _close(self, played: Story, code: int, name: str) -> None:
        """From this unit on the database takes no work at all; then it does again."""
        is_closed = False

        def decide(unit: faults.Unit) -> int:
            nonlocal is_closed
            # Its second statement, so that there is something to roll back.
            is_closed = is_closed or (unit.name == name and unit.statement == 2)
            return code if is_closed else 0

        with faults.at_statements(decide), contextlib.suppress(DBAPIError):
            played.play()
        db.session.rollback()
        if not is_closed:
            raise DifferentBooks(f"{name} was not reached")
        played.play()

    def _lose_commits(self, played: Story) -> None:
        """The line is lost after each unit's first COMMIT, before its answer."""
        with faults.at_commits(
            lambda _unit: None, lambda unit: faults.lost_line() if unit.attempt == 1 else None
        ):
            played.play()
        # What was cut off goes on by itself.
        played.play()

    # --- how ---------------------------------------------------------------------

    def _new(self) -> tuple[books.Since, Story]:
        since = books.Since.now()
        self._number += 1
        book = Book(self._folder / f"wechat-{self._number}.json")
        return since, Story(self._number, WeChat(book))

    def strike(self, kind: str, what: str, strike: Callable[[Story], None]) -> None:
        started = time.monotonic()
        since, played = self._new()
        strike(played)
        found = books.told(since, with_times=False)
        if found != self._told:
            wrong = sorted(set(found) ^ set(self._told))
            raise DifferentBooks(f"{kind} {what}: {wrong[:6]}")
        self.counts[kind] += 1
        self.seconds[kind] += time.monotonic() - started

    def _longest_unit(self) -> int:
        most = 0

        def count(unit: faults.Unit) -> int:
            nonlocal most
            most = max(most, unit.statement)
            return 0

        _, played = self._new()
        with faults.at_statements(count):
            played.play()
        return most

    @contextmanager
    def _listening(
        self, reached: Callable[[Point], None] = lambda _point: None
    ) -> Iterator[list[Point]]:
        points: list[Point] = []

        def listener(side: str) -> Callable[[Session], None]:
            def hear(_session: Session) -> None:
                unit = faults.unit_under_way()
                if unit is not None:
                    points.append((unit.name, side))
                    reached((unit.name, side))

            return hear

        listeners = {side: listener(side) for side in SIDES}
        for side, hear in listeners.items():
            event.listen(Session, side, hear)
        try:
            yield points
        finally:
            for side, hear in listeners.items():
                event.remove(Session, side, hear)

    def play_until(self, played: Story, point: Point, act: Callable[[], None]) -> None:
        """Play, and do `act` where the point is reached for the first time."""
        is_struck = False

        def reached(found: Point) -> None:
            nonlocal is_struck
            if found == point and not is_struck:
                is_struck = True
                act()

        with self._listening(reached):
            played.play()


def _signal(number: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def _by_slot(name: str, now: datetime) -> None:
    with clock.fixed(now):
        runner.run_slot(tasks.JOBS[name], now)


def fork(act: Callable[[], None]) -> int:
    """A process that does `act` on connections of its own; its id."""
    db.session.remove()
    db.engine.dispose()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        act()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        # Not sys.exit: what the parent has open is the parent's to close.
        os._exit(code)


def wait_for(pid: int) -> int:
    return os.waitpid(pid, 0)[1]


def main() -> int:
    database_url, *options = sys.argv[1:]
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        app_on(database_url, Path(folder)).app_context(),
        # A fault is thrown, not waited for.
        mock.patch("time.sleep"),
    ):
        strikes = Strikes(Path(folder), is_short="--short" in options)
        try:
            strikes.run()
        except DifferentBooks as error:
            print(json.dumps({"different": str(error), **strikes.counts}, ensure_ascii=False))
            return 1
        seconds = round(time.monotonic() - started, 1)
        units = sorted({name for name, _ in strikes.points})
        took = {kind: round(spent, 1) for kind, spent in strikes.seconds.items()}
        print(json.dumps({**strikes.counts, "units": units, "took": took, "seconds": seconds}))
        db.session.remove()
        db.engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
