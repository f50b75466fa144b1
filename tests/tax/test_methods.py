"""Every worked figure of compliance.md, and what holds for all others."""

import json
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidInput
from app.tax import Before, Method, quote_document, table_for, withhold

AMOUNTS = st.integers(min_value=0, max_value=200_000_00)


def taxes(method: str, *payments: tuple[str, int]) -> list[int]:
    listed = [{"month": month, "gross_fen": fen} for month, fen in payments]
    return quote_document({"method": method, "payments": listed})["tax_fen"]


def every_month(method: str, fen: int, months: int) -> list[int]:
    return taxes(method, *((f"2026-{month:02}", fen) for month in range(1, months + 1)))


@pytest.mark.parametrize(
    ("yuan", "tax_yuan"),
    [
        (0, 0),
        (800, 0),
        (1_000, 40),
        (4_000, 640),
        (5_000, 800),
        (6_000, 960),
        (10_000, 1_600),
        (25_000, 4_000),
        (50_000, 10_000),
        (62_500, 13_000),
        (80_000, 18_600),
        (100_000, 25_000),
    ],
)
def test_a_month_is_taxed_as_the_announcement_says(yuan, tax_yuan):
    assert taxes("monthly", ("2026-11", yuan * 100)) == [tax_yuan * 100]
    assert taxes("none", ("2026-11", yuan * 100)) == [0]


def test_payments_of_a_month_are_one_and_another_month_begins_anew():
    paid = [("2026-11", 3_000_00), ("2026-11", 3_000_00), ("2026-12", 3_000_00)]

    assert taxes("monthly", *paid) == [440_00, 520_00, 440_00]


@pytest.mark.parametrize(
    ("yuan", "expected"),
    [
        (5_000, [0, 0, 0]),
        (10_000, [90_00, 90_00, 90_00]),
        (20_000, [330_00, 330_00, 330_00]),
        (60_000, [1_780_00, 4_300_00, 4_300_00]),
    ],
)
def test_the_year_so_far_is_taxed_as_the_announcement_says(yuan, expected):
    assert every_month("cumulative", yuan * 100, 3) == expected


def test_a_month_without_pay_counts_and_a_year_begins_anew():
    # 20,000 less 4,000 and two, then three, times 5,000.
    paid = [("2026-01", 10_000_00), ("2026-03", 10_000_00), ("2027-01", 10_000_00)]

    assert taxes("cumulative", *paid) == [90_00, 0, 90_00]


@pytest.mark.parametrize(
    ("fen", "tax_fen"),
    [
        (800_02, 0),  # 0.4 fen
        (800_03, 1),  # 0.6
        (4000_01, 640_00),  # 64000.16
        (4000_04, 640_01),  # 64000.64
    ],
)
def test_half_a_fen_is_rounded_up_once(fen, tax_fen):
    assert taxes("monthly", ("2026-11", fen)) == [tax_fen]


def test_what_a_payment_cannot_bear_is_made_up_by_the_next():
    table = table_for(Method.MONTHLY, "2026-11")

    first = withhold(table, month="2026-11", gross_fen=1_00, before=Before(10_000_00, 0))
    second = withhold(table, month="2026-11", gross_fen=5_000_00, before=Before(10_001_00, 1_00))

    assert (first.total_fen, first.tax_fen) == (1_600_16, 1_00)
    assert second.tax_fen == 2_400_16 - 1_00


@given(st.lists(AMOUNTS, min_size=1, max_size=8))
def test_splitting_a_months_income_changes_nothing(parts):
    split = taxes("monthly", *(("2026-11", fen) for fen in parts))

    assert sum(split) == taxes("monthly", ("2026-11", sum(parts)))[0]
    assert all(0 <= tax <= fen for tax, fen in zip(split, parts))


@given(st.lists(AMOUNTS, min_size=1, max_size=12))
def test_a_years_tax_is_the_largest_that_any_month_came_to(parts):
    paid = [(f"2026-{month:02}", fen) for month, fen in enumerate(parts, 1)]
    table = table_for(Method.CUMULATIVE, "2026-01")
    sums = [
        withhold(table, month=month, gross_fen=fen, before=Before(0, 0, "2026-01")).total_fen
        for (month, _), fen in zip(paid, accumulate(parts))
    ]

    withheld = taxes("cumulative", *paid)

    assert [*accumulate(withheld)] == [*accumulate(sums, max)]
    assert all(0 <= tax <= fen for tax, fen in zip(withheld, parts))


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "document"),
        ({"method": "yearly", "payments": []}, "method"),
        ({"method": ["none"], "payments": []}, "method"),
        ({"method": "none"}, "payments"),
        ({"method": "none", "payments": "x"}, "payments"),
        ({"method": "none", "payments": [], "tax": 1}, "tax"),
        ({"method": "none", "payments": [1]}, "payments.0"),
        (
            {"method": "none", "payments": [{"month": "2026-13", "gross_fen": 1}]},
            "payments.0.month",
        ),
        ({"method": "none", "payments": [{"month": 202611, "gross_fen": 1}]}, "payments.0.month"),
        (
            {"method": "none", "payments": [{"month": "2026-11", "gross_fen": -1}]},
            "payments.0.gross_fen",
        ),
        (
            {"method": "none", "payments": [{"month": "2026-11", "gross_fen": True}]},
            "payments.0.gross_fen",
        ),
        (
            {"method": "none", "payments": [{"month": "2026-11", "gross_fen": 1, "x": 1}]},
            "payments.0.x",
        ),
        ({"method": "monthly", "payments": [{"month": "2018-12", "gross_fen": 1}]}, "month"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_by_name(document, field):
    with pytest.raises(InvalidInput) as refused:
        quote_document(document)

    assert refused.value.field == field


def test_the_command_prints_a_result_or_a_list(app, tmp_path):
    file = tmp_path / "payments.json"
    one = {"method": "monthly", "payments": [{"month": "2026-11", "gross_fen": 1_000_00}]}
    run = app.test_cli_runner().invoke

    file.write_text(json.dumps(one))
    assert json.loads(run(args=["tax", "quote", str(file)]).output) == {"tax_fen": [40_00]}
    file.write_text(json.dumps([one, {"method": "none", "payments": []}]))
    assert json.loads(run(args=["tax", "quote", str(file)]).output) == [
        {"tax_fen": [40_00]},
        {"tax_fen": []},
    ]
    file.write_text('{"method": "x"}')
    refused = run(args=["tax", "quote", str(file)])
    assert (refused.exit_code, refused.output) == (
        1,
        "Error: method: 应为 none、monthly 或 cumulative\n",
    )
