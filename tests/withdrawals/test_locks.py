"""While payouts are locked no money leaves, whatever was saved before."""

from datetime import date

import pytest

from app import withdrawals
from app.core.db import db, run_unit
from app.withdrawals import LockCause, WithdrawalStatus
from tests.factories import ADMIN, NOON
from tests.withdrawals.fakes import FakeTransfers, approved

S = WithdrawalStatus


def lock(cause=LockCause.BOOKS, detail="账不平", **given) -> bool:
    return run_unit(withdrawals.locks.lock, cause, detail, actor=ADMIN, now=NOON, **given)


def agree(ref: str = "admin:1") -> bool:
    actor = withdrawals.locks.audit.Actor(ref)
    return run_unit(withdrawals.locks.unlock, note="已核对", actor=actor, now=NOON)


def test_no_bill_is_made_while_payouts_are_locked(session):
    row, gateway = approved(), FakeTransfers()
    lock()

    with pytest.raises(withdrawals.PayoutsLocked):
        withdrawals.pay(row.id, gateway=gateway, now=NOON)

    assert (withdrawals.current_bill(row.id), gateway.sent) == (None, [])
    db.session.refresh(row)
    assert row.status is S.APPROVED


def test_a_bill_saved_before_the_lock_is_sent_after_it(session):
    row, gateway = approved(), FakeTransfers()
    bill = run_unit(withdrawals.prepare_bill, row.id, gateway=gateway, now=NOON)
    lock()

    assert withdrawals.send(bill.id, gateway=gateway, now=NOON) == "locked"
    assert withdrawals.ask(bill.id, gateway=gateway, now=NOON) == "locked"
    assert gateway.sent == []

    agree("admin:1")
    agree("admin:2")
    assert withdrawals.ask(bill.id, gateway=gateway, now=NOON) == "WAIT_USER_CONFIRM"
    assert len(gateway.sent) == 1


def test_a_new_reason_wants_two_people_anew(session):
    assert lock() is True
    agree("admin:1")
    assert lock() is False
    assert withdrawals.locks.current().first_by == "admin:1"

    assert lock(LockCause.INVARIANTS, "L2") is True

    held = withdrawals.locks.current()
    assert (held.cause, held.first_by) == (LockCause.INVARIANTS, "")


def test_what_a_restored_backup_asks_for_stays_asked(session):
    first, last = date(2026, 11, 20), date(2026, 11, 22)
    lock(LockCause.RECOVERY, "恢复", from_day=first, to_day=last)

    lock(LockCause.BOOKS, "账不平")

    held = withdrawals.locks.current()
    assert (held.cause, held.detail) == (LockCause.RECOVERY, "账不平")
    assert (held.from_day, held.to_day) == (first, last)
