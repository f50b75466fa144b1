"""`scripts/bench [name …]`: speed, as a ratio to a baseline measured in the same run.

Each benchmark prints one JSON line {"name", "value", "unit", "baseline", "ratio"}, some
with further facts;
what it does and what its baseline is stands in `scripts/benchmarks.py`.
"""

import os
import sys

from scripts.bootstrap import SetupError, ensure_venv, say


def main() -> int:
    try:
        python = str(ensure_venv(dev=False))
    except SetupError as error:
        say(str(error))
        return 1
    os.execv(python, [python, "-m", "scripts.benchmarks", *sys.argv[1:]])  # noqa: S606
    raise AssertionError("unreachable")


if __name__ == "__main__":
    sys.exit(main())
