"""`scripts/load [--minutes N] [--scenario NAME]`: how the mall bears people who stay.

See scripts/load_run.py for the scenarios and what is measured.
"""

import sys

from scripts.bootstrap import hand_over

if __name__ == "__main__":
    sys.exit(hand_over("scripts.load_run", dev=False))
