"""After a restored backup nothing is paid out until WeChat's word on all since is here."""

import json
from types import SimpleNamespace

import pytest

from app import reconciliation, wechat, withdrawals
from app.audit.runs import RunStatus
from app.core import clock
from app.core.db import db, run_unit
from app.jobs import runner
from app.withdrawals import LockCause
from tests.aftersales.fakes import FakeRefunds
from tests.factories import ADMIN, NOON, days, make_member, make_sku, place_order
from tests.orders.fakes import FakePay
from tests.reconciliation.files import DAY, Bills, Day
from tests.withdrawals.fakes import FakeTransfers, approved

TODAY = NOON + days(1)
TOMORROW = NOON + days(2)


@pytest.fixture
def gateways(session, monkeypatch):
    fake = SimpleNamespace(
        pay=FakePay(), transfers=FakeTransfers(), refunds=FakeRefunds(), bills=Bills()
    )
    monkeypatch.setattr(wechat, "current", lambda: fake)
    return fake


def recover(gateways, now=TODAY, since=NOON) -> reconciliation.Recovered:
    return reconciliation.recover(
        since,
        source=gateways.bills,
        payments=gateways.pay,
        refunds=gateways.refunds,
        transfers=gateways.transfers,
        actor=ADMIN,
        now=now,
    )


def unlock(ref: str) -> bool:
    actor = withdrawals.locks.audit.Actor(ref)
    return run_unit(reconciliation.unlock, note="已核对", actor=actor, now=TOMORROW)


def test_recovering_locks_and_asks_and_waits_for_todays_bill(gateways):
    place_order(make_member(), make_sku(), now=NOON)
    row = approved()
    run_unit(withdrawals.prepare_bill, row.id, gateway=gateways.transfers, now=NOON)

    # The test's own income of the day before is in no bill.
    first = recover(gateways, since=TODAY)

    assert sum(first.asked["payments"].values()) == 1
    # What is saved is asked about and not sent.
    assert first.asked["transfers"] == {"locked": 1}
    assert gateways.transfers.sent == []
    assert (first.days, first.missing) == ({"2026-11-22": "not_ready"}, ["2026-11-22"])
    with pytest.raises(reconciliation.DaysMissing):
        unlock("admin:1")
    held = withdrawals.locks.current()
    assert (held.cause, held.first_by) == (LockCause.RECOVERY, "")


def test_a_second_run_goes_on_and_then_two_people_unlock(gateways):
    recover(gateways)

    again = recover(gateways, TOMORROW)

    assert (again.days, again.missing) == ({"2026-11-22": "agrees"}, [])
    assert again.is_clean
    assert (unlock("admin:1"), unlock("admin:2")) == (False, True)


def test_a_transfer_that_the_backup_does_not_know_keeps_the_lock(gateways):
    gateways.bills.days[DAY] = Day().transfer("B20261121999", "13399", 50_00)
    recover(gateways)

    again = recover(gateways, TOMORROW)

    assert (again.open_breaks, again.missing) == (1, ["2026-11-21"])
    with pytest.raises(reconciliation.BreaksOpen):
        unlock("admin:1")


def test_the_command_prints_what_it_found_and_fails_until_clean(app, gateways):
    with clock.fixed(TODAY):
        ran = app.test_cli_runner().invoke(args=["pay", "recover", "--since", NOON.isoformat()])
        late = app.test_cli_runner().invoke(args=["pay", "recover", "--since", "2027-01-01"])

    assert ran.exit_code == 1
    assert json.loads(ran.stdout)["missing"] == ["2026-11-22"]
    assert (late.exit_code, "future" in late.output) == (2, True)


def test_the_job_reconciles_what_is_due_and_fails_where_it_does_not_agree(gateways):
    place_order(make_member(), make_sku(), now=NOON)
    gateways.bills.days[DAY] = Day().payment("P9", "429", 1_00)

    found = runner.run_by_hand("reconcile", as_of=TOMORROW, started_by="test")

    assert found.status is RunStatus.FAILED
    assert found.result == {"due": 2, "breaks": 1, "agrees": 1, "failed": 1}
    assert withdrawals.locks.current().detail == "2026-11-21 的微信账单有 1 处差异"


def test_the_payout_job_waits_while_payouts_are_locked(gateways):
    approved()
    run_unit(withdrawals.locks.lock, LockCause.BOOKS, "账不平", actor=ADMIN, now=NOON)

    found = runner.run_by_hand("pay-withdrawals", as_of=NOON, started_by="test")

    assert (found.status, found.result) == (RunStatus.DONE, {"locked": 1})
    db.session.rollback()
    assert gateways.transfers.sent == []
