"""`scripts/fuzz [--minutes N] [--seed S]`: nasty input for every form and callback.

See tests/fuzz/__main__.py for what it sends and how a failure is replayed.
"""

import os
import sys

from scripts.bootstrap import SetupError, ensure_venv, say


def main() -> int:
    try:
        python = str(ensure_venv(dev=True))
    except SetupError as error:
        say(str(error))
        return 1
    os.execv(python, [python, "-m", "tests.fuzz", *sys.argv[1:]])  # noqa: S606
    raise AssertionError("unreachable")


if __name__ == "__main__":
    sys.exit(main())
