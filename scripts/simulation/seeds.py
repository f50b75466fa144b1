"""Many seeds, each played on a MariaDB that is out of order at times.

    scripts/simulate --seeds 1-200 --steps 25

Two processes share them, each on a database of its own that is emptied in between. A
seed whose books are not sound is printed with the command that plays it again; exit 1.
"""

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable
from unittest import mock

from app.core.db import db
from scripts.bench_shop import shop
from scripts.emptying import empty_tables
from scripts.simulation.world import Unsound, World

PROCESSES = 2


def main(span: str, steps: int) -> int:
    """Play the seeds of a span such as `1-200`, or a single one."""
    started = time.monotonic()
    wanted = _wanted(span)
    if len(wanted) == 1:
        return _play_alone(wanted, steps)
    shares = [wanted[first::PROCESSES] for first in range(PROCESSES)]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "scripts.simulation.seeds", str(steps)]
            + [str(seed) for seed in share]
        )
        for share in shares
    ]
    codes = [process.wait() for process in running]
    said = {"seeds": len(wanted), "sound": not any(codes)}
    print(json.dumps(said | {"seconds": round(time.monotonic() - started, 1)}))
    return 1 if any(codes) else 0


def _wanted(span: str) -> list[int]:
    first, _, last = span.partition("-")
    return list(range(int(first), int(last or first) + 1))


def play(wanted: Iterable[int], steps: int) -> list[int]:
    """The seeds that left the books unsound, on the database in force, emptied after each.

    Says for each of those what is wrong and how to play it again, and at the end how
    many faults there were.
    """
    broken = []
    thrown = 0
    # The engine is waited for in earnest elsewhere.
    with mock.patch("time.sleep"):
        for seed in wanted:
            try:
                thrown += World(seed).run_roughly(steps)
            except Exception as error:
                broken.append(seed)
                if not isinstance(error, Unsound):
                    traceback.print_exc()
                again = f"scripts/simulate --seeds {seed} --steps {steps}"
                said = {"seed": seed, "unsound": str(error), "again": again}
                print(json.dumps(said, ensure_ascii=False), flush=True)
            # A row that something still holds must not meet the next seed's under its id.
            db.session.remove()
            empty_tables()
    print(json.dumps({"faults": thrown, "broken": len(broken)}), flush=True)
    return broken


def _play_alone(wanted: Iterable[int], steps: int) -> int:
    with shop(fast=True):
        return 1 if play(wanted, steps) else 0


if __name__ == "__main__":
    sys.exit(_play_alone([int(seed) for seed in sys.argv[2:]], int(sys.argv[1])))
