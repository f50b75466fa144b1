"""A day's bills, requests and books: matched three ways; breaks lock payouts."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from app import ledger, orders, outbox, reconciliation, settings, withdrawals
from app.core.db import db, run_unit
from app.core.errors import InvalidInput, NotFound
from app.ledger import AccountKind, Move
from app.orders import Order, Payment
from app.reconciliation import (
    BillFile,
    BillKind,
    BillNotReady,
    BillRow,
    Break,
    BreakKind,
    DayState,
    FileState,
    ReconciledDay,
)
from app.reconciliation.queries import due_days
from app.withdrawals import LockCause
from tests.aftersales.fakes import FakeRefunds
from tests.aftersales.steps import Sale, refund_of, sale
from tests.factories import (
    ADMIN,
    ADMIN2,
    MCHID,
    NOON,
    days,
    give_available,
    make_member,
    make_sku,
    notice_for,
    paid_order,
    place_order,
    take,
)
from tests.reconciliation.files import DAY, Bills, Day
from tests.withdrawals.fakes import FakeTransfers, approved

MORNING = NOON + days(1)


@pytest.fixture
def bills(session) -> Bills:
    made = Bills()
    made.days[DAY] = Day()
    return made


def run(bills: Bills, *, day=DAY, now=MORNING) -> ReconciledDay:
    return reconciliation.reconcile(day, source=bills, mchid=MCHID, now=now)


def payment_of(order: Order) -> Payment:
    return db.session.execute(sa.select(Payment).filter_by(order_id=order.id)).scalar_one()


def a_payment(bills: Bills, *, in_bill: bool = True) -> Payment:
    found = payment_of(paid_order(make_member(), make_sku()))
    if in_bill:
        bills.days[DAY].payment(found.out_trade_no, found.transaction_id or "", 100_00)
    return found


def a_transfer(*, ends: str = "SUCCESS"):
    gateway, row = FakeTransfers(), approved(50_00)
    withdrawals.pay(row.id, gateway=gateway, now=NOON)
    bill = withdrawals.current_bill(row.id)
    assert bill is not None
    if ends:
        answer = gateway.end(bill.out_bill_no, ends)
        run_unit(withdrawals.report, answer, mchid=MCHID, now=NOON)
    # The test's own income is booked as WeChat's money, and no bill has it.
    return bill


def broken() -> list[tuple[BreakKind, str, int | None, int | None, int | None]]:
    """Open breaks but for the income that tests give: ledger, request, bill."""
    rows = db.session.scalars(sa.select(Break).where(Break.closed_at.is_(None)).order_by(Break.id))
    return [
        (row.kind, row.reference, row.ledger_fen, row.request_fen, row.bill_fen)
        for row in rows
        if not row.reference.startswith("test:give")
    ]


def the_lock():
    db.session.rollback()
    return withdrawals.locks.current()


def test_a_day_on_which_all_three_agree(bills):
    a_payment(bills)
    a_payment(bills)

    row = run(bills)

    assert (row.state, row.break_count, row.in_flight) == (DayState.AGREES, 0, 0)
    assert row.sums == {
        "payment": {
            "count": 2,
            "ledger_fen": 200_00,
            "request_fen": 200_00,
            "bill_fen": 200_00,
        },
        "refund": {"count": 0, "ledger_fen": 0, "request_fen": 0, "bill_fen": 0},
        "transfer": {"count": 0, "ledger_fen": 0, "request_fen": 0, "bill_fen": 0},
        "fee": {"count": 2, "bill_fen": -1_20},
    }
    assert the_lock() is None


def test_refunds_and_transfers_agree(bills):
    sold = sale()
    paid = payment_of(sold.order)
    back = refund_of(sold.refund(30_00))
    sent = a_transfer()
    day = bills.days[DAY].payment(paid.out_trade_no, paid.transaction_id or "", paid.amount_fen)
    day.refund(back.out_refund_no, back.refund_id, 30_00)
    day.transfer(sent.out_bill_no, sent.transfer_bill_no, 50_00)

    row = run(bills)

    assert broken() == []
    assert row.sums["refund"] == dict.fromkeys(
        ("ledger_fen", "request_fen", "bill_fen"), -30_00
    ) | {"count": 1}
    assert row.sums["transfer"]["bill_fen"] == row.sums["transfer"]["ledger_fen"] == -50_00


def test_what_a_balance_paid_and_got_back_is_in_no_bill(bills):
    run_unit(settings.change, "order.balance_pay_on", True, actor=ADMIN, now=NOON)
    buyer = make_member()
    give_available(buyer, 100_00, now=NOON - days(2))
    order = place_order(buyer, make_sku(price_fen=100_00), now=NOON)
    run_unit(orders.balance.pay, buyer.id, order.id, now=NOON)
    outbox.drain(NOON)
    sold = Sale(order, buyer, buyer, buyer, FakeRefunds())
    sold.agree(sold.ask(fen=30_00))

    run(bills)

    assert broken() == []


def test_a_transfer_is_found_by_wechats_number_as_well(bills):
    sent = a_transfer()
    bills.days[DAY].transfer("", sent.transfer_bill_no, 50_00)

    run(bills)

    assert broken() == []


def test_a_day_without_a_bill_agrees_with_nothing(bills):
    del bills.days[DAY]

    assert run(bills).state is DayState.AGREES
    states = db.session.scalars(sa.select(BillFile.state)).all()
    assert states == [FileState.EMPTY, FileState.EMPTY]


def test_what_the_bill_lacks_is_a_break_and_locks_payouts(bills):
    paid = a_payment(bills, in_bill=False)

    row = run(bills)

    assert row.state is DayState.BREAKS
    assert broken() == [(BreakKind.PAYMENT, paid.out_trade_no, 100_00, 100_00, None)]
    lock = the_lock()
    assert (lock.cause, lock.detail) == (LockCause.BOOKS, "2026-11-21 的微信账单有 1 处差异")


def test_what_only_the_bill_has_is_a_break(bills):
    bills.days[DAY].payment("P999999", "42999", 88_00)

    run(bills)

    assert broken() == [(BreakKind.PAYMENT, "P999999", None, None, 88_00)]


def test_an_unknown_transfer_is_a_break(bills):
    bills.days[DAY].transfer("B999999", "13399", 50_00)

    run(bills)

    assert broken() == [(BreakKind.TRANSFER, "B999999", None, None, -50_00)]


def test_another_amount_is_a_break(bills):
    paid = a_payment(bills, in_bill=False)
    bills.days[DAY].payment(paid.out_trade_no, paid.transaction_id or "", 100_01)

    run(bills)

    assert broken() == [(BreakKind.PAYMENT, paid.out_trade_no, 100_00, 100_00, 100_01)]


def test_a_payment_that_we_hold_for_open_is_a_break(bills):
    order = place_order(make_member(), make_sku(), now=NOON)
    number = notice_for(order).out_trade_no
    bills.days[DAY].payment(number, "42001", 100_00)

    run(bills)

    assert broken() == [(BreakKind.PAYMENT, number, None, None, 100_00)]


def test_money_for_a_closed_order_agrees_by_its_own_posting(bills):
    order = place_order(make_member(), make_sku(), now=NOON)
    notice = notice_for(order)
    run_unit(orders.begin_close, order.id, actor=ADMIN, now=NOON)
    run_unit(orders.finish_close, order.id, now=NOON)
    take(notice)
    bills.days[DAY].payment(notice.out_trade_no, notice.transaction_id, 100_00)

    assert run(bills).state is DayState.AGREES


def test_a_payment_in_one_bill_only_is_a_break(bills):
    paid = a_payment(bills, in_bill=False)
    other = a_payment(bills)
    day = bills.days[DAY]
    day.in_trade(reconciliation.Sort.PAYMENT, paid.out_trade_no, paid.transaction_id or "", 100_00)
    day.in_flow("交易", "P888888", "42888", 7_00)

    run(bills)

    assert other.transaction_id not in str(broken())
    assert broken() == [
        (BreakKind.FLOW, "42888", None, None, 7_00),
        (BreakKind.FLOW, paid.transaction_id, None, None, 100_00),
    ]


def test_what_nobody_asked_for_is_a_break(bills):
    hold, world = (ledger.system(kind) for kind in (AccountKind.ORDER_HOLD, AccountKind.WORLD_WX))
    run_unit(ledger.post, "odd", event="odd", moves=[Move(world, hold, 5_00)], now=NOON)

    run(bills)

    assert broken() == [(BreakKind.LEDGER, "odd", 5_00, None, None)]


def test_a_gap_between_two_days_is_a_break(bills):
    bills.days[DAY].in_flow("充值", "", "1", 100_00)
    bills.days[DAY + days(1)] = Day(opening_fen=10_100_01).in_flow(
        "充值", "", "2", 1_00, NOON + days(1)
    )
    run(bills)

    run(bills, day=DAY + days(1), now=MORNING + days(1))

    assert broken() == [(BreakKind.GAP, "2026-11-22", None, 10_100_00, 10_100_01)]


def test_a_refund_under_way_waits_without_a_break_for_three_days(bills):
    sold = sale()
    paid = payment_of(sold.order)
    row = sold.ask(fen=30_00)
    sold.agree(row)
    sold.send(row)
    day = bills.days[DAY].payment(paid.out_trade_no, paid.transaction_id or "", paid.amount_fen)
    day.refund(refund_of(row).out_refund_no, "50301", 30_00)

    first = run(bills)
    assert (first.state, first.in_flight) == (DayState.AGREES, 1)
    assert due_days(MORNING) == [DAY]

    run(bills, now=NOON + days(4))
    assert broken() == [(BreakKind.REFUND, refund_of(row).out_refund_no, None, -30_00, -30_00)]


def test_a_break_closes_itself_once_it_agrees(bills):
    order = place_order(make_member(), make_sku(), now=NOON)
    notice = notice_for(order)
    bills.days[DAY].payment(notice.out_trade_no, notice.transaction_id, 100_00)
    run(bills)
    take(notice)

    row = run(bills)

    assert (row.state, broken()) == (DayState.AGREES, [])
    [found] = db.session.scalars(sa.select(Break))
    assert (found.closed_by, found.reason) == ("system:reconcile", "复核时已对上")
    # Who unlocks are two people, not the machine.
    assert the_lock() is not None


def test_a_closed_break_stays_closed_until_its_amounts_change(bills):
    paid = a_payment(bills, in_bill=False)
    run(bills)
    [found] = db.session.scalars(sa.select(Break))
    run_unit(reconciliation.close_break, found.id, reason="次日到账", actor=ADMIN, now=MORNING)
    assert run(bills).state is DayState.AGREES

    with_other = Day().payment(paid.out_trade_no, paid.transaction_id or "", 90_00)
    forget(DAY)
    bills.days[DAY] = with_other
    run(bills)

    assert broken() == [(BreakKind.PAYMENT, paid.out_trade_no, 100_00, 100_00, 90_00)]


def forget(day) -> None:
    """As if its bills were never here."""

    def work() -> None:
        db.session.execute(sa.delete(BillRow))
        db.session.execute(sa.delete(BillFile).where(BillFile.day == day))

    run_unit(work)


def test_a_break_is_closed_with_a_reason_only(bills):
    a_payment(bills, in_bill=False)
    run(bills)
    [found] = db.session.scalars(sa.select(Break))

    with pytest.raises(InvalidInput):
        run_unit(reconciliation.close_break, found.id, reason=" ", actor=ADMIN, now=MORNING)
    with pytest.raises(NotFound):
        run_unit(reconciliation.close_break, 404, reason="x", actor=ADMIN, now=MORNING)

    assert len(broken()) == 1


def test_a_refused_file_leaves_no_row_and_is_tried_again(bills):
    a_payment(bills)
    good = bills.days[DAY].raw(BillKind.FLOW)
    assert good is not None
    bills.files[BillKind.FLOW, DAY] = replace(good, content=good.content[:-9])

    row = run(bills)

    assert row.state is DayState.REFUSED
    [file] = db.session.scalars(sa.select(BillFile).filter_by(kind=BillKind.FLOW))
    assert file.reason == "摘要与微信给出的不一致，文件可能被截断或改动"
    assert db.session.scalar(sa.select(sa.func.count()).where(BillRow.file_id == file.id)) == 0
    assert due_days(MORNING) == [DAY]

    bills.files.clear()
    assert run(bills).state is DayState.AGREES


def test_a_bill_that_is_not_there_yet_changes_nothing(bills):
    bills.files[BillKind.TRADE, DAY] = BillNotReady()

    with pytest.raises(BillNotReady):
        run(bills)

    assert db.session.scalar(sa.select(sa.func.count(ReconciledDay.id))) == 0


def test_a_bill_is_fetched_once(bills):
    a_payment(bills)
    run(bills)
    run(bills)

    assert len(bills.asked) == 2
    assert db.session.scalar(sa.select(sa.func.count(BillRow.id))) == 3


def test_missed_days_are_due_from_ten_in_the_morning(bills):
    a_payment(bills)
    before_ten = NOON + days(3) - days(1) / 8

    assert due_days(NOON + days(3)) == [DAY, DAY + days(1), DAY + days(2)]
    assert due_days(before_ten) == [DAY, DAY + days(1)]
    run(bills)
    assert due_days(before_ten) == [DAY + days(1)]


def test_two_people_unlock_once_no_break_is_open(bills):
    a_payment(bills, in_bill=False)
    run(bills)

    def agree(actor, note="已逐笔核对") -> bool:
        return run_unit(reconciliation.unlock, note=note, actor=actor, now=MORNING)

    with pytest.raises(reconciliation.BreaksOpen):
        agree(ADMIN)
    [found] = db.session.scalars(sa.select(Break))
    run_unit(reconciliation.close_break, found.id, reason="次日到账", actor=ADMIN, now=MORNING)
    with pytest.raises(InvalidInput):
        agree(ADMIN, note=" ")
    assert agree(ADMIN) is False
    with pytest.raises(withdrawals.SameUnlocker):
        agree(ADMIN)
    assert the_lock() is not None
    assert agree(ADMIN2) is True
    assert the_lock() is None
    with pytest.raises(withdrawals.PayoutsNotLocked):
        agree(ADMIN)
