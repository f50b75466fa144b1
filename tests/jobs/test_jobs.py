"""Runs: claimed once a slot, recorded whole, harmless when they are dry."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import ledger, orders, outbox, wechat, withdrawals
from app.audit.runs import TITLES, JobRun, RunStatus, request_run
from app.core import clock
from app.core.db import db, run_unit, transaction
from app.core.errors import NotFound
from app.jobs import runner
from app.jobs.tasks import JOBS, Job, RowsFailed
from app.ledger import Wallet
from app.orders import OrderStatus
from app.withdrawals import MerchantShort, WithdrawalStatus
from tests.aftersales.fakes import FakeRefunds
from tests.factories import (
    ADMIN,
    NOON,
    bind,
    broken_invariants,
    days,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    place_order,
    received_order,
)
from tests.orders.fakes import FakePay
from tests.planting import invert, plant
from tests.threads import together
from tests.withdrawals.fakes import FakeTransfers, approved

GUARD = NOON + days(15)


class FakeWeChat:
    def __init__(self) -> None:
        self.pay = FakePay()
        self.transfers = FakeTransfers()
        self.refunds = FakeRefunds()


@pytest.fixture
def gateways(monkeypatch) -> FakeWeChat:
    fake = FakeWeChat()
    monkeypatch.setattr(wechat, "current", lambda: fake)
    return fake


def run(name: str, *, now=NOON, dry_run: bool = False) -> JobRun:
    return runner.run_by_hand(name, as_of=now, dry_run=dry_run, started_by="test")


def runs() -> list[JobRun]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(JobRun).order_by(JobRun.id)))


def waiting_commission() -> int:
    near, buyer = make_distributor(), make_member()
    bind(buyer, near)
    make_plan()
    received_order(buyer, make_sku(price_fen=100_00))
    return near.id


# --- runs ------------------------------------------------------------------------


def test_a_slot_runs_once(session):
    calls = []
    job = Job("test-job", 60, lambda now, dry: calls.append(now) or {"done": 1})

    runner.run_slot(job, NOON)
    runner.run_slot(job, NOON + timedelta(seconds=59))
    runner.run_slot(job, NOON + timedelta(seconds=60))

    assert calls == [NOON, NOON + timedelta(seconds=60)]
    assert [(r.job, r.status, r.result) for r in runs()] == [
        ("test-job", RunStatus.DONE, {"done": 1})
    ] * 2


def test_a_run_keeps_who_when_and_what(session):
    with clock.fixed(NOON):
        found = runner.run_by_hand("verify-books", started_by="admin:7")

    assert (found.job, found.started_by, found.as_of) == ("verify-books", "admin:7", NOON)
    assert (found.started_at, found.ended_at) == (NOON, NOON)
    assert (found.status, found.is_dry_run, found.result, found.error) == (
        RunStatus.DONE,
        False,
        {"broken": 0},
        "",
    )
    assert found.slot.startswith("manual:")


def test_a_run_in_which_a_row_failed_is_marked_failed_with_its_counts(session):
    def task(now, dry):
        raise RowsFailed({"due": 3, "done": 2, "failed": 1})

    runner.run_slot(Job("test-job", 60, task), NOON)

    (found,) = runs()
    assert (found.status, found.error) == (RunStatus.FAILED, "1 rows failed")
    assert found.result == {"due": 3, "done": 2, "failed": 1}
    assert found.ended_at is not None


def test_a_run_that_broke_off_is_marked_failed_with_its_error(session):
    def task(now, dry):
        raise ZeroDivisionError("no luck")

    runner.run_slot(Job("test-job", 60, task), NOON)

    (found,) = runs()
    assert (found.status, found.error, found.result) == (
        RunStatus.FAILED,
        "ZeroDivisionError: no luck",
        {},
    )


def test_an_unknown_job_is_refused(session):
    with pytest.raises(NotFound, match="没有名为 clean-up 的任务"):
        run("clean-up")

    assert runs() == []


def test_each_job_has_a_title_and_a_period():
    assert list(JOBS) == [job.name for job in JOBS.values()]
    assert list(JOBS) == list(TITLES)
    assert all(job.seconds > 0 for job in JOBS.values())


@pytest.mark.parametrize("name", JOBS)
def test_a_dry_run_with_nothing_to_do_does_nothing(session, gateways, name):
    gateways.account = None

    found = run(name, dry_run=True)

    assert (found.status, found.is_dry_run) == (RunStatus.DONE, True)


# --- what they do ----------------------------------------------------------------


def test_one_bad_row_does_not_stop_the_others(session, gateways):
    first, second = (place_order(make_member(), make_sku()) for _ in range(2))
    close = gateways.pay.close
    bad = orders.open_payment(first.id).out_trade_no

    def break_on_first(number):
        if number == bad:
            raise ZeroDivisionError
        return close(number)

    gateways.pay.close = break_on_first

    found = run("expire-orders", now=NOON + days(1))

    assert (found.status, found.result) == (
        RunStatus.FAILED,
        {"due": 2, "closed": 1, "failed": 1},
    )
    assert (first.status, second.status) == (OrderStatus.CLOSING, OrderStatus.CLOSED)
    assert broken_invariants() == {}


def test_a_dry_settlement_changes_nothing(session):
    near = waiting_commission()

    found = run("settle", now=GUARD, dry_run=True)

    assert found.result == {"orders": 1, "rows": 0, "members": 0, "amount_fen": 0}
    assert ledger.wallet_of(near) == Wallet(pending_fen=10_00)
    assert broken_invariants() == {}


def test_an_order_that_cannot_finish_does_not_stop_the_settlement(session):
    first, second = waiting_commission(), waiting_commission()
    invert(
        150_00,
        source="order_hold",
        target="world_wx",
        key="planted",
        order_id=db.session.scalar(sa.select(sa.func.min(orders.Order.id))),
    )

    found = run("settle", now=GUARD)

    assert (found.status, found.error) == (RunStatus.FAILED, "1 rows failed")
    assert found.result == {"orders": 1, "rows": 1, "members": 1, "amount_fen": 10_00, "failed": 1}
    assert ledger.wallet_of(first) == Wallet(pending_fen=10_00)
    assert ledger.wallet_of(second) == Wallet(available_fen=10_00)


def test_a_dry_expiry_changes_nothing(session, gateways):
    order = place_order(make_member(), make_sku())

    found = run("expire-orders", now=NOON + days(1), dry_run=True)

    assert found.result == {"due": 1}
    assert order.status is OrderStatus.UNPAID
    assert gateways.pay.calls == []


def test_a_dry_payout_changes_nothing(session, gateways):
    row = approved(50_00)

    found = run("pay-withdrawals", dry_run=True)

    assert found.result == {"due": 1}
    assert row.status is WithdrawalStatus.APPROVED
    assert gateways.transfers.sent == []


def test_payments_without_a_notice_are_found_by_asking(session, gateways):
    order = place_order(make_member(), make_sku())
    orders.paying_sheet(order.id, description="茶", gateway=gateways.pay, now=NOON)
    gateways.pay.pay(orders.open_payment(order.id).out_trade_no)

    found = run("query-payments", now=NOON + timedelta(minutes=2))

    assert found.result == {"due": 1, "paid": 1}
    assert order.status is OrderStatus.PAID
    assert broken_invariants() == {}


def test_parcels_that_nobody_confirmed_are_received_after_ten_days(session):
    order = received_order(make_member(), make_sku())
    plant("UPDATE orders SET status = 'shipped', received_at = NULL, guard_ends_at = NULL")
    plant("DELETE FROM outbox WHERE topic = 'order_received'")

    early = run("receive-orders", now=NOON + days(10) - timedelta(seconds=1))
    in_time = run("receive-orders", now=NOON + days(10))

    assert (early.result, in_time.result) == ({"due": 0}, {"due": 1, "received": 1})
    assert order.guard_ends_at == NOON + days(25)


def test_approved_withdrawals_are_paid_and_asked_about(session, gateways):
    one, other = approved(50_00), approved(60_00)

    paid = run("pay-withdrawals")
    gateways.transfers.end(gateways.transfers.sent[0]["out_bill_no"], "SUCCESS")
    asked = run("query-transfers", now=NOON + timedelta(minutes=2))

    assert paid.result == {"due": 2, "WAIT_USER_CONFIRM": 2}
    assert asked.result == {"due": 2, "SUCCESS": 1, "WAIT_USER_CONFIRM": 1}
    assert (one.status, other.status) == (WithdrawalStatus.PAID, WithdrawalStatus.WAIT_CONFIRM)
    assert broken_invariants() == {}


def test_a_short_merchant_account_pauses_the_run(session, gateways):
    one, other = approved(50_00), approved(60_00)
    gateways.transfers.on_send = [MerchantShort("NOT_ENOUGH")]

    found = run("pay-withdrawals")

    assert found.result == {"due": 2, "merchant_short": 1, "paused": 1}
    assert len(gateways.transfers.sent) == 1
    assert (one.status, other.status) == (WithdrawalStatus.UNKNOWN, WithdrawalStatus.APPROVED)
    assert broken_invariants() == {}


def test_a_short_merchant_account_does_not_stop_the_questions(session, gateways):
    """A bill that never arrived is sent again by the query, and is short again."""
    short, fine = approved(50_00), approved(60_00)
    gateways.transfers.on_send = [MerchantShort("NOT_ENOUGH")]
    run("pay-withdrawals")
    run("pay-withdrawals")
    number = withdrawals.current_bill(fine.id).out_bill_no
    gateways.transfers.end(number, "SUCCESS")
    plant("UPDATE transfer_bills SET queried_at = NULL")
    gateways.transfers.on_send = [MerchantShort("NOT_ENOUGH")]

    found = run("query-transfers", now=NOON + timedelta(minutes=2))

    assert found.result["SUCCESS"] == 1
    assert (short.status, fine.status) == (WithdrawalStatus.UNKNOWN, WithdrawalStatus.PAID)
    assert broken_invariants() == {}


def test_verifying_finds_a_planted_error(session):
    sku = make_sku(stock=3)
    plant("UPDATE skus SET stock = 4 WHERE id = :i", i=sku.id)

    found = run("verify-books")

    assert (found.status, found.result) == (RunStatus.FAILED, {"failed": 1, "K2": 1})


# --- the command line ------------------------------------------------------------


def test_a_job_runs_as_of_a_time_in_shanghai(session, app):
    near = waiting_commission()

    ran = app.test_cli_runner().invoke(
        args=["jobs", "run", "settle", "--as-of", "2026-12-06T12:00:00"]
    )

    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.output) == {
        "job": "settle",
        "status": "done",
        "dry_run": False,
        "result": {"orders": 1, "rows": 1, "members": 1, "amount_fen": 10_00},
    }
    assert runs()[-1].as_of == GUARD
    assert ledger.wallet_of(near) == Wallet(available_fen=10_00)
    assert broken_invariants() == {}


def test_a_job_run_a_second_before_settles_nothing(session, app):
    near = waiting_commission()

    ran = app.test_cli_runner().invoke(
        args=["commissions", "settle", "--as-of", "2026-12-06T03:59:59+00:00"]
    )

    assert json.loads(ran.output)["result"]["rows"] == 0
    assert ledger.wallet_of(near) == Wallet(pending_fen=10_00)


def test_a_dry_job_on_the_command_line_changes_nothing(session, app):
    near = waiting_commission()

    ran = app.test_cli_runner().invoke(
        args=["jobs", "run", "settle", "--as-of", "2026-12-06T12:00:00", "--dry-run"]
    )

    assert (ran.exit_code, json.loads(ran.output)["dry_run"]) == (0, True)
    assert ledger.wallet_of(near) == Wallet(pending_fen=10_00)
    assert broken_invariants() == {}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["jobs", "run", "clean-up"], 1, "没有名为 clean-up 的任务"),
        (["jobs", "run", "settle", "--as-of", "tomorrow"], 2, "not an ISO 8601 time"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(session, app, arguments, code, words):
    ran = app.test_cli_runner().invoke(args=arguments)

    assert ran.exit_code == code
    assert words in ran.output
    assert runs() == []


def test_a_failed_job_ends_the_command_with_one(session, app):
    make_sku(stock=3)
    plant("UPDATE skus SET stock = 4")

    ran = app.test_cli_runner().invoke(args=["jobs", "run", "verify-books"])

    assert ran.exit_code == 1
    assert json.loads(ran.output)["error"] == "1 rows failed"


CODES = "B1 B2 C1 C2 C3 C4 C5 K2 L1 L2 L3 O1 O2 O3 P1 R1 R2 S1 T1 W1 W2 W3 W4 W5".split()


def test_verify_prints_every_invariant_as_json(session, app):
    ran = app.test_cli_runner().invoke(args=["ledger", "verify", "--json"])

    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.output) == {
        "ok": True,
        "invariants": dict.fromkeys(CODES, 0),
        "in_flight": 0,
        "oldest_seconds": 0,
    }


def test_verify_ends_with_one_on_a_planted_error(session, app):
    make_sku(stock=3)
    plant("UPDATE skus SET stock = 4")

    ran = app.test_cli_runner().invoke(args=["ledger", "verify", "--json"])

    assert ran.exit_code == 1
    found = json.loads(ran.output)
    assert (found["ok"], found["invariants"]["K2"], found["invariants"]["L1"]) == (False, 1, 0)


def test_verify_shows_people_what_is_wrong(session, app):
    sku = make_sku(stock=3)
    plant("UPDATE skus SET stock = 4")

    ran = app.test_cli_runner().invoke(args=["ledger", "verify"])

    assert ran.exit_code == 1
    assert "FAIL K2       1  stock is never below 0 and equals the sum of its moves" in ran.output
    assert f"sku={sku.id}, stock=4, moved=3" in ran.output
    assert "ok   L1       0" in ran.output


def test_verify_tells_what_is_in_flight_and_how_old(session, app):
    outbox.subscribe("test_topic", "test.one", lambda subject, now: None)
    try:
        run_unit(outbox.publish, "test_topic", 7, now=NOON)
    finally:
        outbox.service._subscribers.pop(("test_topic", "test.one"))

    with clock.fixed(NOON + timedelta(seconds=90)):
        ran = app.test_cli_runner().invoke(args=["ledger", "verify", "--json"])

    found = json.loads(ran.output)
    assert (found["ok"], found["in_flight"], found["oldest_seconds"]) == (True, 1, 90)


# --- at once ---------------------------------------------------------------------


@pytest.mark.mariadb_only
def test_of_schedulers_at_once_one_runs_the_slot(live):
    calls = []
    job = Job("test-job", 60, lambda now, dry: calls.append(now) or {})

    together(live, [lambda: runner.run_slot(job, NOON)] * 6)

    assert calls == [NOON]
    assert [r.status for r in runs()] == [RunStatus.DONE]


@pytest.mark.mariadb_only
def test_two_payout_runs_at_once_send_each_bill_once(live, gateways):
    for _ in range(3):
        approved(50_00)
    db.session.rollback()

    together(live, [lambda: run("pay-withdrawals")] * 3)

    assert len(gateways.transfers.sent) == 3
    assert len({body["out_bill_no"] for body in gateways.transfers.sent}) == 3
    assert broken_invariants() == {}


def test_a_requested_run_is_run_once_by_the_scheduler(session):
    with transaction():
        asked = request_run("settle", dry_run=True, actor=ADMIN, now=NOON)
    assert asked.status is RunStatus.REQUESTED

    runner.run_requested()
    runner.run_requested()

    (found,) = runs()
    assert (found.status, found.is_dry_run, found.as_of) == (RunStatus.DONE, True, NOON)
    assert found.result == {"orders": 0, "rows": 0, "members": 0, "amount_fen": 0}
    assert found.started_by == ADMIN.ref


def test_an_unknown_job_cannot_be_requested(session):
    with pytest.raises(NotFound), transaction():
        request_run("nothing", dry_run=False, actor=ADMIN, now=NOON)

    assert runs() == []


def test_idle_runs_are_removed_after_a_day_but_never_the_newest(session):
    quiet = Job("outbox", 5, lambda now, dry: {"delivered": 0})
    busy = Job("outbox", 5, lambda now, dry: {"delivered": 2})
    with clock.fixed(NOON):
        runner.run_slot(busy, NOON)
        runner.run_slot(quiet, NOON + timedelta(seconds=5))
        runner.run_slot(quiet, NOON + timedelta(seconds=10))

    early = run("tidy", now=NOON + timedelta(hours=23)).result
    late = run("tidy", now=NOON + timedelta(hours=25)).result

    assert (early["removed"], late["removed"]) == (0, 1)
    assert [r.result for r in runs() if r.job == "outbox"] == [{"delivered": 2}, {"delivered": 0}]
