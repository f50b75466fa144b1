"""`scripts/bench [name …]`: speed, as a ratio to a baseline measured in the same run.

Each benchmark prints one JSON line {"name", "value", "unit", "baseline", "ratio"}, some
with further facts;
what it does and what its baseline is stands in `scripts/benchmarks.py`.
"""

import sys

from scripts.bootstrap import hand_over

if __name__ == "__main__":
    sys.exit(hand_over("scripts.benchmarks", dev=False))
