from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app import catalog
from app.core.db import db
from app.core.rows import direct
from app.orders import prices
from app.orders.cart.models import CartLine, Wish


@dataclass(frozen=True)
class Row:
    """A line of the cart as it stands now."""

    sku: catalog.Goods
    quantity: int
    was_fen: int
    is_ticked: bool
    is_for_sale: bool
    # What a piece costs whose cart it is.
    unit_fen: int

    @property
    def is_gone(self) -> bool:
        """Nobody can buy it now: off the shelf, or none left."""
        return not self.is_for_sale or self.sku.stock <= 0

    @property
    def counted(self) -> int:
        """How many pieces can be bought: not more than are left."""
        return 0 if self.is_gone else min(self.quantity, self.sku.stock)

    @property
    def is_short(self) -> bool:
        return self.counted < self.quantity

    @property
    def change_fen(self) -> int:
        """By how much a piece became dearer since it was put in; negative: cheaper."""
        return self.unit_fen - self.was_fen

    @property
    def total_fen(self) -> int:
        return self.unit_fen * self.counted


@dataclass(frozen=True)
class Contents:
    """A cart at today's prices: what can be bought, and what cannot any more."""

    live: list[Row]
    gone: list[Row]

    @property
    def ticked(self) -> list[Row]:
        return [row for row in self.live if row.is_ticked]

    @property
    def total_fen(self) -> int:
        """What the ticked goods cost, before freight and discounts."""
        return sum(row.total_fen for row in self.ticked)

    @property
    def pieces(self) -> int:
        return sum(row.counted for row in self.ticked)

    @property
    def is_all_ticked(self) -> bool:
        return bool(self.live) and len(self.ticked) == len(self.live)


def wishes_of(member_id: int) -> list[Wish]:
    """A member's lines, the newest first."""
    return [Wish(*row) for row in direct(_WISHES, member_id=member_id)]


def priced(wishes: Sequence[Wish], *, buyer_id: int | None = None) -> Contents:
    """Any cart at today's prices, in the order given. What is unknown is left out.

    Without `buyer_id` it is a visitor's.
    """
    known = catalog.skus_by_id(wish.sku_id for wish in wishes)
    lines = [(wish, known[wish.sku_id]) for wish in wishes if wish.sku_id in known]
    return _contents(lines, buyer_id)


def contents(member_id: int) -> Contents:
    """A member's cart at today's prices, the newest first."""
    rows = direct(_LINES, member_id=member_id)
    lines = [(Wish(*row[:_OF_WISH]), catalog.goods_of(row[_OF_WISH:])) for row in rows]
    return _contents(lines, member_id)


def _contents(lines: Sequence[tuple[Wish, catalog.Goods]], buyer_id: int | None) -> Contents:
    skus = [sku for _, sku in lines]
    for_sale = catalog.for_sale_among(skus)
    units = prices.unit_prices(skus, buyer_id=buyer_id)
    rows = [
        Row(
            sku=sku,
            quantity=wish.quantity,
            was_fen=wish.was_fen,
            is_ticked=wish.is_ticked,
            is_for_sale=sku.id in for_sale,
            unit_fen=units[sku.id],
        )
        for wish, sku in lines
    ]
    return Contents([row for row in rows if not row.is_gone], [row for row in rows if row.is_gone])


_WISH = (CartLine.sku_id, CartLine.quantity, CartLine.was_fen, CartLine.is_ticked)
_OF_WISH = len(_WISH)
_WISHES = (
    sa.select(*_WISH)
    .where(CartLine.member_id == sa.bindparam("member_id"))
    .order_by(CartLine.added_at.desc(), CartLine.id.desc())
)
# What the checkout and the cart's page ask, in one.
_LINES = catalog.with_goods(_WISHES, CartLine.sku_id)


def ticked(member_id: int) -> list[Row]:
    """What the member chose for the next order and can buy."""
    return contents(member_id).ticked


def count(member_id: int) -> int:
    """How many different things are in the cart."""
    return (
        db.session.scalar(
            sa.select(sa.func.count()).select_from(CartLine).filter_by(member_id=member_id)
        )
        or 0
    )
