"""What distribution has to know of the packages above it, given by the factory."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol


class Purchases(Protocol):
    """What members bought. Orders answers; only what was paid counts."""

    def last_paid_at(self, member_id: int) -> datetime | None:
        """When the member last paid for an order; None for who never did."""

    def spent_fen(self, member_id: int) -> int:
        """What is left of all that the member paid for goods, after refunds."""

    def has_bought(self, member_id: int, product_ids: Iterable[int]) -> bool:
        """Whether the member paid for one of these products and kept it."""


_purchases: Purchases | None = None


def configure(purchases: Purchases) -> None:
    """Let this process ask `purchases`."""
    global _purchases
    _purchases = purchases


def purchases() -> Purchases:
    if _purchases is None:
        raise RuntimeError("distribution was not told who knows the purchases")
    return _purchases
