"""Paying out, and seeing that the books are right."""

from datetime import date, datetime

import structlog

from app import (
    audit,
    ledger,
    reconciliation,
    wechat,
    withdrawals,
)
from app.core.db import db, run_unit
from app.jobs.tasks.base import Result, RowsFailed, each, until_short

log = structlog.get_logger()


def pay_withdrawals(now: datetime, dry_run: bool) -> Result:
    """Send the bills of approved withdrawals (提现打款)."""
    gateway = wechat.current().transfers
    if withdrawals.locks.current() is not None:
        return {"locked": len(withdrawals.due_to_pay())}
    pay = until_short(
        lambda row: withdrawals.pay(row, gateway=gateway, now=now), withdrawals.MerchantShort
    )

    def unless_locked(row_id: int) -> str:
        try:
            return pay(row_id)
        except withdrawals.PayoutsLocked:
            # Since a moment ago.
            return "locked"

    return each(withdrawals.due_to_pay(), unless_locked, dry_run)


def query_transfers(now: datetime, dry_run: bool) -> Result:
    """Ask WeChat about bills that did not end (补查转账)."""
    gateway = wechat.current().transfers

    def ask(bill_id: int) -> str:
        try:
            return withdrawals.ask(bill_id, gateway=gateway, now=now)
        except withdrawals.MerchantShort:
            # Only sending a bill again wants money; the others are asked about for free.
            return "merchant_short"

    return each(withdrawals.bills_to_query(now), ask, dry_run)


def query_grants(now: datetime, dry_run: bool) -> Result:
    """Ask WeChat about grants that wait for a word, and close what is to end (补查免确认授权)."""
    gateway = wechat.current().transfers.grants
    return each(
        withdrawals.grants.to_query(now),
        lambda row: withdrawals.granting.ask(row, gateway=gateway, now=now),
        dry_run,
    )


def reconcile(now: datetime, dry_run: bool) -> Result:
    """Match the bills of the days that are due, missed ones as well (微信对账)."""
    days = reconciliation.due_days(now)

    def match(day: date) -> str:
        gateway = wechat.current()
        try:
            row = reconciliation.reconcile(
                day, source=gateway.bills, mchid=gateway.pay.mchid, now=now
            )
        except reconciliation.BillNotReady:
            return "not_ready"
        except reconciliation.Superseded:
            return "taken"
        return row.state.value

    result = each(days, match, dry_run)
    # The run is marked failed, so that somebody looks.
    if wrong := result.get("breaks", 0) + result.get("refused", 0):
        raise RowsFailed({**result, "failed": wrong})
    return result


def verify_books(now: datetime, dry_run: bool) -> Result:
    """Check every invariant; payouts are locked where one is broken (账目校验)."""
    wrong = {r.code: r.offending for r in ledger.verify() if r.offending}
    db.session.rollback()
    if wrong:
        log.error("invariants_broken", **wrong)
        if not dry_run:
            run_unit(
                withdrawals.locks.lock,
                withdrawals.LockCause.INVARIANTS,
                f"账目校验没有通过：{'、'.join(sorted(wrong))}",
                actor=audit.Actor.system("verify-books"),
                now=now,
            )
        raise RowsFailed({"failed": sum(wrong.values()), **wrong})
    return {"broken": 0}
