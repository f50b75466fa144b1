"""`scripts/load [--minutes N] [--scenario NAME]`: how the mall bears people who stay.

See scripts/load_run.py for the scenarios and what is measured.
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
    os.execv(python, [python, "-m", "scripts.load_run", *sys.argv[1:]])  # noqa: S606
    raise AssertionError("unreachable")


if __name__ == "__main__":
    sys.exit(main())
