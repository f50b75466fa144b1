"""The rules of the ladder, without a database."""

from datetime import UTC, datetime

import pytest

from app.core.errors import InvalidInput
from app.distribution.levels import (
    BASE,
    Conditions,
    Figures,
    Keep,
    Level,
    Match,
    Metric,
    Period,
    last_period,
    make_ladder,
)
from app.distribution.levels.ladder import check_order, read_conditions, read_keep

M = Metric
SALES_OR_ORDERS = Conditions(Match.ANY, {M.OWN_SALES: 1000_00, M.ORDERS: 10})
SALES_AND_ORDERS = Conditions(Match.ALL, {M.OWN_SALES: 1000_00, M.ORDERS: 10})


def level(code: str, rank: int, conditions: Conditions = SALES_AND_ORDERS, **given) -> Level:
    return Level(code, given.pop("name", code), rank, conditions=conditions, **given)


def sales(fen: int) -> Conditions:
    return Conditions(Match.ALL, {M.OWN_SALES: fen})


@pytest.mark.parametrize(
    ("conditions", "figures", "holds"),
    [
        (SALES_AND_ORDERS, Figures(1000_00, 10), True),
        (SALES_AND_ORDERS, Figures(999_99, 10), False),
        (SALES_AND_ORDERS, Figures(1000_00, 9), False),
        (SALES_OR_ORDERS, Figures(1000_00, 0), True),
        (SALES_OR_ORDERS, Figures(0, 10), True),
        (SALES_OR_ORDERS, Figures(999_99, 9), False),
        (Conditions(), Figures(1000_00, 10), False),
        (Conditions(Match.ANY), Figures(1000_00, 10), False),
    ],
)
def test_conditions_hold_from_their_figures_on(conditions, figures, holds):
    assert conditions.hold(figures) is holds


def test_progress_says_what_is_done_and_what_is_missing():
    done, missing = SALES_AND_ORDERS.progress(Figures(1500_00, 3))

    assert (done.metric, done.have, done.missing, done.percent) == (M.OWN_SALES, 1500_00, 0, 100)
    assert (missing.metric, missing.have, missing.missing, missing.percent) == (M.ORDERS, 3, 7, 30)


def test_the_base_is_there_although_nobody_stored_it():
    ladder = make_ladder([level("gold", 2), level("silver", 1)], allows_team=False)

    assert [row.code for row in ladder.levels] == ["normal", "silver", "gold"]
    assert ladder.base == BASE
    assert ladder.at("nobody") == BASE


def test_the_highest_level_that_holds_is_reached_at_once():
    ladder = make_ladder(
        [level("a", 1, sales(10)), level("b", 2, sales(20)), level("c", 3, sales(30))],
        allows_team=False,
    )

    assert ladder.reached("normal", Figures(29)) == ladder.get("b")
    assert ladder.reached("b", Figures(29)) is None
    assert ladder.reached("normal", Figures(9)) is None


def test_what_is_switched_off_or_given_by_hand_is_not_reached_but_stepped_over():
    ladder = make_ladder(
        [
            level("a", 1, sales(10)),
            level("off", 2, sales(20), is_active=False),
            level("hand", 3, Conditions()),
            level("top", 4, sales(30)),
        ],
        allows_team=False,
    )

    assert [row.code for row in ladder.reachable("normal")] == ["a", "top"]
    assert ladder.reached("normal", Figures(29)) == ladder.get("a")
    assert ladder.below("top").code == "hand"
    assert ladder.below("hand").code == "a"
    assert ladder.below("a").code == "normal"
    assert ladder.below("normal").code == "normal"


def test_a_level_that_asks_for_the_team_rests_while_the_switch_is_off():
    team = level("team", 1, Conditions(Match.ANY, {M.OWN_SALES: 10, M.TEAM_SIZE: 1}))

    resting = make_ladder([team], allows_team=False)
    allowed = make_ladder([team], allows_team=True)

    assert resting.reached("normal", Figures(10, team_size=5)) is None
    assert resting.asks_for_team is False
    assert allowed.reached("normal", Figures(0, team_size=1)) == team
    assert allowed.asks_for_team is True


@pytest.mark.parametrize(
    ("period", "now", "label", "start", "end"),
    [
        # Midnight in Shanghai is 16:00 UTC of the day before.
        (Period.MONTH, (2026, 11, 21, 4), "2026-10", (2026, 9, 30, 16), (2026, 10, 31, 16)),
        (Period.MONTH, (2026, 1, 15, 4), "2025-12", (2025, 11, 30, 16), (2025, 12, 31, 16)),
        (Period.MONTH, (2026, 10, 31, 16), "2026-10", (2026, 9, 30, 16), (2026, 10, 31, 16)),
        (Period.MONTH, (2026, 10, 31, 15), "2026-09", (2026, 8, 31, 16), (2026, 9, 30, 16)),
        (Period.QUARTER, (2026, 11, 21, 4), "2026Q3", (2026, 6, 30, 16), (2026, 9, 30, 16)),
        (Period.QUARTER, (2026, 2, 1, 4), "2025Q4", (2025, 9, 30, 16), (2025, 12, 31, 16)),
    ],
)
def test_the_period_that_ended_last(period, now, label, start, end):
    span = last_period(period, datetime(*now, tzinfo=UTC))

    assert span.label == label
    assert (span.start, span.end) == (datetime(*start, tzinfo=UTC), datetime(*end, tzinfo=UTC))


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "conditions"),
        ({"match": "some"}, "conditions.match"),
        ({"heads": 3}, "conditions.heads"),
        ({"orders": 0}, "conditions.orders"),
        ({"orders": -1}, "conditions.orders"),
        ({"orders": 1.5}, "conditions.orders"),
        ({"orders": "10"}, "conditions.orders"),
        ({"orders": True}, "conditions.orders"),
        ({"own_sales_fen": 10**12}, "conditions.own_sales_fen"),
    ],
)
def test_conditions_that_do_not_fit_are_refused_with_their_field(document, field):
    with pytest.raises(InvalidInput) as refused:
        read_conditions(document)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"period": "week"}, "keep.period"),
        ({"period": "month"}, "keep.period"),
        ({"period": "month", "team_sales_fen": 10}, "keep.team_sales_fen"),
        ({"period": "month", "orders": 0}, "keep.orders"),
    ],
)
def test_a_keep_rule_that_does_not_fit_is_refused_with_its_field(document, field):
    with pytest.raises(InvalidInput) as refused:
        read_keep(document)

    assert refused.value.field == field


def test_documents_are_read_as_they_were_written():
    keep = Keep(Period.QUARTER, SALES_OR_ORDERS)

    assert read_conditions(SALES_OR_ORDERS.document()) == SALES_OR_ORDERS
    assert read_keep(keep.document()) == keep
    assert read_keep(Keep().document()) == Keep()


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        (sales(20), sales(10)),
        (sales(20), sales(20)),
        (SALES_AND_ORDERS, sales(1000_00)),
        (SALES_AND_ORDERS, SALES_OR_ORDERS),
        (SALES_OR_ORDERS, SALES_OR_ORDERS),
    ],
)
def test_a_higher_level_that_is_no_harder_is_refused(lower, higher):
    with pytest.raises(InvalidInput, match="请调高“b”的条件"):
        check_order([level("b", 2, higher), level("a", 1, lower)])


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        (sales(20), sales(21)),
        (SALES_OR_ORDERS, SALES_AND_ORDERS),
        (sales(20), Conditions(Match.ALL, {M.ORDERS: 1})),
        (SALES_OR_ORDERS, sales(1000_00)),
        (Conditions(), sales(1)),
        (sales(20), Conditions()),
    ],
)
def test_a_higher_level_that_asks_for_more_or_else_is_taken(lower, higher):
    check_order([level("a", 1, lower), level("b", 2, higher)])
