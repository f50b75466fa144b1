"""What the words of several subjects share."""

from dataclasses import dataclass
from datetime import datetime

from app import audit


@dataclass(frozen=True)
class Step:
    """One dot of a line of steps; without a time it is still to come."""

    title: str
    at: datetime | None
    note: str = ""
    is_done: bool = True


def member_actor(member_id: int, address: str) -> audit.Actor:
    """A member who acts from an address."""
    return audit.Actor.member(member_id, address)
