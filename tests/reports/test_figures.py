"""The shop by day: equal to the facts, and what late news does to it."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app import interests, outbox
from app.commission import Commission
from app.core.db import db, run_unit, transaction
from app.jobs import runner, tasks
from app.reports import figures
from app.reports.figures import MEASURES, Dimension, Sums
from app.reports.figures.facts import PARTS
from app.reports.figures.queries import Live
from tests.aftersales.steps import sale
from tests.factories import (
    NOON,
    bind,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    paid_order,
)

TODAY = date(2026, 11, 21)
DAY = timedelta(days=1)


def on(day: date, *, now, **where) -> Sums:
    return figures.by_day(day, day, now=now, **where)[day]


@pytest.fixture
def trade(session):
    """A sale of two and one of one by way of a distributor, with a visitor."""
    make_plan()
    seller = make_distributor()
    buyer = make_member()
    bind(buyer, seller)
    sku = make_sku(price_fen=100_00, cost_fen=40_00)
    paid_order(buyer, sku, 2, now=NOON)
    paid_order(buyer, sku, 1, now=NOON + timedelta(hours=1))
    with transaction():
        interests.came({(TODAY, buyer.id): NOON})
    return seller, buyer, sku


def test_today_is_summed_live_and_a_day_later_stored_with_the_same_sums(trade):
    seller, _, sku = trade
    day = NOON.date()
    live = on(day, now=NOON + timedelta(hours=2))

    assert runner.run_by_hand("figures", as_of=NOON + DAY, started_by="test").result == {"days": 1}

    stored = on(day, now=NOON + DAY)
    assert stored == live
    assert (stored.orders, stored.units, stored.sales_fen) == (2, 3, 300_00)
    assert (stored.cost_fen, stored.buyers, stored.first_buyers) == (120_00, 1, 1)
    assert (stored.visitors, stored.members, stored.distributors, stored.binds) == (1, 2, 1, 1)
    assert (stored.referred_orders, stored.commissions_fen) == (2, _booked())
    of = {"dimension": Dimension.DISTRIBUTOR, "key_id": seller.id}
    mine = on(day, now=NOON + DAY, **of)
    assert (mine.orders, mine.sales_fen, mine.members) == (2, 300_00, 1)
    one = on(day, now=NOON + DAY, dimension=Dimension.SKU, key_id=sku.id)
    assert (one.orders, one.units, one.sales_fen) == (2, 3, 300_00)
    there = on(day, now=NOON + DAY, dimension=Dimension.PROVINCE, key_id=33)
    assert (there.orders, there.units, there.sales_fen) == (2, 3, 300_00)


def _booked() -> int:
    return db.session.scalar(sa.text("SELECT SUM(amount_fen) FROM commissions"))


@pytest.mark.parametrize("is_filed", [False, True])
def test_what_was_settled_on_a_day_is_counted_filed_or_not(trade, is_filed):
    with transaction():
        db.session.execute(sa.update(Commission).values(mature_at=NOON))
    settled = tasks.sales.settle_all(NOON + DAY)
    if is_filed:
        tasks.sales.file_all()

    day = on(TODAY + DAY, now=NOON + 2 * DAY)

    assert (day.settled_orders, day.settled_fen) == (2, settled.amount_fen)
    assert settled.amount_fen == _booked()


def test_every_part_sums_to_the_whole(trade):
    facts = figures.facts_of(NOON.date())

    def whole(kind: Dimension, name: str) -> int:
        return sum(row.get(name, 0) for (found, _), row in facts.items() if found is kind)

    for kind in (Dimension.PRODUCT, Dimension.SKU, Dimension.PROVINCE):
        for name in ("units", "cost_fen", "returned_fen"):
            assert whole(kind, name) == whole(Dimension.ALL, name)
    assert whole(Dimension.PROVINCE, "sales_fen") == whole(Dimension.ALL, "sales_fen")
    paid = db.session.scalar(
        sa.text("SELECT SUM(payable_fen) FROM orders WHERE paid_at IS NOT NULL")
    )
    assert whole(Dimension.ALL, "sales_fen") == paid


def test_every_part_fills_what_it_says_and_nothing_else(trade):
    day = NOON.date()

    for part in PARTS:
        for (dimension, _), row in figures.facts_of(day, parts=[part]).items():
            assert row.keys() <= part.gives.get(dimension, frozenset()), dimension
    # Asked for part by part the day is what it is at once.
    live = Live(day, NOON + DAY)
    for (dimension, key), row in figures.facts_of(day).items():
        assert live.rows(dimension, MEASURES).get(key, {}) == row


def test_a_late_refund_changes_the_day_of_the_sale_and_counts_as_a_refund_on_its_own(session):
    sold = sale(received=True)
    day = NOON.date()
    figures.refresh(NOON + DAY)
    assert on(day, now=NOON + DAY).returned_fen == 0

    later = NOON + 2 * DAY
    sold.shop_refunds(30_00, now=later)
    found = figures.refresh(later + DAY)

    assert (found.days, found.again) == (3, 1)
    before, on_its_day = on(day, now=later + DAY), on(later.date(), now=later + DAY)
    assert (before.sales_fen, before.returned_fen, before.refunds_fen) == (100_00, 30_00, 0)
    assert (on_its_day.returned_fen, on_its_day.refunds, on_its_day.refunds_fen) == (0, 1, 30_00)


def test_a_payment_heard_of_after_midnight_is_a_sale_of_the_day_before(session):
    # 23:59 in Shanghai, heard of half an hour later when the day was closed.
    paid_at = NOON.replace(hour=15, minute=59)
    buyer, sku = make_member(now=paid_at), make_sku()
    figures.refresh(paid_at + timedelta(minutes=12))
    day = NOON.date()
    assert on(day, now=paid_at + timedelta(minutes=12)).orders == 0

    from tests.factories import notice_for, place_order, take

    order = place_order(buyer, sku, now=paid_at)
    take(notice_for(order, now=paid_at), now=paid_at + timedelta(minutes=30))
    outbox.drain(paid_at)
    figures.refresh(paid_at + timedelta(minutes=40))

    assert on(day, now=paid_at + timedelta(minutes=40)).orders == 1


def test_refreshing_again_finds_nothing_and_rebuilding_keeps_every_row(trade):
    figures.refresh(NOON + DAY)
    before = _rows()

    assert figures.refresh(NOON + 1.5 * DAY) == figures.Refreshed(0, 0)
    run_unit(figures.rebuild, NOON.date(), now=NOON + DAY)

    assert _rows() == before


def _rows() -> list[tuple]:
    db.session.rollback()
    query = sa.text("SELECT * FROM daily_figures ORDER BY dimension, day, key_id")
    return [tuple(row) for row in db.session.execute(query)]


def test_who_came_is_forgotten_and_still_counted(trade):
    figures.refresh(NOON + DAY)
    with transaction():
        db.session.execute(sa.text("DELETE FROM visitor_days"))

    run_unit(figures.rebuild, NOON.date(), now=NOON + DAY)

    assert on(NOON.date(), now=NOON + DAY).visitors == 1


def test_a_day_that_is_not_over_is_refused(session):
    with pytest.raises(ValueError, match="not over"):
        run_unit(figures.rebuild, NOON.date(), now=NOON)

    assert _rows() == []


def test_today_stands_beside_the_same_hours_of_yesterday_and_last_week(session):
    buyer, sku = make_member(now=NOON - 8 * DAY), make_sku()
    for back in (0, 1, 1, 7):
        paid_order(buyer, sku, now=NOON - back * DAY)
    # An hour later than now, so not within the same hours.
    paid_order(buyer, sku, now=NOON - 7 * DAY + timedelta(hours=1))

    found = figures.moments(NOON)

    orders = found["orders"]
    assert (orders.today, orders.yesterday, orders.last_week) == (1, 2, 1)
    assert (orders.to_yesterday, orders.to_last_week) == (-50, 0)
    assert found["sales_fen"].yesterday == 200_00
    assert found["members"].to_last_week is None


def test_the_leaders_count_what_they_sold_today(session):
    first, second = make_sku(price_fen=50_00), make_sku(price_fen=40_00)
    buyer = make_member(now=NOON - DAY)
    paid_order(buyer, first, now=NOON - DAY)
    paid_order(buyer, second, now=NOON - DAY)
    figures.refresh(NOON)
    paid_order(buyer, second, now=NOON)

    found = figures.by_key(
        Dimension.SKU, NOON.date() - DAY, NOON.date(), now=NOON + timedelta(hours=1), limit=1
    )

    assert [(key, row.sales_fen) for key, row in found] == [(second.id, 80_00)]


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [(3, 0, None), (3, 3, 0), (3, 2, 50), (1, 3, -66), (999, 1000, 0), (0, 5, -100)],
)
def test_changes_are_whole_percents_towards_zero(now, before, change):
    assert figures.percent(now, before) == change


def test_the_command_computes_past_days_anew(trade, app):
    ran = app.test_cli_runner().invoke(
        args=["reports", "rebuild", "--from", str(NOON.date()), "--to", str(NOON.date())]
    )

    assert (ran.exit_code, ran.output) == (0, "1 days\n")
