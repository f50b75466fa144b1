"""`scripts/docs`: writes what of the documentation comes from the code.

`docs/configuration.md` from `.env.example`, `config.py` and the registry of settings.
A test says that the committed file is what would be written.
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
    os.execv(python, [python, "-m", "scripts.docs_made", *sys.argv[1:]])  # noqa: S606
    raise AssertionError("unreachable")


if __name__ == "__main__":
    sys.exit(main())
