"""The writer of a cluster killed in the middle of a settlement and of a payout."""

import json
import subprocess
import sys

import pytest

from scripts.bootstrap import ROOT

# It forks, which needs a process without threads; on a cluster of its own.
pytestmark = pytest.mark.mariadb_only


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_another_node_takes_over_and_the_books_are_those_of_the_undisturbed_sale():
    command = [sys.executable, "-m", "scripts.simulation.outages", "--short"]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    said = json.loads(ended.stdout.splitlines()[-1])
    assert said["fallen"] == 2
    # A database that is away for longer ends the run.
    assert said["three_back_after"] < 30
