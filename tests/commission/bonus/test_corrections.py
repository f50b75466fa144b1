"""Refunds after a bonus was posted take the difference once."""

import pytest
import sqlalchemy as sa

from app import ledger
from app.aftersales import AfterSale, AfterSaleKind, AfterSaleStatus, Refund
from app.commission import bonus
from app.commission.bonus import BonusResult
from app.core.db import db, transaction
from app.jobs.tasks.base import RowsFailed
from app.ledger import AccountKind
from app.orders import Order, OrderLine, Payment
from tests.commission.bonus.ground import (
    COMPUTED,
    paid,
    refund,
    rows,
    run_job,
)
from tests.factories import (
    broken_invariants,
    days,
    make_distributor,
)


def spend(member_id: int, source: AccountKind, target: AccountKind, amount: int) -> None:
    with transaction():
        move = ledger.Move(ledger.member(source, member_id), ledger.system(target), amount)
        ledger.post("test:spent", event="manual", moves=[move], now=COMPUTED)


@pytest.mark.parametrize("spent_fen", [0, 45_00])
def test_a_late_refund_takes_the_difference_once(session, spent_fen):
    near = make_distributor()
    run = paid(near, 1_000_00)
    if spent_fen:
        spend(near.id, AccountKind.AVAILABLE, AccountKind.SHOP, spent_fen)
    late_refund(400_00)

    assert run_job(COMPUTED + days(1)) == {"blocked": 0, "corrected": 1}
    assert run_job(COMPUTED + days(2)) == {"blocked": 0}

    # 3 % of 600.00 now, not 5 % of 1,000.00.
    [row] = rows()
    assert (row.amount_fen, row.reversed_fen, row.standing_fen) == (50_00, 32_00, 18_00)
    [told_of] = bonus.corrections.corrections_of(row.id)
    assert (told_of.value, told_of.difference_fen, told_of.posted_fen) == (600_00, -32_00, -32_00)
    wallet = ledger.wallet_of(near.id)
    assert wallet.available_fen - wallet.debt_fen == 18_00 - spent_fen
    assert wallet.debt_fen == (27_00 if spent_fen else 0)
    assert [p.event for p in ledger.postings_of(("bonus_run", run.id))] == [
        "bonus",
        "bonus_reversed",
    ]
    assert {code for code in broken_invariants() if code in ("B1", "B2", "L1", "L2", "L3")} == set()


def late_refund(fen: int) -> None:
    """A refund of the one order, as `aftersales` books it, after the run was computed."""
    order = db.session.scalars(sa.select(Order)).one()
    payment = db.session.scalars(sa.select(Payment)).one()
    refund(order, fen)
    with transaction():
        sale = AfterSale(
            number=f"T{fen}",
            order_id=order.id,
            member_id=order.member_id,
            kind=AfterSaleKind.REFUND,
            status=AfterSaleStatus.SUCCESS,
            reason="不想要了",
            pictures=[],
            goods_fen=abs(fen),
            freight_fen=0,
            created_at=COMPUTED,
        )
        db.session.add(sale)
        db.session.flush()
        db.session.add(
            Refund(
                out_refund_no=f"R{fen}",
                order_id=order.id,
                payment_id=payment.id,
                aftersale_id=sale.id,
                amount_fen=abs(fen),
                total_fen=payment.amount_fen,
                reason="不想要了",
                next_at=COMPUTED,
                created_at=COMPUTED + days(1),
            )
        )


def test_a_job_that_stood_still_for_a_year_misses_no_refund_however_old_the_period(
    session, monkeypatch
):
    near = make_distributor()
    run = paid(near, 1_000_00)
    assert run_job(COMPUTED + days(1)) == {"blocked": 0}
    late_refund(400_00)
    # A run that fails does not say that it looked.
    with monkeypatch.context() as broken:
        broken.setattr(bonus.corrections, "correct", None)
        with pytest.raises(RowsFailed):
            run_job(COMPUTED + days(2))
    assert run.checked_at == COMPUTED + days(1)

    said = run_job(COMPUTED + days(400))

    assert (said["corrected"], rows()[0].standing_fen) == (1, 18_00)
    assert run.checked_at == COMPUTED + days(400)
    assert broken_invariants().keys().isdisjoint({"B1", "B2", "L1", "L2", "L3"})


def test_a_refund_that_was_closed_gives_back_no_more_than_was_posted(session):
    near = make_distributor()
    paid(near, 1_000_00)
    late_refund(400_00)
    run_job(COMPUTED + days(1))
    order_line = db.session.scalars(sa.select(OrderLine)).one()
    with transaction():
        order_line.refunded_fen = 0

    assert run_job(COMPUTED + days(2)) == {"blocked": 0, "corrected": 1}

    [row] = rows()
    assert (row.standing_fen, ledger.wallet_of(near.id).available_fen) == (50_00, 50_00)
    told_of = bonus.corrections.corrections_of(row.id)
    assert [c.difference_fen for c in told_of] == [-32_00, 32_00]


def test_points_that_were_spent_are_forgiven(session):
    near = make_distributor()
    paid(near, 1_000_00, reward="points", steps=[{"from": 0, "bps": 100}])
    spend(near.id, AccountKind.POINTS, AccountKind.POINTS_ISSUED, 900)
    late_refund(400_00)

    run_job(COMPUTED + days(1))

    [row] = rows()
    [told_of] = bonus.corrections.corrections_of(row.id)
    assert (row.standing_fen, told_of.difference_fen, told_of.posted_fen) == (600, -400, -100)
    assert ledger.balance_fen(AccountKind.POINTS, near.id) == 0


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("B1", sa.update(BonusResult).values(amount_fen=BonusResult.amount_fen + 1)),
        ("B1", sa.update(bonus.BonusBatch).values(amount_fen=1)),
        ("B2", sa.update(BonusResult).values(reversed_fen=1)),
    ],
)
def test_an_altered_row_is_found(session, code, change):
    paid(make_distributor(), 1_000_00)
    with transaction():
        db.session.execute(change)

    assert code in broken_invariants()
