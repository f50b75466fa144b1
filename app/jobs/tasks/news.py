"""Telling: of the outbox, messages, webhooks and the distributors' digest."""

from datetime import datetime

from app import (
    notices,
    outbox,
)
from app.core import clock, web
from app.core.db import db
from app.integrations import hooks
from app.jobs.hook_sender import HttpSender
from app.jobs.tasks.base import Result, each

DRAINS_MAX = 200
# When people are at their phones, not in the night.
DIGEST_HOUR = 10


def deliver(now: datetime, dry_run: bool) -> Result:
    """Deliver what changes the database (投递发件箱)."""
    return _drain(now, dry_run, calls=False)


def send_messages(now: datetime, dry_run: bool) -> Result:
    """Deliver what speaks to the network, on its own: it may be slow (发送通知)."""
    return _drain(now, dry_run, calls=True)


def _drain(now: datetime, dry_run: bool, *, calls: bool) -> Result:
    waiting = outbox.waiting(calls=calls)
    db.session.rollback()
    if dry_run:
        return {"waiting": waiting}
    delivered = 0
    # What fails is due later, so this ends; the bound is for rows that another
    # worker holds all the while.
    for _ in range(DRAINS_MAX):
        if not outbox.is_due(now, calls=calls):
            break
        delivered += outbox.drain(now, calls=calls)
    return {"delivered": delivered}


def send_hooks(now: datetime, dry_run: bool) -> Result:
    """Tell the shop's other systems what happened (推送事件).

    What they do not take is tried again later: that is no failure of this run.
    """
    sender = HttpSender(also=web.settings().hook_test_origin)
    return each(
        hooks.sending.due(now), lambda row: hooks.sending.send(row, sender=sender, now=now), dry_run
    )


def remind_confirmations(now: datetime, dry_run: bool) -> Result:
    """Remind of transfers that end unconfirmed before long (提醒确认收款)."""
    return {} if dry_run else {"reminded": notices.remind_confirmations(now)}


def weekly_digest(now: datetime, dry_run: bool) -> Result:
    """Tell further uplines what last week brought, from Monday 10:00 on (团队佣金周报)."""
    local = clock.local(now)
    if dry_run or (local.weekday() == 0 and local.hour < DIGEST_HOUR):
        return {}
    return {"told": notices.write_digests(now)}
