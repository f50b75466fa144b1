"""A day's bills over real HTTP, made by the sandbox of what it did."""

import json

import pytest

from app import reconciliation, wechat
from app.core import clock
from app.core.db import run_unit
from app.reconciliation import BillKind
from tests.aftersales.test_sandbox import agree, paid, status
from tests.stack import Stack, wait_for

__all__ = ["paid"]


def test_a_day_at_the_sandbox_agrees(stack: Stack, paid):
    row = agree(paid, 30_00)
    stack.job("send-refunds")
    wait_for(lambda: status(row) == "success")
    stack.control("/settings", bills_at_once=True)
    day = clock.local(clock.now()).date().isoformat()

    ran = stack.app.test_cli_runner().invoke(args=["pay", "reconcile", "--date", day])

    said = json.loads(ran.stdout)
    assert (ran.exit_code, said["state"], said["breaks"]) == (0, "agrees", 0), ran.output
    amounts = {
        kind: {said["sums"][kind][side] for side in ("ledger_fen", "request_fen", "bill_fen")}
        for kind in ("payment", "refund", "transfer")
    }
    assert amounts == {"payment": {100_00}, "refund": {-30_00}, "transfer": {0}}
    assert said["files"]["flow"] == {"state": "imported", "rows": 4}


def test_todays_bill_is_not_ready(stack: Stack):
    bills, today = wechat.current().bills, clock.local(clock.now()).date()

    with pytest.raises(reconciliation.BillNotReady):
        bills.fetch(BillKind.TRADE, today)

    stack.control("/settings", bills_at_once=True)
    assert bills.fetch(BillKind.TRADE, today) is None
    with pytest.raises(reconciliation.BillUnclear):
        bills._download("https://elsewhere.example.com/v3/billdownload/file")
    assert run_unit(reconciliation.open_breaks) == 0
