"""A quote told step by step says what the engine computes, always."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commission import Line, Person, explain
from app.commission.documents import read_plan
from app.commission.quote import quote
from tests.factories import PLAN

BUYER = Person(0, None, is_active=False)
NEAR, FAR = Person(1, "normal", is_active=True), Person(2, "senior", is_active=True)
LINE = Line("1", 7, [3, 1], 2, 200_00, 40_00)


def steps(changed: dict, *, buyer=BUYER, uplines=(NEAR, FAR), line=LINE):
    return explain(read_plan({**PLAN, **changed}), buyer=buyer, uplines=uplines, line=line)


def told(found) -> list[tuple[int, str, int, int, int, int]]:
    return [
        (s.depth, s.source, s.full_fen, s.nearer_fen, s.left_fen, s.amount_fen) for s in found.seats
    ]


def test_each_seat_says_its_rule_and_its_amount():
    found = steps({"categories": {"1": {"1": {"fen": 500}}}})

    assert (found.base_fen, found.cap_fen, found.total_fen) == (200_00, 60_00, 20_00)
    assert told(found) == [
        (1, "category:1", 10_00, 0, 60_00, 10_00),
        (2, "default", 10_00, 0, 50_00, 10_00),
    ]


def test_the_cap_leaves_the_far_seat_what_is_left():
    found = steps({"line_cap_bps": 1200})

    assert told(found) == [
        (1, "default", 20_00, 0, 24_00, 20_00),
        (2, "default", 10_00, 0, 4_00, 4_00),
    ]
    assert found.seats[1].uncapped_fen == 10_00


def test_differential_takes_off_what_is_nearer():
    found = steps({"mode": "differential", "levels": {"senior": {"1": {"bps": 1500}}}})

    assert told(found) == [
        (1, "default", 20_00, 0, 60_00, 20_00),
        (2, "level:senior", 30_00, 20_00, 40_00, 10_00),
    ]


def test_an_excluded_product_and_a_paused_upline_earn_nothing():
    excluded = steps({"products": {"7": {"excluded": True}}})
    paused = steps({}, uplines=(replace(NEAR, is_active=False), FAR))

    assert (excluded.is_excluded, excluded.total_fen) == (True, 0)
    assert told(paused) == [
        (1, "", 0, 0, 60_00, 0),
        (2, "default", 10_00, 0, 60_00, 10_00),
    ]


RATES = st.one_of(
    st.integers(0, 10_000).map(lambda n: {"bps": n}),
    st.integers(0, 300_00).map(lambda n: {"fen": n}),
)
TABLES = st.dictionaries(st.sampled_from(["1", "2", "3"]), RATES)
PEOPLE = st.builds(Person, st.just(0), st.sampled_from([None, "normal", "senior"]), st.booleans())


@given(
    document=st.fixed_dictionaries(
        {
            "depth_cap": st.integers(1, 3),
            "base": st.sampled_from(["paid", "profit"]),
            "mode": st.sampled_from(["fixed", "differential"]),
            "self_purchase": st.sampled_from(["off", "first_level"]),
            "inactive_upline": st.sampled_from(["skip", "compress"]),
            "line_cap_bps": st.integers(0, 10_000),
            "default": TABLES,
            "levels": st.dictionaries(st.sampled_from(["normal", "senior"]), TABLES),
            "products": st.dictionaries(st.just("7"), TABLES),
        }
    ),
    people=st.lists(PEOPLE, min_size=1, max_size=4),
    line=st.builds(
        Line,
        st.just("1"),
        st.sampled_from([7, 8]),
        st.just([3]),
        st.integers(1, 9),
        st.integers(0, 1000_00),
        st.integers(0, 300_00),
    ),
)
def test_what_is_told_is_what_is_paid(document, people, line):
    plan = read_plan(document)
    buyer, *uplines = (replace(person, id=at) for at, person in enumerate(people))

    found = explain(plan, buyer=buyer, uplines=uplines, line=line)

    [paid] = quote(plan, buyer=buyer, uplines=uplines, lines=[line])
    assert [
        (s.depth, s.person.id, s.source, s.uncapped_fen, s.amount_fen)
        for s in found.seats
        if s.amount_fen
    ] == [(s.depth, s.beneficiary_id, s.source, s.uncapped_fen, s.amount_fen) for s in paid.shares]
    # Each step follows from those before it.
    for seat in found.seats:
        assert seat.amount_fen == min(seat.uncapped_fen, seat.left_fen)
        assert seat.uncapped_fen == max(0, seat.full_fen - seat.nearer_fen)
    assert found.total_fen <= found.cap_fen


def test_the_worked_cases_are_told_to_the_fen(vectors_folder):
    file = vectors_folder / "commission_vectors.json"
    if not file.is_file():
        pytest.skip(f"{file.name} does not lie beside this checkout")
    told_fen, expected_fen = {}, {}
    for case in json.loads(file.read_text(encoding="utf-8")):
        scenario = case["scenario"]
        if len(scenario["order"]["lines"]) != 1:
            continue
        [row] = scenario["order"]["lines"]
        line = Line(
            row["id"],
            row["product"],
            row["categories"],
            row["qty"],
            row["paid_fen"],
            row["unit_cost_fen"],
        )
        buyer, *uplines = (
            Person(p["id"], p.get("level"), p["active"])
            for p in (scenario["buyer"], *scenario["uplines"])
        )
        found = explain(read_plan(scenario["plan"]), buyer=buyer, uplines=uplines, line=line)
        told_fen[case["name"]] = found.total_fen
        expected_fen[case["name"]] = case["expect"]["total_fen"]

    assert len(told_fen) >= 4
    assert told_fen == expected_fen
