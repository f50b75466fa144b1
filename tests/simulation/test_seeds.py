"""Two hundred seeds on a database that is out of order: sound books, whatever happened."""

import json

import pytest

from scripts.emptying import empty_tables
from scripts.simulation import seeds

# What faults do to units is the production engine's matter.
pytestmark = [pytest.mark.mariadb_only, pytest.mark.slow]

SEEDS, SHARE = 200, 25
# Of the suite's time; scripts/simulate plays longer ones.
STEPS = 8


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(1, SEEDS + 1, SHARE))
def test_the_books_of_each_seed_are_sound(live, first, capsys):
    # Ids, too, begin as they do for the command that plays a seed again.
    empty_tables()

    broken = seeds.play(range(first, first + SHARE), steps=STEPS)

    said = capsys.readouterr().out
    # A failing seed says how to play it again.
    assert broken == [], said
    assert json.loads(said.splitlines()[-1])["faults"] > SHARE // 2
