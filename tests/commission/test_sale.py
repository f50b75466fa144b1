"""One sale through the services, to the fen, on both engines."""

from app import commission, ledger, orders
from app.core.db import run_unit
from app.jobs import tasks
from tests.factories import (
    NOON,
    broken_invariants,
    days,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    paid_order,
    received_order,
)
from tests.factories import bind as bind_to


def test_both_uplines_accrue_from_a_paid_order(session):
    top = make_distributor("林杰")
    near = make_distributor("陈梅", under=top)
    buyer = make_member("王芳")
    bind_to(buyer, near)
    make_plan()

    order = paid_order(buyer, make_sku(price_fen=128_00))

    rows = commission.commissions_of_order(order.id)
    assert [(r.member_id, r.depth, r.amount_fen, r.source) for r in rows] == [
        (near.id, 1, 12_80, "default"),
        (top.id, 2, 6_40, "default"),
    ]
    assert ledger.wallet_of(near.id) == ledger.Wallet(pending_fen=12_80)
    assert ledger.wallet_of(top.id) == ledger.Wallet(pending_fen=6_40)
    assert ledger.system_balance_fen(ledger.AccountKind.ORDER_HOLD) == 108_80
    assert broken_invariants() == {}


def test_a_finished_order_settles_after_the_guard_and_not_before(session):
    near = make_distributor("陈梅")
    buyer = make_member("王芳")
    bind_to(buyer, near)
    make_plan()
    order = received_order(buyer, make_sku(price_fen=100_00))

    early = tasks.sales.settle(NOON + days(14), False)
    in_time = tasks.sales.settle(NOON + days(15), False)
    again = tasks.sales.settle(NOON + days(15), False)

    assert early == {"orders": 0, "rows": 0, "members": 0, "amount_fen": 0}
    assert in_time == {"orders": 1, "rows": 1, "members": 1, "amount_fen": 10_00}
    assert again == {"orders": 0, "rows": 0, "members": 0, "amount_fen": 0}
    assert ledger.wallet_of(near.id) == ledger.Wallet(available_fen=10_00)
    assert ledger.system_balance_fen(ledger.AccountKind.SHOP) == 90_00
    assert orders.order_by_number(order.number).status is orders.OrderStatus.FINISHED
    assert broken_invariants() == {}


def test_income_fills_a_debt_before_it_is_free(session):
    near = make_distributor("陈梅")
    buyer = make_member("王芳")
    bind_to(buyer, near)
    make_plan()

    def owe() -> None:
        ledger.post(
            "test:debt",
            event="claw_back",
            moves=[
                ledger.Move(
                    ledger.member(ledger.AccountKind.DEBT, near.id),
                    ledger.system(ledger.AccountKind.SHOP),
                    3_00,
                )
            ],
            now=NOON,
        )

    run_unit(owe)
    received_order(buyer, make_sku(price_fen=100_00))

    tasks.sales.settle(NOON + days(15), False)

    assert ledger.wallet_of(near.id) == ledger.Wallet(available_fen=7_00, debt_fen=0)
    assert broken_invariants() == {}
