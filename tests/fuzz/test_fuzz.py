"""A short run of `scripts/fuzz`, the same each time."""

from collections import Counter

import pytest

from tests.fuzz.ground import Ground, opened
from tests.fuzz.rounds import Finding, run_round

pytestmark = pytest.mark.engine_free


@pytest.fixture(scope="module")
def ground(database_url, tmp_path_factory):
    with opened(
        database_url, tmp_path_factory.mktemp("fuzz"), addresses=1, every=4
    ) as opened_ground:
        yield opened_ground


def test_nothing_breaks_whatever_is_sent(ground: Ground):
    found: list[Finding] = []
    counts: Counter[int] = Counter()

    run_round(ground, 7, 0, counts=counts, tell=found.append, examples=30)

    assert [(finding.place, finding.asked) for finding in found] == []
    assert {200, 404} <= set(counts)


def test_an_error_is_found_with_the_requests_it_needs(ground: Ground, monkeypatch):
    def broken() -> str:
        raise RuntimeError("planted")

    for target in ground.targets:
        if target.who == "desk" and not target.rule.arguments:
            monkeypatch.setitem(ground.app.view_functions, target.rule.endpoint, broken)
    found: list[Finding] = []

    run_round(ground, 7, 0, counts=Counter(), tell=found.append, examples=15)

    assert {finding.place.split(":")[0] for finding in found} == {
        "RuntimeError at tests/fuzz/test_fuzz.py"
    }
    assert {len(finding.asked) for finding in found} == {1}


def test_the_walk_has_every_route_that_takes_something(ground: Ground):
    asked = {(target.rule.rule, target.method) for target in ground.targets}

    assert {
        (rule.rule, method)
        for rule in ground.app.url_map.iter_rules()
        for method in set(rule.methods) - {"HEAD", "OPTIONS", "GET"}
    } <= asked
    assert len([target for target in ground.targets if target.forms]) > 20
