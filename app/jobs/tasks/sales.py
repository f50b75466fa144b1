"""From the payment to the settlement, and back where a sale is."""

from dataclasses import asdict
from datetime import datetime

import structlog

from app import (
    aftersales,
    audit,
    commission,
    orders,
    settings,
    wechat,
)
from app.core.db import db, run_unit
from app.jobs.tasks.base import Result, RowsFailed, each, until_short
from app.jobs.tasks.news import deliver

log = structlog.get_logger()


def query_payments(now: datetime, dry_run: bool) -> Result:
    """Ask WeChat about payments that no notice came for (补查支付)."""
    return each(
        orders.payments_to_query(now),
        lambda row: orders.ask(row, gateway=wechat.current().pay, now=now),
        dry_run,
    )


def expire_orders(now: datetime, dry_run: bool) -> Result:
    """Close unpaid orders past their time (关闭超时订单)."""
    actor = audit.Actor.system("expire")
    return each(
        orders.due_to_expire(now),
        lambda row: orders.close(row, actor=actor, gateway=wechat.current().pay, now=now),
        dry_run,
    )


def receive_orders(now: datetime, dry_run: bool) -> Result:
    """Confirm receipt for people who never do (自动确认收货)."""
    days = settings.value(settings.registry.ORDER_RECEIVE_DAYS)
    actor = audit.Actor.system("receive")

    def receive(order_id: int) -> str:
        run_unit(orders.receive, order_id, actor=actor, now=now)
        return "received"

    return each(orders.due_to_receive(now, days), receive, dry_run)


def settle(now: datetime, dry_run: bool) -> Result:
    """End orders whose guard is over, then settle what matured (佣金结算)."""
    if dry_run:
        due = commission.count_due(now)
        ending = len(orders.due_to_finish(now))
        db.session.rollback()
        return {"orders": ending, **asdict(due)}
    # News first: an order with undelivered news does not finish.
    deliver(now, False)
    finished, failed, last = 0, 0, 0
    while ids := orders.due_to_finish(now, after_id=last):
        db.session.rollback()
        for order_id in ids:
            try:
                finished += run_unit(orders.finish, order_id, now=now)
            except Exception:  # What is wrong with one order is not others' trouble.
                log.exception("order_not_finished", order=order_id)
                failed += 1
        last = ids[-1]
    db.session.rollback()
    deliver(now, False)
    total = settle_all(now)
    file_all()
    result = {"orders": finished, **asdict(total)}
    if failed:
        raise RowsFailed({**result, "failed": failed})
    return result


def settle_all(now: datetime) -> commission.Settled:
    """Chunk after chunk until nothing is due; what another run took is left to it."""
    total, after = commission.Settled(), 0
    while True:
        part, last = run_unit(commission.settle_chunk, now, after=after)
        total += part
        if last is None:
            return total
        after = last


def file_all() -> int:
    """Write into commissions which settlement took them; how many."""
    total, after = 0, 0
    while True:
        filed, last = run_unit(commission.file_chunk, after=after)
        total += filed
        if last is None:
            return total
        after = last


def send_refunds(now: datetime, dry_run: bool) -> Result:
    """Send refunds, and ask about those under way (退款)."""
    gateway = wechat.current().refunds
    carry_on = until_short(
        lambda row: aftersales.carry_on(row, gateway=gateway, now=now), aftersales.MerchantShort
    )
    return each(aftersales.refunds_due(now), carry_on, dry_run)


def expire_returns(now: datetime, dry_run: bool) -> Result:
    """End agreed returns whose goods were never sent back (关闭超时退货)."""

    def expire(row_id: int) -> str:
        ended = run_unit(aftersales.give_up_waiting, row_id, now=now)
        return "ended" if ended else "sent"

    return each(aftersales.returns_overdue(now), expire, dry_run)
