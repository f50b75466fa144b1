"""Paydays: what is told to distributors and what the settlement takes are one rule."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import commission, ledger, settings
from app.commission import Settled
from app.commission.cycles import Cycle, Rhythm
from app.core import clock
from app.core.db import run_unit
from app.core.errors import InvalidInput
from app.jobs import tasks
from app.ledger import Wallet
from app.settings.registry import SETTLE_CYCLE, SETTLE_MONTH_DAY, SETTLE_WEEKDAY
from tests.commission.ground import matured
from tests.factories import ADMIN, NOON, broken_invariants, days

W, M = Cycle.WEEKLY, Cycle.MONTHLY


@pytest.mark.parametrize(
    ("rhythm", "matures", "payday"),
    [
        (Rhythm(Cycle.MATURED), "2026-12-06T12:00", "2026-12-06T12:00"),
        (Rhythm(Cycle.DAILY), "2026-12-06T12:00", "2026-12-07T00:00"),
        (Rhythm(Cycle.DAILY), "2026-12-07T00:00", "2026-12-07T00:00"),
        # 2026-12-07 is a Monday.
        (Rhythm(W, weekday=1), "2026-12-06T12:00", "2026-12-07T00:00"),
        (Rhythm(W, weekday=1), "2026-12-07T00:00", "2026-12-07T00:00"),
        (Rhythm(W, weekday=1), "2026-12-07T00:01", "2026-12-14T00:00"),
        (Rhythm(W, weekday=7), "2026-12-06T12:00", "2026-12-13T00:00"),
        (Rhythm(M, month_day=5), "2026-12-06T12:00", "2027-01-05T00:00"),
        (Rhythm(M, month_day=5), "2026-12-04T23:59", "2026-12-05T00:00"),
        (Rhythm(M, month_day=31), "2027-02-10T08:00", "2027-02-28T00:00"),
        (Rhythm(M, month_day=31), "2028-02-28T08:00", "2028-02-29T00:00"),
        (Rhythm(M, month_day=31), "2027-02-28T00:01", "2027-03-31T00:00"),
        (Rhythm(M, month_day=30), "2027-01-30T00:01", "2027-02-28T00:00"),
    ],
)
def test_the_first_payday_from_the_maturity_on(rhythm, matures, payday):
    assert rhythm.payday(clock.parse(matures)) == clock.parse(payday)


moments = st.integers(0, 60 * 24 * 1100).map(lambda n: NOON + timedelta(minutes=n))
rhythms = st.builds(Rhythm, st.sampled_from(Cycle), st.integers(1, 7), st.integers(1, 31))


@given(rhythms, moments, st.integers(0, 60 * 24 * 70))
def test_a_run_takes_exactly_what_was_told_for_a_day_that_has_come(rhythm, matures, minutes):
    now = matures + timedelta(minutes=minutes)

    assert (rhythm.payday(matures) <= now) == (matures <= rhythm.cutoff(now))


def choose(**values: object) -> None:
    keys = {"cycle": SETTLE_CYCLE, "weekday": SETTLE_WEEKDAY, "month_day": SETTLE_MONTH_DAY}
    for name, value in values.items():
        run_unit(settings.change, keys[name].key, value, actor=ADMIN, now=NOON)


def test_commissions_settle_on_the_payday_and_not_before(session):
    choose(cycle="weekly", weekday="3")
    # Matures on Sunday, 2026-12-06 at noon: paid on Wednesday the 9th.
    near = matured(count=2)
    wednesday = clock.parse("2026-12-09T00:00")

    before = run_unit(commission.settle_chunk, wednesday - timedelta(seconds=1))
    assert before == (Settled(), None)
    assert commission.count_due(wednesday - timedelta(seconds=1)) == Settled()
    assert ledger.wallet_of(near.id) == Wallet(pending_fen=20_00)

    assert tasks.sales.settle_all(wednesday) == Settled(rows=2, members=1, amount_fen=20_00)
    assert ledger.wallet_of(near.id) == Wallet(available_fen=20_00)
    assert broken_invariants() == {}


def test_a_payday_that_was_slept_through_is_caught_up(session):
    choose(cycle="monthly", month_day=31)
    near = matured(count=1)

    # The last payday was 2026-12-31; nobody ran until the 20th of January.
    assert tasks.sales.settle_all(NOON + days(60)) == Settled(rows=1, members=1, amount_fen=10_00)

    assert ledger.wallet_of(near.id) == Wallet(available_fen=10_00)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (SETTLE_CYCLE.key, "hourly"),
        (SETTLE_WEEKDAY.key, "8"),
        (SETTLE_MONTH_DAY.key, 0),
        (SETTLE_MONTH_DAY.key, 32),
    ],
)
def test_a_rhythm_that_is_none_is_refused(session, key, value):
    before = commission.cycles.in_force()

    with pytest.raises(InvalidInput):
        run_unit(settings.change, key, value, actor=ADMIN, now=NOON)

    assert commission.cycles.in_force() == before == Rhythm(Cycle.MATURED)
