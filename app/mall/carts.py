"""Whose cart it is: the member's in the database, or a visitor's in the browser.

Inside WeChat everyone is logged in silently, so a visitor is somebody in a plain
browser, or one whose login failed. What they put in moves into the member's cart
at the login, once: the browser's cart has a random key, and a key that was merged
is remembered for as long as WeChat's code could come a second time.
"""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Protocol

from flask import g, session

from app.core import clock, web
from app.core.db import run_unit
from app.core.errors import NotFound
from app.orders import cart
from app.orders.cart import Contents, Wish

# The session is a cookie: four kilobytes must hold it.
VISITOR_LINES_MAX = 30
MERGED_SECONDS = 3600


class AnyCart(Protocol):
    """What pages do with a cart. Refusals are those of `orders.cart`."""

    def contents(self) -> Contents: ...
    def count(self) -> int: ...
    def add(self, sku_id: int, quantity: int) -> None: ...
    def set_quantity(self, sku_id: int, quantity: int) -> None: ...
    def tick(self, sku_ids: Iterable[int] | None, *, is_ticked: bool) -> None: ...
    def remove(self, sku_ids: Iterable[int]) -> None: ...


class MemberCart:
    """A member's cart."""

    def __init__(self, member_id: int) -> None:
        self._member_id = member_id

    def contents(self) -> Contents:
        return cart.contents(self._member_id)

    def count(self) -> int:
        return cart.count(self._member_id)

    def add(self, sku_id: int, quantity: int) -> None:
        run_unit(cart.add, self._member_id, sku_id, quantity, now=clock.now())

    def set_quantity(self, sku_id: int, quantity: int) -> None:
        run_unit(cart.set_quantity, self._member_id, sku_id, quantity)

    def tick(self, sku_ids: Iterable[int] | None, *, is_ticked: bool) -> None:
        run_unit(cart.tick, self._member_id, sku_ids, is_ticked=is_ticked)

    def remove(self, sku_ids: Iterable[int]) -> None:
        run_unit(cart.remove, self._member_id, sku_ids)


class VisitorCart:
    """A cart in a signed cookie, newest first."""

    def contents(self) -> Contents:
        return cart.priced(self.wishes)

    def count(self) -> int:
        return len(self.wishes)

    def add(self, sku_id: int, quantity: int) -> None:
        known = {wish.sku_id: wish for wish in self.wishes}
        was = known.pop(sku_id, None)
        total = quantity + (was.quantity if was else 0)
        sku = cart.check(sku_id, quantity, total, beside=self.wishes)
        if was is None and len(known) >= VISITOR_LINES_MAX:
            raise cart.CartFull("购物车快满了，请在微信中打开后继续添加")
        self._keep([Wish(sku_id, total, sku.price_fen), *known.values()])

    def set_quantity(self, sku_id: int, quantity: int) -> None:
        if all(wish.sku_id != sku_id for wish in self.wishes):
            raise NotFound("购物车里没有这件商品")
        cart.check(sku_id, quantity, quantity, beside=self.wishes)
        self._keep(
            replace(wish, quantity=quantity) if wish.sku_id == sku_id else wish
            for wish in self.wishes
        )

    def tick(self, sku_ids: Iterable[int] | None, *, is_ticked: bool) -> None:
        wanted = None if sku_ids is None else set(sku_ids)
        self._keep(
            replace(wish, is_ticked=is_ticked) if wanted is None or wish.sku_id in wanted else wish
            for wish in self.wishes
        )

    def remove(self, sku_ids: Iterable[int]) -> None:
        gone = set(sku_ids)
        self._keep(wish for wish in self.wishes if wish.sku_id not in gone)

    @property
    def wishes(self) -> list[Wish]:
        return _read(session.get("cart"))

    def _keep(self, wishes: Iterable[Wish]) -> None:
        session["cart"] = {
            "key": (session.get("cart") or {}).get("key") or secrets.token_hex(8),
            "lines": [[w.sku_id, w.quantity, w.was_fen, w.is_ticked] for w in wishes],
        }


def current() -> AnyCart:
    """The cart of whoever asks."""
    return MemberCart(g.member.id) if g.get("member") is not None else VisitorCart()


def move_in(member_id: int, kept: Any) -> None:
    """Merge a visitor's cart, as the session had it, into the member's: once."""
    wishes = _read(kept)
    if not wishes:
        return
    seen = f"cart_merged:{kept.get('key')}"
    with web.cache().lock(seen):
        if web.cache().get(seen):
            return
        run_unit(cart.merge, member_id, wishes, now=clock.now())
        web.cache().set(seen, True, MERGED_SECONDS)


def _read(kept: Any) -> list[Wish]:
    # The cookie is signed by us, so only its age may surprise.
    return [Wish(*line) for line in kept["lines"]] if kept else []
