"""`scripts/pictures`: takes the pictures of the main pages that the READMEs show.

See tests/pictures.py for what is on them.
"""

import sys

from scripts.bootstrap import hand_over

if __name__ == "__main__":
    sys.exit(hand_over("tests.pictures", dev=True))
