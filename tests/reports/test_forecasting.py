"""Forecasts with their error, and what they suggest to order."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.core.clock import local
from app.core.db import db, transaction
from app.jobs import runner
from app.reports import forecasting, restocking
from app.reports.figures import MEASURES, DailyFigure, Dimension
from app.reports.forecasting import SkuForecast, TooLittleHistory
from tests.factories import NOON, make_sku

# Monday to Sunday, twice as much at its end.
WEEK = [10, 10, 10, 10, 10, 20, 20]


def sold(values: list[int], *, dimension=Dimension.ALL, key_id=0, measure="sales_fen") -> None:
    """What was sold on the days up to yesterday, as the read model has it."""
    yesterday = local(NOON).date() - timedelta(days=1)
    with transaction():
        if dimension is not Dimension.ALL:
            # A day that is not stored yet would be summed live.
            whole = {**dict.fromkeys(MEASURES, 0), "key_id": 0, "day": yesterday}
            db.session.execute(sa.insert(DailyFigure), [whole | {"dimension": Dimension.ALL}])
        db.session.execute(
            sa.insert(DailyFigure),
            [
                {
                    **dict.fromkeys(MEASURES, 0),
                    "dimension": dimension,
                    "key_id": key_id,
                    "day": yesterday - timedelta(days=len(values) - 1 - at),
                    measure: value,
                }
                for at, value in enumerate(values)
            ],
        )


def test_a_weekly_pattern_goes_on_and_its_error_is_said(session):
    sold([fen * 100 for fen in WEEK] * 8)

    found = forecasting.of_sales(NOON, ahead=7)

    assert [round(fen / 100) for fen in found.values] == WEEK
    assert found.days[0] == local(NOON).date()
    assert (found.error_bps, found.naive_bps) == (0, 0)
    assert found.in_words.startswith("用最近四周检验，预测与实际平均相差 0%")


def test_under_six_weeks_nothing_is_forecast(session):
    sold(WEEK * 5 + WEEK[:6])

    with pytest.raises(TooLittleHistory, match=r"至少 6 周（42 天）.*只有 41 天"):
        forecasting.of_sales(NOON)


@pytest.mark.parametrize(
    ("values", "ahead", "first"), [([0] * 42, 3, 0), ([5] * 42, 3, 5), ([9, 0, 0] * 14, 7, None)]
)
def test_forecasts_are_whole_and_never_below_nothing(values, ahead, first):
    found = forecasting.predict(values, ahead)

    assert len(found) == ahead
    assert all(isinstance(value, int) and value >= 0 for value in found)
    assert first is None or found[0] == first


def suggestion(sku):
    return restocking.suggest([sku], cover_days=14, now=NOON)[sku.id]


def test_a_suggestion_is_the_forecast_with_the_reserve_less_the_stock(session):
    sku = make_sku(stock=3)
    with transaction():
        db.session.execute(sa.update(type(sku)).values(warn_below=5))
    db.session.refresh(sku)
    sold(WEEK * 8, dimension=Dimension.SKU, key_id=sku.id, measure="units")

    assert runner.run_by_hand("forecast", as_of=NOON, started_by="test").result == {
        "due": 1,
        "kept": 1,
    }
    assert runner.run_by_hand("forecast", as_of=NOON, started_by="test").result == {"due": 0}

    found = suggestion(sku)
    assert (found.stock, found.days_left, found.suggested) == (3, 0, 180 + 5 - 3)
    assert found.reasoning == (
        "按销量预测（误差约 0%），未来 14 天约卖 180 件，加上预警值 5 件，减去现有 3 件"
    )


def test_without_six_weeks_the_average_of_four_is_taken(session):
    sku = make_sku(stock=2)
    sold([2] * 28, dimension=Dimension.SKU, key_id=sku.id, measure="units")

    found = suggestion(sku)

    assert (found.days_left, found.suggested) == (1, 28 + sku.warn_below - 2)
    assert found.reasoning.startswith("销售记录不足 6 周，按近 28 天平均，未来 14 天约卖 28 件")


def test_what_nobody_buys_is_not_ordered(session):
    found = suggestion(make_sku(stock=0))

    assert (found.days_left, found.suggested) == (None, 0)
    assert found.reasoning.endswith("没有销量，不建议补货")


def test_a_forecast_of_last_week_is_not_used_any_more(session):
    sku = make_sku()
    with transaction():
        old = local(NOON).date() - timedelta(days=8)
        db.session.add(SkuForecast(sku_id=sku.id, starts_on=old, units=[9] * 90, error_bps=0))

    assert "平均" in suggestion(sku).reasoning
