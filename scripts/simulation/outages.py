"""Database servers killed in the middle of a sale: the same books, and soon back.

    scripts/simulate --outages
    python -m scripts.simulation.outages [--short]

plays the story of `strikes` and kills the server at its points: a single one, which
is started again and mends itself, and the writer of a cluster of three
(`scripts/cluster.py`), whose place another takes without anybody's help. Prints one
JSON line with the longest time until the database took work again. `--short`: the
cluster only, in the middle of a settlement and of a payout.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest import mock

import sqlalchemy as sa
from flask_migrate import upgrade

from app.core.db import db
from app.members import Member
from scripts.bench_shop import app_on
from scripts.cluster import Cluster, cluster
from scripts.services import MariaDB, mariadb
from scripts.simulation import books
from scripts.simulation.story import Story
from scripts.simulation.strikes import SHORT, DifferentBooks, Point, Strikes, fork, wait_for

# In the middle of the settlement, and of the payout.
SHORTEST: list[Point] = [
    ("commission.settlement.settle_chunk", "before_commit"),
    ("withdrawals.payout.bill_to_send", "after_commit"),
]
# What an operator was promised.
BACK_WITHIN_SECONDS = 30.0
_pause = time.sleep


class Outages:
    """The strikes on one database. `fell` ends the server, `help_back` what a person does."""

    def __init__(
        self, folder: Path, *, fell: Callable[[], None], help_back: Callable[[], None]
    ) -> None:
        self._strikes = Strikes(folder, is_short=True)
        self._fell, self._help_back = fell, help_back
        self.slowest = 0.0

    def run(self, points: list[Point]) -> None:
        """Raises DifferentBooks at the first outage that made a difference."""
        for point in points:
            self._strikes.strike("fallen", f"{point}", partial(self._fall, point=point))
        if wrong := books.broken():
            raise DifferentBooks(f"the books are not sound: {wrong}")

    def _fall(self, played: Story, point: Point) -> None:
        # What becomes of the process whose server falls is its own matter.
        child = partial(self._strikes.play_until, played, point, self._fell)
        started = time.monotonic()
        wait_for(fork(child))
        self._help_back()
        while not _takes_work():
            if time.monotonic() - started > BACK_WITHIN_SECONDS:
                raise DifferentBooks(f"{point}: no database after {BACK_WITHIN_SECONDS} s")
            _pause(0.1)
        self.slowest = max(self.slowest, time.monotonic() - started)
        played.play()


def _takes_work() -> bool:
    try:
        with db.engine.begin() as connection:
            connection.execute(sa.select(Member.id).limit(1).with_for_update())
        return True
    except sa.exc.DBAPIError:
        db.engine.dispose()
        return False


def on_one(points: list[Point]) -> float:
    """A single server; seconds until it took work again, at the longest."""
    with mariadb() as server, _shop(server) as folder:
        outages = Outages(folder, fell=server.strike_down, help_back=partial(_restart, server))
        outages.run(points)
        return outages.slowest


def on_three(points: list[Point]) -> float:
    """A cluster whose writer falls, and joins again before the next one does."""
    with cluster() as running, _shop(running) as folder:

        def fell() -> None:
            running.writer().strike_down()

        def join_again() -> None:
            for node in running.nodes:
                if not node.is_alive():
                    node.start()

        outages = Outages(folder, fell=fell, help_back=lambda: None)
        for point in points:
            outages.run([point])
            join_again()
        for node in running.nodes:
            if not node.is_synced():
                raise DifferentBooks(f"{node.name} did not join again")
        return outages.slowest


def _restart(server: MariaDB) -> None:
    server.kill()
    server.start()


@contextmanager
def _shop(server: MariaDB | Cluster) -> Iterator[Path]:
    engine = sa.create_engine(server.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE DATABASE mall CHARACTER SET utf8mb4")
    engine.dispose()
    with tempfile.TemporaryDirectory() as folder:
        app = app_on(server.database_url("mall"), Path(folder))
        with app.app_context():
            upgrade()
            with mock.patch("time.sleep"):
                yield Path(folder)
            db.session.remove()
            db.engine.dispose()


def main() -> int:
    is_short = "--short" in sys.argv[1:]
    points = SHORTEST if is_short else sorted(SHORT)
    started = time.monotonic()
    said: dict[str, float] = {}
    try:
        if not is_short:
            said["one_back_after"] = round(on_one(points), 1)
        said |= {"three_back_after": round(on_three(points), 1), "fallen": len(points)}
    except DifferentBooks as error:
        print(json.dumps({"different": str(error)}, ensure_ascii=False))
        return 1
    print(json.dumps({**said, "seconds": round(time.monotonic() - started, 1)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
