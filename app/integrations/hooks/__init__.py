"""Telling the shop's other systems what happened (事件推送, webhooks out).

`events` turns news of the outbox into deliveries, one for each endpoint that wants the
event, in the unit that marks the news done. `sending` sends what is due over a port and
keeps the answer; a failure is tried again with growing pauses for a day. The signature
follows Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, with the old secret
beside the new one while a receiver changes over. An endpoint that fails for days is
disabled, and the desk is told.

What is told are numbers, states and amounts; who it is about is a member's number.
Receivers read the rest with a key and its scopes.
"""

from app.integrations.hooks import events, sending
from app.integrations.hooks.endpoints import (
    create,
    deliveries_of,
    delivery,
    disabled_count,
    everything,
    get,
    newest_by_endpoint,
    rotate,
    send_again,
    start,
    stop,
)
from app.integrations.hooks.models import (
    DeliveryState,
    HookDelivery,
    HookEndpoint,
    HookEvent,
    HookState,
)
from app.integrations.hooks.ports import HookAnswer, HookSender

__all__ = [
    "DeliveryState",
    "HookAnswer",
    "HookDelivery",
    "HookEndpoint",
    "HookEvent",
    "HookSender",
    "HookState",
    "create",
    "deliveries_of",
    "delivery",
    "disabled_count",
    "events",
    "everything",
    "get",
    "newest_by_endpoint",
    "rotate",
    "send_again",
    "sending",
    "start",
    "stop",
]
