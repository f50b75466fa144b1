"""`scripts/fuzz [--minutes N] [--seed S] [--round R] [--engine sqlite|mariadb]`.

Sends what nobody types by accident to every form, every callback and the API: see
`ground.py` for what is asked, `values.py` for what is sent. A round is 100 examples of
one to four requests; round R of seed S is the same each time. What breaks is printed with
the requests it needs and its round, once for each place, and the rest goes on. Exit 1 if
anything did.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from app import ledger
from config import ROOT
from scripts.services import mariadb
from tests.fuzz.ground import opened
from tests.fuzz.rounds import EXAMPLES, Finding, run_round


def main() -> int:
    options = _options()
    end = time.monotonic() + options.minutes * 60
    found: set[str] = set()
    counts: Counter[int] = Counter()
    number = options.round if options.round is not None else 0
    with tempfile.TemporaryDirectory() as name, _database(options.engine, name) as url:
        with opened(url, Path(name)) as ground:
            print(
                f"{len(ground.targets)} routes, seed {options.seed}, {options.engine}", flush=True
            )
            while True:
                run_round(
                    ground,
                    options.seed,
                    number,
                    counts=counts,
                    tell=lambda finding, round_=number: _tell(finding, found, options, round_),
                )
                number += 1
                if options.round is not None or time.monotonic() > end:
                    break
            sound = not any(row.offending for row in ledger.verify())
    requests = sum(counts.values())
    by_class = {f"{k}xx": sum(n for s, n in counts.items() if s // 100 == k) for k in (2, 3, 4)}
    # One by one: not each is a fault, since WeChat is out of reach here.
    by_class |= {str(status): n for status, n in sorted(counts.items()) if status >= 500}
    said = f"{len(found)} things broke" if found else "nothing broke"
    print(f"{requests} requests {by_class}: {said}; books {'sound' if sound else 'NOT SOUND'}")
    return 1 if found or not sound else 0


def _tell(finding: Finding, found: set[str], options: argparse.Namespace, number: int) -> None:
    """Each place once."""
    if finding.place in found:
        return
    found.add(finding.place)
    replay = f"scripts/fuzz --seed {options.seed} --round {number} --engine {options.engine}"
    print(f"\n--- {finding.place}\nagain: {replay}")
    for ask in finding.asked:
        print(f"  {ask!r}")
    said = traceback.format_exception_only(finding.error)
    frames = traceback.extract_tb(finding.error.__traceback__)
    ours = [f"  {f.filename}:{f.lineno} {f.line}\n" for f in frames if "/app/" in f.filename]
    print("".join([*ours[-6:], *said])[:1500], flush=True)


@contextmanager
def _database(engine: str, folder: str) -> Iterator[str]:
    if engine == "sqlite":
        yield f"sqlite:///{folder}/fuzz.db"
        return
    with mariadb(fast=True) as server:
        root = sa.create_engine(server.url)
        with root.begin() as connection:
            connection.exec_driver_sql("CREATE DATABASE fuzz CHARACTER SET utf8mb4")
        root.dispose()
        yield server.database_url("fuzz")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int, help=f"only this one, of {EXAMPLES} examples")
    parser.add_argument("--engine", choices=("sqlite", "mariadb"), default="sqlite")
    return parser.parse_args()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
