"""`scripts/pictures`: takes the pictures of the main pages that the READMEs show.

See tests/pictures.py for what is on them.
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
    os.execv(python, [python, "-m", "tests.pictures", *sys.argv[1:]])  # noqa: S606
    raise AssertionError("unreachable")


if __name__ == "__main__":
    sys.exit(main())
