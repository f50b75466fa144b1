"""Runs are reviewed by one person and posted by another."""

import pytest
import sqlalchemy as sa

from app import audit, distribution, ledger
from app.commission import bonus
from app.commission.bonus import BonusRun, ResultState
from app.commission.bonus.posting import OwnReview, ShopShort
from app.commission.bonus.reviews import Done
from app.core.db import db, run_unit, transaction
from app.core.errors import InvalidInput
from app.ledger import AccountKind, Posting
from tests.admin.desk import acts
from tests.commission.bonus.ground import (
    COMPUTED,
    approve,
    give_shop,
    make_bonus,
    paid,
    post,
    rows,
    run_job,
    sell,
    the_run,
    told,
)
from tests.factories import (
    ADMIN,
    ADMIN2,
    broken_invariants,
    distributor,
    make_distributor,
)

S = ResultState


def test_one_approves_and_another_posts_once(session):
    near = make_distributor("陈梅")

    run = paid(near, 1_000_00)

    assert ledger.wallet_of(near.id).available_fen == 50_00
    [row] = rows()
    assert (row.state, row.reviewed_by, row.standing_fen) == (S.POSTED, "admin:1", 50_00)
    [batch] = bonus.queries.batches_of(run.id)
    assert (batch.rows, batch.amount_fen, batch.posted_by) == (1, 50_00, "admin:2")
    [posting] = ledger.postings_of(("bonus_run", run.id))
    assert (posting.event, posting.reason) == ("bonus", "月度销售奖 2026-11")
    assert [entry.after for entry in acts("bonus.post")] == [{"rows": 1, "amount_fen": 50_00}]
    assert post(run) == Done()
    assert ledger.wallet_of(near.id).available_fen == 50_00
    assert broken_invariants() == {}


def computed(*members) -> BonusRun:
    give_shop(10_000_00)
    make_bonus()
    for member in members:
        sell(member, 600_00)
    run_job()
    return the_run()


def test_who_approved_does_not_post(session):
    run = computed(make_distributor())
    approve(run)

    with pytest.raises(OwnReview):
        bonus.posting.check_post(run.id, actor=ADMIN)
    assert post(run, actor=ADMIN) == Done()

    assert [row.state for row in rows()] == [S.APPROVED]
    assert db.session.scalars(sa.select(Posting).filter_by(event="bonus")).all() == []


def test_nobody_decides_about_their_own_bonus(session):
    mine, other = make_distributor(), make_distributor()
    run = computed(mine, other)
    self_admin = audit.Actor.admin(1, member_id=mine.id)
    self_poster = audit.Actor.admin(2, member_id=other.id)

    assert approve(run, actor=self_admin) == Done(1, 18_00)
    assert approve(run, [mine.id], actor=ADMIN) == Done(1, 18_00)
    assert post(run, actor=self_poster) == Done(1, 18_00)

    assert [row.state for row in rows()] == [S.POSTED, S.APPROVED]


def test_a_refusal_wants_a_reason_and_can_be_taken_back(session):
    near = make_distributor()
    run = computed(near)

    with pytest.raises(InvalidInput):
        refuse(run, near, "  ")
    assert told() == [(near.id, 600_00, 1, 18_00, S.COMPUTED, "")]
    assert refuse(run, near, "资料不全") == Done(1, 18_00)
    assert told() == [(near.id, 600_00, 1, 18_00, S.REFUSED, "资料不全")]
    assert acts("bonus.refuse")[0].reason == "资料不全"
    assert approve(run) == Done()
    assert approve(run, [near.id]) == Done(1, 18_00)
    assert told() == [(near.id, 600_00, 1, 18_00, S.APPROVED, "")]


def refuse(run, member, reason):
    return run_unit(
        bonus.reviews.refuse,
        run.id,
        [member.id],
        reason=reason,
        seen=1,
        actor=ADMIN,
        now=COMPUTED,
    )


def test_more_than_the_shop_earned_is_not_posted(session):
    near = make_distributor()
    make_bonus()
    sell(near, 600_00)
    run_job()
    approve(the_run())

    with pytest.raises(ShopShort):
        post(the_run())

    assert [row.state for row in rows()] == [S.APPROVED]
    assert ledger.wallet_of(near.id) == ledger.Wallet()


def test_whoever_is_suspended_meanwhile_is_paid_later(session):
    near, other = make_distributor(), make_distributor()
    run = computed(near, other)
    approve(run)
    found = distributor(near).id
    run_unit(distribution.suspend, found, reason="核查", actor=ADMIN, now=COMPUTED)

    assert post(run) == Done(1, 18_00)
    run_unit(distribution.restore, found, actor=ADMIN, now=COMPUTED)
    assert post(run) == Done(1, 18_00)

    assert ledger.wallet_of(near.id).available_fen == 18_00
    assert broken_invariants() == {}


def test_points_are_issued_and_chunks_go_on_where_the_last_ended(session):
    people = [make_distributor() for _ in range(3)]
    make_bonus(reward="points", steps=[{"from": 0, "bps": 100}])
    for member in people:
        sell(member, 600_00)
    run_job()
    run = the_run()
    approve(run)

    first, after = run_unit(bonus.posting.post_chunk, run.id, actor=ADMIN2, now=COMPUTED, limit=2)
    second, end = run_unit(
        bonus.posting.post_chunk, run.id, actor=ADMIN2, now=COMPUTED, after=after or 0, limit=2
    )

    assert (first, second, end) == (Done(2, 1200), Done(1, 600), None)
    balances = [ledger.balance_fen(AccountKind.POINTS, member.id) for member in people]
    assert balances == [600, 600, 600]
    assert broken_invariants() == {}


def test_a_bonus_fills_debt_first(session):
    near = make_distributor()
    run = computed(near)
    with transaction():
        ledger.post(
            "test:debt",
            event="claw_back",
            moves=[
                ledger.Move(
                    ledger.member(AccountKind.DEBT, near.id),
                    ledger.system(AccountKind.SHOP),
                    10_00,
                )
            ],
            now=COMPUTED,
        )
    approve(run)
    post(run)

    assert ledger.wallet_of(near.id) == ledger.Wallet(pending_fen=0, available_fen=8_00)
    assert broken_invariants() == {}
