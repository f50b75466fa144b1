"""What a piece costs whoever buys it (单价): the price, or the member price (会员价).

Who gets the member price is a setting. The server decides it at each step, on the
page, in the cart and when the order is placed; the order's line keeps what it was.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from app import distribution, members, settings
from app.catalog import Sku


class Priced(Protocol):
    """A SKU, however it was read."""

    @property
    def id(self) -> int: ...
    @property
    def price_fen(self) -> int: ...
    @property
    def member_price_fen(self) -> int | None: ...


def unit_prices(skus: Iterable[Priced], *, buyer_id: int | None) -> dict[int, int]:
    """What a piece of each SKU costs this buyer, in fen; None is a visitor."""
    wanted = list(skus)
    # Nobody is asked who they are where it makes no difference.
    is_special = any(is_cheaper(sku) for sku in wanted) and gets_member_price(buyer_id)
    return prices_of(wanted, is_special=is_special)


def prices_of(skus: Iterable[Priced], *, is_special: bool) -> dict[int, int]:
    """What a piece of each SKU costs who does, or does not, get the member price."""
    return {
        sku.id: sku.member_price_fen
        if is_special and sku.member_price_fen is not None and is_cheaper(sku)
        else sku.price_fen
        for sku in skus
    }


@dataclass(frozen=True)
class Offer:
    """What is said of a product's price where one figure stands for all its SKUs."""

    sku: Sku
    unit_fen: int
    is_from: bool  # 起: another one of them costs more.

    @property
    def is_member_price(self) -> bool:
        return self.unit_fen < self.sku.price_fen


def best_offer(skus: Iterable[Sku], *, is_special: bool) -> Offer | None:
    """The cheapest SKU that can be bought, the cheapest of all where all are sold out.

    For who does, or does not, get the member price. None for a product without any SKU.
    """
    every = list(skus)
    wanted = [sku for sku in every if sku.stock] or every
    if not wanted:
        return None
    units = prices_of(wanted, is_special=is_special)
    first = min(wanted, key=lambda sku: (units[sku.id], sku.id))
    return Offer(first, units[first.id], is_from=max(units.values()) > units[first.id])


def unit_price(sku: Priced, *, buyer_id: int | None) -> int:
    """What a piece costs this buyer, in fen."""
    return unit_prices([sku], buyer_id=buyer_id)[sku.id]


def is_cheaper(sku: Priced) -> bool:
    """Whether it has a member price that is worth having."""
    return sku.member_price_fen is not None and sku.member_price_fen < sku.price_fen


def gets_member_price(buyer_id: int | None) -> bool:
    """Whether this buyer pays member prices now, as the setting says."""
    if buyer_id is None:
        return False
    rule = settings.value(settings.registry.MEMBER_PRICE_FOR)
    # Only what the rule asks for is looked up.
    return is_special(
        rule,
        is_distributor=rule == "distributors" and distribution.is_active(buyer_id),
        is_follower=rule == "followers" and members.get(buyer_id).is_subscribed,
    )


def is_special(rule: str, *, is_distributor: bool, is_follower: bool) -> bool:
    """Whether such a person pays member prices under this value of the setting."""
    return (rule == "distributors" and is_distributor) or (rule == "followers" and is_follower)
