"""`scripts/simulate [--seed N] [--steps M] [--engine sqlite|mariadb]`: a shop at random.

See scripts/simulation/__init__.py for what it plays and what it proves.
"""

import sys

from scripts.bootstrap import hand_over

if __name__ == "__main__":
    sys.exit(hand_over("scripts.simulation", dev=False))
