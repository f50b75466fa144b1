"""What must happen after a commit (发件箱): news that travels upwards.

`publish(topic, subject_id)` writes one row for every registered subscriber in
the caller's transaction; so either the fact and its news exist, or neither.
`drain` delivers. A subscriber's own unique keys make a second delivery harmless.

Two kinds of subscriber:
- a *unit* changes the database: it runs in the same transaction that marks its
  row done;
- a *call* speaks to the network: it runs outside of any transaction, the row is
  leased meanwhile, and its outcome is stored afterwards.
"""

from app.outbox.models import OutboxRow, State
from app.outbox.service import (
    ATTEMPTS_MAX,
    Handler,
    backlog,
    drain,
    failed,
    is_due,
    publish,
    retry_failed,
    standing,
    subscribe,
    undelivered,
    waiting,
)

__all__ = [
    "ATTEMPTS_MAX",
    "Handler",
    "OutboxRow",
    "State",
    "backlog",
    "drain",
    "failed",
    "is_due",
    "publish",
    "retry_failed",
    "standing",
    "subscribe",
    "undelivered",
    "waiting",
]
