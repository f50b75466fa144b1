"""The days before today kept summed: always what the days say, and gone when one changes."""

import random
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.core.db import db, run_unit, transaction
from app.core.rows import insert_all
from app.reports import figures
from app.reports.figures import MEASURES, SPANS, DailyFigure, Dimension, queries
from app.reports.figures.models import SPAN_MEASURES, FigureDay, FigureSpan, SpanFigure
from tests.factories import (
    NOON,
    bind,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    paid_order,
)

TODAY = NOON.date()
DAY = timedelta(days=1)
SELLER = Dimension.DISTRIBUTOR
LIMIT = 3


@pytest.fixture
def days(session):
    """A week of twenty distributors, as the nightly job leaves it."""
    chance = random.Random(8)
    rows = [
        dict.fromkeys(MEASURES, 0)
        | {"dimension": SELLER, "day": TODAY - back * DAY, "key_id": key}
        | {name: chance.randrange(900) for name in SPAN_MEASURES}
        for back in range(1, 8)
        for key in chance.sample(range(1, 21), 9)
    ]
    with transaction():
        insert_all(DailyFigure, rows)
        db.session.add_all(FigureDay(day=TODAY - back * DAY, built_at=NOON) for back in range(1, 8))
    run_unit(figures.rebuild_span, SPANS[0], now=NOON)


def _leaders(first, measures, **where):
    return figures.by_key(SELLER, first, TODAY, now=NOON, limit=LIMIT, measures=measures, **where)


@pytest.mark.parametrize("back", [SPANS[0], SPANS[0] - 1])
def test_who_leads_with_today_is_who_leads_by_plain_sums(days, monkeypatch, back):
    first = TODAY - back * DAY
    stored = {
        key: figures.Sums(**{name: int(n) for name, n in zip(SPAN_MEASURES, values, strict=True)})
        for key, *values in db.session.execute(
            sa.select(
                DailyFigure.key_id,
                *(sa.func.sum(getattr(DailyFigure, name)) for name in SPAN_MEASURES),
            )
            .where(DailyFigure.day >= first)
            .group_by(DailyFigure.key_id)
        )
    }
    chance = random.Random(3)
    for most in (1, 50, 400, 3000, 9000):
        # Somebody new sells as well, and somebody has only people who came.
        live = {key: {"sales_fen": chance.randrange(most)} for key in chance.sample(range(25), 12)}
        live[30] = {"members": 2}
        monkeypatch.setattr(queries.Live, "rows", lambda *_, live=live: live)
        sums = {
            key: stored.get(key, figures.Sums()) + figures.Sums(**live.get(key, {}))
            for key in {*stored, *live}
        }
        plain = sorted(sums.items(), key=lambda item: (-item[1].sales_fen, item[0]))[:LIMIT]

        assert _leaders(first, SPAN_MEASURES) == plain


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_leading_sellers_are_those_of_every_seller(days, is_kept):
    """Somebody leads by the past alone, by today alone, and by both."""
    make_plan()
    sku = make_sku(price_fen=1_00)
    sellers = [make_distributor() for _ in range(8)]
    for count, seller in enumerate(sellers[2:], 1):
        buyer = make_member()
        bind(buyer, seller)
        for pieces in (count, 2):
            paid_order(buyer, sku, pieces, now=NOON - timedelta(minutes=1))
    last = sellers[-1].id
    rows = [
        dict.fromkeys(MEASURES, 0)
        | {"dimension": SELLER, "day": TODAY - 2 * DAY, "key_id": key, "sales_fen": 9_000_00 + key}
        for key in (sellers[0].id, last)
    ]
    with transaction():
        db.session.execute(sa.delete(DailyFigure))
        insert_all(DailyFigure, rows)
    run_unit(figures.rebuild_span, SPANS[0], now=NOON)
    if not is_kept:
        with transaction():
            db.session.execute(sa.delete(FigureSpan))
    first = TODAY - SPANS[0] * DAY

    found = figures.leading_sellers(first, TODAY, now=NOON, limit=LIMIT)

    assert found == _leaders(first, figures.SELLER_MEASURES)
    assert [key for key, _ in found[:2]] == [last, sellers[0].id]
    assert [row.orders for _, row in found] == [2, 0, 2]


def test_a_span_is_read_while_its_days_are_as_they_were(days):
    first = TODAY - SPANS[0] * DAY
    with transaction():
        db.session.execute(sa.update(SpanFigure).values(sales_fen=7))
    kept = _leaders(first, SPAN_MEASURES)

    run_unit(figures.rebuild, TODAY - 2 * DAY, now=NOON)

    assert {row.sales_fen for _, row in kept} == {7}
    assert db.session.scalars(sa.select(FigureSpan.days)).all() == []
    # All measures are never kept, so these are summed from the days.
    names = [(key, row.sales_fen) for key, row in _leaders(first, MEASURES)]
    assert [(key, row.sales_fen) for key, row in _leaders(first, SPAN_MEASURES)] == names


def test_the_job_sums_the_spans_that_end_yesterday(days):
    figures.refresh(NOON)

    found = db.session.execute(sa.select(FigureSpan.days, FigureSpan.last)).all()
    assert sorted(found) == [(count, TODAY - DAY) for count in SPANS]


def test_nothing_is_summed_before_yesterday_is_known(days):
    run_unit(figures.rebuild_span, SPANS[1], now=NOON + DAY)

    assert db.session.scalars(sa.select(FigureSpan.days)).all() == [SPANS[0]]
