"""`scripts/simulate [--seed N] [--steps M] [--engine sqlite|mariadb]`: a shop at random.

See scripts/simulation/__init__.py for what it plays and what it proves.
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
    os.execv(python, [python, "-m", "scripts.simulation", *sys.argv[1:]])  # noqa: S606
    raise AssertionError("unreachable")


if __name__ == "__main__":
    sys.exit(main())
