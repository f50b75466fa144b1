"""After-sales that meet each other, settlements and withdrawals, on an engine with row locks."""

import pytest
import sqlalchemy as sa

from app import aftersales, commission, ledger, outbox, withdrawals
from app.aftersales import AfterSale, AfterSaleKind, AfterSaleStatus, AlreadyOpen, Refund, Wanted
from app.commission import Commission
from app.core.db import db, run_unit
from app.core.errors import IllegalMove
from app.jobs import tasks
from app.ledger import Posting
from app.withdrawals.errors import AboveBalance
from tests.aftersales.steps import sale, settle_news
from tests.factories import (
    ADMIN,
    ADMIN2,
    NOON,
    bind,
    broken_invariants,
    days,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    received_order,
)
from tests.threads import behind, together

pytestmark = pytest.mark.mariadb_only


def count(model) -> int:
    db.session.rollback()
    return db.session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()


def asked(member_id: int, order_id: int, line_id: int) -> int:
    return aftersales.apply(
        member_id,
        order_id,
        kind=AfterSaleKind.REFUND,
        wanted=[Wanted(line_id, 1)],
        reason="不想要了",
        now=NOON,
    ).id


def approve(row_id: int, actor) -> int:
    return aftersales.approve(row_id, actor=actor, now=NOON).id


def refunded(order_id: int, line_id: int, fen: int, now) -> int:
    return aftersales.refund_now(
        order_id,
        wanted=[Wanted(line_id, 0, fen)],
        freight_fen=0,
        reason="协商退款",
        actor=ADMIN,
        now=now,
    ).id


def test_twenty_taps_of_one_application_open_one(live):
    case = sale()
    member_id, order_id, line_id = case.buyer.id, case.order.id, case.line_id
    db.session.rollback()

    found = together(live, [lambda: run_unit(asked, member_id, order_id, line_id)] * 20)

    opened = [row for row in found if isinstance(row, int)]
    refused = [row for row in found if isinstance(row, AlreadyOpen)]
    assert (len(opened), len(refused)) == (1, 19), found
    assert count(AfterSale) == 1
    settle_news()
    assert broken_invariants() == {}


def test_two_admins_who_approve_at_once_refund_once(live):
    case = sale()
    row_id = case.ask(quantity=1).id
    db.session.rollback()

    second = behind(live, lambda: approve(row_id, ADMIN), lambda: run_unit(approve, row_id, ADMIN2))

    assert isinstance(second, IllegalMove)
    assert count(Refund) == 1
    booked = sa.select(sa.func.count()).where(Posting.event == "refund_approved")
    assert db.session.execute(booked).scalar_one() == 1
    settle_news()
    assert broken_invariants() == {}


def test_two_people_who_refund_the_same_order_at_once_refund_once(live):
    case = sale(received=True)
    order_id, line_id = case.order.id, case.line_id
    db.session.rollback()

    found = together(live, [lambda: run_unit(refunded, order_id, line_id, 60_00, NOON)] * 8)

    assert len([row for row in found if isinstance(row, int)]) == 1, found
    assert count(Refund) == 1
    settle_news()
    assert broken_invariants() == {}


def test_refunds_while_the_settlement_runs_leave_sound_books(live):
    """80 commissions of 20 members; a few of their orders are refunded meanwhile."""
    make_plan()
    sku = make_sku(price_fen=100_00, stock=1000)
    earners = [make_distributor(f"陈{n}") for n in range(20)]
    sales = []
    for n in range(80):
        buyer = make_member()
        bind(buyer, earners[n % 20])
        order = received_order(buyer, sku)
        sales.append((order.id, order.lines[0].id))
    later = NOON + days(16)
    db.session.rollback()

    def settle() -> object:
        return tasks.sales.settle(later, False)

    def give_back(order_id: int, line_id: int) -> None:
        run_unit(refunded, order_id, line_id, 50_00, later)
        outbox.drain(later, limit=20)

    found = together(
        live,
        [settle, settle] + [lambda pair=pair: give_back(*pair) for pair in sales[::8]],
    )

    assert [row for row in found if isinstance(row, Exception)] == []
    settle_news(later)
    db.session.rollback()
    # What waited for its after-sale stays held; the rest is settled, once.
    assert count(Commission) == 80
    standing = db.session.execute(
        sa.select(sa.func.sum(Commission.amount_fen - Commission.reversed_fen))
    ).scalar_one()
    assert standing == 70 * 10_00 + 10 * 5_00
    wallets = [ledger.wallet_of(member.id) for member in earners]
    assert sum(w.pending_fen + w.available_fen - w.debt_fen for w in wallets) == standing
    assert broken_invariants() == {}


def test_a_claw_back_that_meets_a_withdrawal_never_overdraws(live):
    case = sale(received=True)
    later = NOON + days(16)
    tasks.sales.settle(later, False)
    settle_news(later)
    near_id, order_id, line_id = case.near.id, case.order.id, case.line_id
    assert ledger.wallet_of(near_id).available_fen == 10_00
    run_unit(refunded, order_id, line_id, 100_00, later)
    db.session.rollback()

    def withdraw() -> int:
        return run_unit(
            withdrawals.request, near_id, amount_fen=10_00, request_key="tap", now=later
        ).id

    def claw_back() -> None:
        run_unit(commission.follow, order_id, cause="race", now=later)

    found = together(live, [withdraw, claw_back] * 4)
    settle_news(later)

    assert all(row is None or isinstance(row, int | AboveBalance) for row in found), found
    db.session.rollback()
    wallet = ledger.wallet_of(near_id)
    # Whoever came first: the money is either taken back, or owed.
    assert (wallet.available_fen, wallet.frozen_fen, wallet.debt_fen) in (
        (0, 0, 0),
        (0, 10_00, 10_00),
    )
    assert broken_invariants() == {}


def test_a_rejection_that_waits_for_an_approval_is_refused(live):
    case = sale()
    row_id = case.ask(quantity=1).id
    db.session.rollback()

    second = behind(
        live,
        lambda: approve(row_id, ADMIN),
        lambda: run_unit(aftersales.reject, row_id, reason="不行", actor=ADMIN2, now=NOON),
    )

    assert isinstance(second, IllegalMove)
    db.session.rollback()
    assert aftersales.aftersale_by_id(row_id).status is AfterSaleStatus.REFUNDING
    settle_news()
    assert broken_invariants() == {}
