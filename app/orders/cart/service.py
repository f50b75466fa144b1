import functools
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from app import catalog
from app.core.db import require_transaction
from app.core.errors import DomainError, InvalidInput, NotFound
from app.core.rows import affected, direct, insert_once, write
from app.orders import limits, prices
from app.orders.cart import queries
from app.orders.cart.models import LINES_MAX, CartFull, CartLine, Wish
from app.orders.models import QUANTITY_MAX

__all__ = ["Wish", "add", "check", "merge", "remove", "set_quantity", "take_out", "tick"]


def add(member_id: int, sku_id: int, quantity: int, *, now: datetime) -> None:
    """Put pieces of a SKU into the cart, on top of those in it (加入购物车).

    Raises:
        InvalidInput, LimitReached: with those in the cart it would be more than one
            may buy.
        SoldOff, OutOfStock: it is not for sale, or not so many are left.
        CartFull: there are too many different things in the cart.
    """
    require_transaction()
    lines = functools.partial(queries.wishes_of, member_id)
    sku, had, count = _asked(member_id, sku_id)
    _check(sku, quantity, had + quantity, member_id, lines)
    unit_fen = prices.unit_price(sku, buyer_id=member_id)
    if not had:
        if count >= LINES_MAX:
            raise CartFull()
        made = insert_once(
            CartLine,
            member_id=member_id,
            sku_id=sku_id,
            quantity=quantity,
            was_fen=unit_fen,
            is_ticked=True,
            added_at=now,
        )
        if made is not None:
            return
        # Another tap put it in meanwhile.
        sku, had, _ = _asked(member_id, sku_id)
        _check(sku, quantity, had + quantity, member_id, lines)
    done = write(_ADD, member=member_id, sku=sku_id, more=quantity, unit_fen=unit_fen, now=now)
    if not done.rowcount:
        raise DomainError("购物车刚刚变过，请再试一次")


def _asked(member_id: int, sku_id: int) -> tuple[catalog.Goods, int, int]:
    """The SKU, how many pieces of it are in the cart, and how many different things are.

    Raises SoldOff.
    """
    row = direct(_ASKED, member_id=member_id, sku_id=sku_id).one_or_none()
    if row is None:
        raise catalog.SoldOff()
    had, count, *values = row
    return catalog.goods_of(values), had, count


_MEMBER = sa.bindparam("member_id", type_=sa.BigInteger)
_SKU = sa.bindparam("sku_id", type_=sa.BigInteger)
_ASKED = catalog.with_goods(
    sa.select(
        sa.select(sa.func.coalesce(sa.func.max(CartLine.quantity), 0))
        .where(CartLine.member_id == _MEMBER, CartLine.sku_id == _SKU)
        .scalar_subquery(),
        sa.select(sa.func.count())
        .select_from(CartLine)
        .where(CartLine.member_id == _MEMBER)
        .scalar_subquery(),
    )
).where(catalog.Sku.id == _SKU)
# What two taps at once would make too many of is refused here.
_MORE = CartLine.quantity + sa.bindparam("more", type_=sa.Integer)
_ADD = (
    sa.update(CartLine)
    .where(
        CartLine.member_id == sa.bindparam("member"),
        CartLine.sku_id == sa.bindparam("sku"),
        _MORE <= QUANTITY_MAX,
    )
    .values(
        quantity=_MORE,
        was_fen=sa.bindparam("unit_fen"),
        is_ticked=True,
        added_at=sa.bindparam("now"),
    )
)


def set_quantity(member_id: int, sku_id: int, quantity: int) -> None:
    """Change how many pieces a line has.

    Raises InvalidInput, LimitReached, SoldOff, OutOfStock, NotFound.
    """
    require_transaction()
    lines = _locked(member_id)
    if sku_id not in lines:
        raise NotFound("购物车里没有这件商品")
    check(sku_id, quantity, quantity, beside=list(lines.values()), buyer_id=member_id)
    _set(member_id, sku_id, quantity)


def tick(member_id: int, sku_ids: Iterable[int] | None, *, is_ticked: bool) -> None:
    """Choose lines for the next order, or leave them for later; None means all."""
    changed = sa.update(CartLine).where(CartLine.member_id == member_id)
    if sku_ids is not None:
        changed = changed.where(CartLine.sku_id.in_(set(sku_ids)))
    affected(changed.values(is_ticked=is_ticked))


def remove(member_id: int, sku_ids: Iterable[int]) -> int:
    """Put lines back on the shelf; returns how many there were."""
    return affected(
        sa.delete(CartLine).where(
            CartLine.member_id == member_id, CartLine.sku_id.in_(set(sku_ids))
        )
    )


def take_out(member_id: int, sku_ids: Iterable[int]) -> None:
    """What is ordered leaves the cart.

    Before the SKUs are locked, as adding takes the line first, too: two orders
    of locking would be a deadlock.
    """
    wanted = {f"sku{n}": sku_id for n, sku_id in enumerate(sorted(set(sku_ids)))}
    if wanted:
        write(_without(len(wanted)), member=member_id, **wanted)


@functools.cache
def _without(count: int) -> sa.Delete:
    """The statement that takes so many SKUs out of a cart, built once."""
    skus = [sa.bindparam(f"sku{n}", type_=sa.BigInteger) for n in range(count)]
    return sa.delete(CartLine).where(
        CartLine.member_id == sa.bindparam("member"), CartLine.sku_id.in_(skus)
    )


def merge(member_id: int, wishes: Sequence[Wish], *, now: datetime) -> int:
    """Take over what a visitor had in the browser (合并购物车); returns how many lines.

    Pieces of the same SKU add up, as far as one may buy; what is not for sale any
    more and what does not fit is left out: nobody asked, so nobody is refused.
    """
    require_transaction()
    known = catalog.skus_by_id(wish.sku_id for wish in wishes)
    lines = _locked(member_id)
    room = LINES_MAX - len(lines)
    taken = 0
    for wish in sorted(wishes, key=lambda wish: wish.sku_id):
        if wish.sku_id not in known or not 1 <= wish.quantity <= QUANTITY_MAX:
            continue
        if wish.sku_id not in lines and room > 0:
            if insert_once(CartLine, member_id=member_id, added_at=now, **vars(wish)) is not None:
                room -= 1
                taken += 1
                continue
            # A tap in another window put it in meanwhile.
            lines = _locked(member_id)
        line = lines.get(wish.sku_id)
        if line is not None:
            _set(member_id, wish.sku_id, min(line.quantity + wish.quantity, QUANTITY_MAX))
            taken += 1
    return taken


def _set(member_id: int, sku_id: int, quantity: int) -> None:
    write(_SET, member=member_id, sku=sku_id, pieces=quantity)


_SET = (
    sa.update(CartLine)
    .where(
        CartLine.member_id == sa.bindparam("member"),
        CartLine.sku_id == sa.bindparam("sku"),
    )
    .values(quantity=sa.bindparam("pieces"))
)


def check(
    sku_id: int,
    asked: int,
    total: int,
    *,
    beside: Sequence[Wish] = (),
    buyer_id: int | None = None,
) -> catalog.Goods:
    """The SKU, if `asked` more pieces, `total` in all, may be in a cart.

    `beside` is what the cart holds: a limit counts the other SKUs of a product, too.
    Without `buyer_id` it is a visitor's cart. Raises InvalidInput, SoldOff,
    OutOfStock, LimitReached.
    """
    known = catalog.skus_by_id([sku_id])
    if sku_id not in known:
        raise catalog.SoldOff()
    _check(known[sku_id], asked, total, buyer_id, lambda: beside)
    return known[sku_id]


def _check(
    sku: catalog.Goods,
    asked: int,
    total: int,
    buyer_id: int | None,
    beside: Callable[[], Sequence[Wish]],
) -> None:
    """Raises as `check`; the rest of the cart is asked for only where it counts."""
    if asked < 1 or total > QUANTITY_MAX:
        raise InvalidInput("quantity", f"每种商品可买 1 到 {QUANTITY_MAX} 件")
    if not catalog.for_sale_among([sku]):
        raise catalog.SoldOff()
    if sku.stock < total:
        raise catalog.OutOfStock(
            f"库存仅剩 {sku.stock} 件" if sku.stock else "这个规格刚刚售罄", sku=sku.id
        )
    if sku.product.limit_per_member:
        sisters = catalog.sisters_of([sku.product_id]) - {sku.id}
        others = sum(wish.quantity for wish in beside() if wish.sku_id in sisters)
        limits.check(buyer_id, [(sku.product, total + others)])


def _locked(member_id: int) -> dict[int, Wish]:
    """The member's lines by their SKU, locked in the order of the index."""
    wishes = (Wish(*row) for row in direct(_LOCKED, member_id=member_id))
    return {wish.sku_id: wish for wish in wishes}


_LOCKED = (
    sa.select(CartLine.sku_id, CartLine.quantity, CartLine.was_fen, CartLine.is_ticked)
    .where(CartLine.member_id == sa.bindparam("member_id"))
    .order_by(CartLine.sku_id)
    .with_for_update()
)
