"""`scripts/docs`: writes what of the documentation comes from the code.

`docs/configuration.md` from `.env.example`, `config.py` and the registry of settings.
A test says that the committed file is what would be written.
"""

import sys

from scripts.bootstrap import hand_over

if __name__ == "__main__":
    sys.exit(hand_over("scripts.docs_made", dev=False))
