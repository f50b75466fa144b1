"""Care about abuse (风险核实): what looks wrong is put before a person, with its evidence.

- `service` keeps flags: found by the system, held open until an admin clears or
  confirms them with a reason. While one is open, what the distributors in it earned
  stays pending (`held`, asked by the settlement); nothing is dropped, and the next
  run after clearing pays it. Confirming suspends them, so the money stays where it is.
- `detection` listens to the outbox: a paid order (the buyer is the distributor's
  second account, or friends buy from each other in a ring), a binding (a burst, or
  the inviter's own browser).
- `traces` remembers phones, addresses and browsers as keyed hashes only: enough to
  see that two are the same, useless to learn what they are.

A pair that was cleared stays cleared, unless evidence of another kind appears: that
one nobody has looked at yet.
"""

from app.risk.detection import subscribe
from app.risk.models import RiskFlag, RiskKind, RiskState
from app.risk.queries import counts, held, is_held, named_in, of_member, queue, waiting
from app.risk.service import clear, confirm
from app.risk.traces import forget, note_device, tidy

__all__ = [
    "RiskFlag",
    "RiskKind",
    "RiskState",
    "clear",
    "confirm",
    "counts",
    "forget",
    "held",
    "is_held",
    "named_in",
    "note_device",
    "of_member",
    "queue",
    "subscribe",
    "tidy",
    "waiting",
]
