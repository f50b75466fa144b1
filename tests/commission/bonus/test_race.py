"""Bonuses that are posted or computed twice at once, on an engine with row locks."""

import pytest

from app import ledger
from app.commission import bonus
from app.commission.bonus.reviews import Done
from app.core.db import db, run_unit
from app.ledger import Wallet
from tests.commission.bonus.ground import (
    COMPUTED,
    IN_NOVEMBER,
    approve,
    give_shop,
    make_bonus,
    run_job,
    sell,
    the_run,
)
from tests.factories import ADMIN2, broken_invariants, make_distributor
from tests.threads import behind, together

pytestmark = pytest.mark.mariadb_only


def test_posting_twice_at_once_pays_once(live):
    give_shop(10_000_00)
    make_bonus()
    people = [make_distributor() for _ in range(2)]
    near_ids = [near.id for near in people]
    for near in people:
        sell(near, 600_00)
    run_job()
    run_id = the_run().id
    approve(the_run())
    db.session.rollback()

    def post() -> Done:
        return bonus.posting.post_chunk(run_id, actor=ADMIN2, now=COMPUTED)[0]

    second = behind(live, post, lambda: run_unit(post))

    assert second == Done()
    assert [ledger.wallet_of(near_id) for near_id in near_ids] == [Wallet(available_fen=18_00)] * 2
    assert broken_invariants() == {}


def test_two_jobs_compute_a_period_once(live):
    program_id = make_bonus().id
    sell(make_distributor(), 600_00)
    span = bonus.rules.span_at(bonus.rules.Period.MONTH, IN_NOVEMBER)
    db.session.rollback()

    found = together(
        live, [lambda: run_unit(bonus.runs.compute, program_id, span, now=COMPUTED)] * 2
    )

    assert sorted(found) == ["computed", "taken"]
    db.session.rollback()
    assert [row.rows for row in bonus.queries.tallies([the_run().id])[the_run().id].values()] == [1]
