from dataclasses import dataclass
from datetime import date
from typing import Protocol

from app.reconciliation.models import BillKind


@dataclass(frozen=True)
class RawBill:
    """A file as WeChat gave it, unpacked, with the hash WeChat says it has."""

    content: bytes
    hash_type: str
    hash_value: str


class BillSource(Protocol):
    """Where bills come from."""

    def fetch(self, kind: BillKind, day: date) -> RawBill | None:
        """The bill of a day, None where nothing happened on it.

        Raises BillNotReady, BillUnclear, BillRefused (it cannot be unpacked).
        """
        ...
