"""`scripts/fuzz [--minutes N] [--seed S]`: nasty input for every form and callback.

See tests/fuzz/__main__.py for what it sends and how a failure is replayed.
"""

import sys

from scripts.bootstrap import hand_over

if __name__ == "__main__":
    sys.exit(hand_over("tests.fuzz", dev=True))
