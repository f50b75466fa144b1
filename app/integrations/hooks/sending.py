"""Sending what is due: signed, leased, tried again with growing pauses."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from app import audit
from app.core.db import db, run_unit
from app.core.rows import affected, lock_one
from app.integrations.hooks.models import (
    DeliveryState,
    HookDelivery,
    HookEndpoint,
    HookState,
)
from app.integrations.hooks.ports import HookAnswer, HookSender

log = structlog.get_logger()

# Pauses after each failed attempt; a day altogether, then it is given up.
PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 60, 300, 1800, 3600, 2 * 3600, 4 * 3600, 6 * 3600, 9 * 3600)
)
# How long one sending may take before another worker may try.
LEASE = timedelta(minutes=2)
# An endpoint that failed for so long without one success is disabled.
DEAD_AFTER = timedelta(days=3)
KEPT = timedelta(days=30)
_TEXT_MAX = 300


@dataclass(frozen=True)
class _Letter:
    """What is sent, as it was when it was leased."""

    public_id: str
    url: str
    body: bytes
    secrets: tuple[str, ...]


def due(now: datetime, *, limit: int = 50) -> list[int]:
    """Deliveries to send now, the oldest first."""
    return list(
        db.session.scalars(
            sa.select(HookDelivery.id)
            .join(HookEndpoint, HookEndpoint.id == HookDelivery.endpoint_id)
            .where(
                HookDelivery.state == DeliveryState.WAITING,
                HookDelivery.due_at <= now,
                HookEndpoint.state == HookState.ACTIVE,
            )
            .order_by(HookDelivery.due_at, HookDelivery.id)
            .limit(limit)
        )
    )


def send(delivery_id: int, *, sender: HookSender, now: datetime) -> str:
    """Send one delivery and keep the answer; `delivered`, `failed`, `given_up` or `taken`."""
    letter = run_unit(_lease, delivery_id, now)
    if letter is None:
        return "taken"
    answer = sender.post(letter.url, letter.body, headers_of(letter, now))
    return run_unit(_keep, delivery_id, answer, now)


def headers_of(letter: _Letter, now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks, with a signature of each secret in force."""
    timestamp = str(int(now.timestamp()))
    signed = " ".join(
        sign(secret, letter.public_id, timestamp, letter.body) for secret in letter.secrets
    )
    return {
        "Content-Type": "application/json; charset=utf-8",
        "webhook-id": letter.public_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signed,
    }


def sign(secret: str, public_id: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{public_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def tidy(now: datetime) -> int:
    """Drop deliveries that are over and older than a month."""
    return affected(
        sa.delete(HookDelivery).where(
            HookDelivery.created_at <= now - KEPT,
            HookDelivery.state != DeliveryState.WAITING,
        )
    )


def _lease(delivery_id: int, now: datetime) -> _Letter | None:
    row = db.session.scalar(
        sa.select(HookDelivery)
        .where(
            HookDelivery.id == delivery_id,
            HookDelivery.state == DeliveryState.WAITING,
            HookDelivery.due_at <= now,
        )
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if row is None:
        return None
    endpoint = db.session.get_one(HookEndpoint, row.endpoint_id)
    if endpoint.state is not HookState.ACTIVE:
        return None
    row.attempts += 1
    row.due_at, row.sent_at = now + LEASE, now
    return _Letter(row.public_id, endpoint.url, row.body.encode(), tuple(_secrets(endpoint, now)))


def _secrets(endpoint: HookEndpoint, now: datetime) -> Sequence[str]:
    ends = endpoint.old_secret_ends_at
    if endpoint.old_secret is not None and ends is not None and ends > now:
        return [endpoint.secret, endpoint.old_secret]
    return [endpoint.secret]


def _keep(delivery_id: int, answer: HookAnswer, now: datetime) -> str:
    # The endpoint first: every worker locks them in this order.
    found = db.session.get_one(HookDelivery, delivery_id)
    endpoint = lock_one(HookEndpoint, found.endpoint_id, "没有这个推送地址")
    row = lock_one(HookDelivery, delivery_id, "没有这条推送记录")
    row.answer_status = answer.status
    row.answer = answer.text.replace("\x00", "")[:_TEXT_MAX]
    if answer.is_good:
        row.state, endpoint.failing_since = DeliveryState.DELIVERED, None
        return "delivered"
    endpoint.failing_since = endpoint.failing_since or now
    if endpoint.state is HookState.ACTIVE and endpoint.failing_since <= now - DEAD_AFTER:
        endpoint.state = HookState.DISABLED
        log.error("hook_endpoint_disabled", endpoint=endpoint.id)
        audit.record(
            "hook.disable",
            subject="hook",
            subject_id=endpoint.id,
            actor=audit.Actor.system("send-hooks"),
            now=now,
            after={"failing_since": endpoint.failing_since.isoformat()},
        )
    if row.attempts > len(PAUSES):
        row.state = DeliveryState.FAILED
        return "given_up"
    row.due_at = now + PAUSES[row.attempts - 1]
    return "failed"
