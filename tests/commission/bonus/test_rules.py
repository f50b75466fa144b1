"""The pure arithmetic of bonuses, their periods and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commission.bonus import rules, wording
from app.commission.bonus.rules import Period, Program, quote_bonus, read_program
from app.core import clock
from app.core.errors import InvalidInput
from tests.commission.bonus.ground import SALES

STEPS = [
    {"from": 0, "bps": 200},
    {"from": 100_000_00, "bps": 300},
    {"from": 200_000_00, "bps": 400},
]
FLAT = [{"from": 1, "fen": 5}, {"from": 10, "fen": 88_00}]


def program(**changed) -> Program:
    return read_program({**SALES, "steps": STEPS, **changed})


@pytest.mark.parametrize(
    ("changed", "value", "tier", "amount"),
    [
        # reference/commission.md's own example.
        ({}, 250_000_00, 3, 10_000_00),
        ({"tier_mode": "marginal"}, 250_000_00, 3, 7_000_00),
        ({}, 99_999_99, 1, 1_999_99),
        ({}, 100_000_00, 2, 3_000_00),
        ({"tier_mode": "marginal"}, 100_000_00, 2, 2_000_00),
        ({}, 0, 1, 0),
        ({"steps": FLAT}, 0, 0, 0),
        ({"steps": FLAT, "metric": "orders"}, 9, 1, 5),
        ({"steps": FLAT, "metric": "orders"}, 10, 2, 88_00),
        # Slices are summed before the one division: 33 + 33 ten-thousandths, not 0 + 0.
        (
            {
                "tier_mode": "marginal",
                "steps": [{"from": 0, "bps": 33}, {"from": 151, "bps": 33}],
            },
            304,
            2,
            1,
        ),
    ],
)
def test_what_a_value_earns(changed, value, tier, amount):
    document = {**SALES, "steps": STEPS, **changed}

    assert quote_bonus({"program": document, "value": value}) == {
        "tier": tier,
        "amount_fen": amount,
    }


@given(value=st.integers(0, 10**11), mode=st.sampled_from(["whole", "marginal"]))
def test_slices_are_the_whole_value_and_more_never_earns_less_by_slices(value, mode):
    rules_of = program(tier_mode=mode)

    assert sum(part.value for part in rules.slices_of(rules_of, value)) == value
    if mode == "marginal":
        assert rules.amount_of(rules_of, value + 1) >= rules.amount_of(rules_of, value)


def test_the_next_step_says_what_is_missing_and_what_it_pays():
    found = program()

    assert rules.next_step(found, 60_000_00) == (40_000_00, 3_000_00)
    assert rules.next_step(found, 250_000_00) is None


@pytest.mark.parametrize(
    ("period", "moment", "label", "start", "end"),
    [
        (Period.WEEK, "2027-01-03T23:59", "2026W53", "2026-12-28", "2027-01-04"),
        (Period.MONTH, "2026-12-31T23:59:59", "2026-12", "2026-12-01", "2027-01-01"),
        (Period.MONTH, "2027-01-01T00:00", "2027-01", "2027-01-01", "2027-02-01"),
        (Period.QUARTER, "2026-11-21T12:00", "2026Q4", "2026-10-01", "2027-01-01"),
        (Period.YEAR, "2026-11-21T12:00", "2026", "2026-01-01", "2027-01-01"),
    ],
)
def test_periods_are_those_of_shanghai_and_half_open(period, moment, label, start, end):
    found = rules.span_at(period, clock.parse(moment))

    assert found == rules.Span(label, clock.parse(start), clock.parse(end))
    assert rules.span_after(period, found).start == found.end


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"metric": "luck"}, "metric"),
        ({"period": "day"}, "period"),
        ({"tier_mode": None}, "tier_mode"),
        ({"reward": "gold"}, "reward"),
        ({"steps": []}, "steps"),
        ({"steps": [{"from": 5, "bps": 1}] * 2}, "steps.1.from"),
        ({"steps": [{"from": 0, "bps": 1, "fen": 1}]}, "steps.0"),
        ({"steps": [{"from": 0, "bps": 10_001}]}, "steps.0.bps"),
        ({"steps": [{"from": -1, "bps": 1}]}, "steps.0.from"),
        ({"steps": [{"from": 1.5, "bps": 1}]}, "steps.0.from"),
        ({"tier_mode": "marginal", "steps": FLAT}, "steps.0"),
        ({"metric": "orders"}, "steps.0"),
        ({"conditions": {"min_age": 18}}, "conditions.min_age"),
        ({"conditions": {"min_recruits": -1}}, "conditions.min_recruits"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_does_not_fit_is_refused_naming_the_value(changed, field):
    with pytest.raises(InvalidInput) as refused:
        program(**changed)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"metric": "team_sales"}, "metric"),
        ({"metric": "recruits", "steps": FLAT}, "metric"),
        ({"conditions": {"min_recruits": 3}}, "conditions.min_recruits"),
        ({"reward": "coupon"}, "reward"),
    ],
)
def test_what_this_server_may_not_pay_is_refused(changed, field):
    with pytest.raises(InvalidInput) as refused:
        rules.check_allowed(program(**changed), allow_team=False)

    assert refused.value.field == field


def test_the_working_is_told_in_words():
    marginal = program(tier_mode="marginal")

    assert wording.working(marginal, 250_000_00) == [
        ("直推销售额", "¥250,000"),
        ("¥0 到 ¥100,000 的部分按 2%", "¥100,000 × 2%"),
        ("¥100,000 到 ¥200,000 的部分按 3%", "¥100,000 × 3%"),
        ("¥200,000 到 ¥250,000 的部分按 4%", "¥50,000 × 4%"),
        ("应得返利（不足一分舍去）", "¥7,000.00"),
    ]
    assert wording.working(program(), 250_000_00)[1:] == [
        ("达到满 ¥200,000 这一档，全部按 4%", "¥250,000 × 4%"),
        ("应得返利（不足一分舍去）", "¥10,000.00"),
    ]
