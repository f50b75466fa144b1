"""Processes killed, stopped and doubled in the middle of a sale: the same books."""

import json
import subprocess
import sys

import pytest

from app.core.db import db
from scripts.bootstrap import ROOT

# It kills and stops processes, which needs one without threads to fork from; all
# strikes and not only these: scripts/simulate --strikes.
pytestmark = pytest.mark.mariadb_only


@pytest.mark.slow
def test_the_books_are_those_of_the_undisturbed_sale(live):
    url = db.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "scripts.simulation.strikes", url, "--short"]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    said = json.loads(ended.stdout.splitlines()[-1])
    assert {kind: said[kind] for kind in ("killed", "stopped", "doubled", "misled", "unheard")} == {
        "killed": 5,
        "stopped": 4,
        "doubled": 1,
        "misled": 1,
        "unheard": 1,
    }
    assert said["refused"] >= 4
