"""See the package's docstring. Prints one JSON line for each run."""

import argparse
import json
import subprocess
import sys
import time
from contextlib import nullcontext

from app.core.db import db
from scripts.bench_shop import shop
from scripts.simulation import books, faults, outages, seeds
from scripts.simulation.world import Unsound, World


def main() -> int:
    options = _options()
    if options.strikes:
        return _strike()
    if options.outages:
        return outages.main()
    if options.seeds:
        return seeds.main(options.seeds, options.steps)
    started = time.monotonic()
    with shop(on_sqlite=options.engine == "sqlite", fast=True):
        world = World(options.seed)
        said: dict[str, object] = {"seed": options.seed, "engine": options.engine}
        try:
            with faults.thrown(options.seed) if options.faults else nullcontext() as thrown:
                world.run(options.steps)
        except Unsound as wrong:
            print(json.dumps({**said, "unsound": str(wrong)}, ensure_ascii=False))
            return 1
        said |= {"steps": options.steps, "digest": books.digest()}
        said |= {"faults": thrown.count} if thrown else {}
        said |= {"seconds": round(time.monotonic() - started, 1)}
        print(json.dumps({**said, "happened": dict(sorted(world.happened.items()))}))
    return 0


def _strike() -> int:
    with shop(fast=True):
        url = db.engine.url.render_as_string(hide_password=False)
        command = [sys.executable, "-m", "scripts.simulation.strikes", url]
        return subprocess.run(command, check=False).returncode


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--seeds", help="1-200: each on a database out of order, see seeds.py; MariaDB"
    )
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--engine", choices=("sqlite", "mariadb"), default="sqlite")
    parser.add_argument("--faults", action="store_true", help="database faults in between")
    parser.add_argument("--strikes", action="store_true", help="see strikes.py; MariaDB")
    parser.add_argument("--outages", action="store_true", help="see outages.py; MariaDB, HAProxy")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
