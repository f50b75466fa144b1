"""What people browse (逛): filtered, sorted lists of products, paged by key."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.catalog import search
from app.catalog.models import Category, Product, ProductToken, Sku
from app.core.db import db


class Sort(enum.StrEnum):
    """How a list is ordered (排序)."""

    BEST = "best"  # 综合: the shop's own order, or how well it fits what was searched
    SOLD = "sold"
    NEW = "new"
    CHEAP = "cheap"
    DEAR = "dear"


@dataclass(frozen=True)
class Wanted:
    """What a person asks to see. Prices in fen, both ends included.

    Filters and sorting go by the shop's price, for those who pay the member price as
    well: one index serves everybody, and a link shows the same list to all.
    """

    query: str = ""
    category_id: int | None = None
    price_from_fen: int | None = None
    price_to_fen: int | None = None
    in_stock: bool = False
    sort: Sort = Sort.BEST


@dataclass(frozen=True)
class Shelf:
    """A part of a list; `after` fetches what follows, "" at its end."""

    products: Sequence[Product]
    after: str
    # Nothing has all the words; these have all the characters.
    is_near: bool = False


# One row of the key is enough to know. Without the limit MariaDB gathers every SKU of
# the shop first.
IN_STOCK = (
    sa.select(Sku.id)
    .where(Sku.product_id == Product.id, Sku.is_active, Sku.stock > 0)
    .correlate(Product)
    .limit(1)
    .scalar_subquery()
    .is_not(None)
)
_KEY_PARTS_MAX = 4


def shelf(wanted: Wanted, *, now: datetime, after: str = "", size: int = 20) -> Shelf:
    """Products on the shelf that fit, `size` at a time.

    `after` is what the part before gave; nonsense begins at the beginning.
    """
    if not wanted.query.strip():
        return _part(wanted, None, now=now, after=_key(after), size=size)
    all_words = search.words(wanted.query)
    is_near = after.startswith("~")
    if not is_near:
        found = _part(wanted, all_words, now=now, after=_key(after), size=size)
        characters = search.characters(wanted.query)
        if found.products or after or characters == all_words:
            return found
        all_words = characters
    else:
        all_words = search.characters(wanted.query)
    near = _part(wanted, all_words, now=now, after=_key(after[1:]), size=size, by_title=False)
    return Shelf(near.products, f"~{near.after}" if near.after else "", is_near=True)


def _part(
    wanted: Wanted,
    all_words: list[str] | None,
    *,
    now: datetime,
    after: list[int],
    size: int,
    by_title: bool = True,
) -> Shelf:
    query = sa.select(Product).where(Product.selling(now)).options(selectinload(Product.skus))
    if wanted.category_id is not None:
        query = query.where(Product.category_id.in_(search.below(wanted.category_id)))
    if wanted.price_from_fen is not None:
        query = query.where(Product.from_fen >= wanted.price_from_fen)
    if wanted.price_to_fen is not None:
        query = query.where(Product.from_fen <= wanted.price_to_fen)
    if wanted.in_stock:
        query = query.where(IN_STOCK)
    score: sa.SQLColumnExpression[int] | None = None
    if all_words is not None:
        matched = search.score(all_words) if all_words else None
        begins = Product.title.istartswith(wanted.query.strip()[:80], autoescape=True)
        conditions: list[sa.ColumnElement[bool]] = [begins] if by_title else []
        score = sa.case((begins, 1000), else_=0)
        if matched is not None:
            query = query.outerjoin(matched, matched.c.product_id == Product.id)
            conditions.append(matched.c.product_id.is_not(None))
            score = score + sa.func.coalesce(matched.c.score, 0)
        query = query.where(sa.or_(sa.false(), *conditions))
    keys = _keys(wanted.sort, score)
    if len(after) == len(keys):
        query = query.where(_follows(keys, after))
    for position, (key, is_rising) in enumerate(keys):
        query = query.add_columns(key.label(f"key{position}"))
        query = query.order_by(key.asc() if is_rising else key.desc())
    rows = db.session.execute(query.limit(size + 1)).all()
    more = len(rows) > size
    rows = rows[:size]
    # The product itself comes first in a row, then its keys.
    keyed: tuple[Any, ...] = tuple(rows[-1]) if more else ()
    last = ".".join(str(int(key)) for key in keyed[1:])
    return Shelf([row[0] for row in rows], last)


# A column of whole numbers, and whether it rises.
_Key = tuple[sa.SQLColumnExpression[int], bool]


def _keys(sort: Sort, score: sa.SQLColumnExpression[int] | None) -> list[_Key]:
    """What a list is ordered by, and whether upwards; the id ends every tie."""
    newest: _Key = (Product.id, False)
    match sort:
        case Sort.SOLD:
            return [(Product.sold_count, False), newest]
        case Sort.NEW:
            return [newest]
        case Sort.CHEAP:
            return [(Product.from_fen, True), (Product.id, True)]
        case Sort.DEAR:
            return [(Product.from_fen, False), newest]
        case _ if score is not None:
            return [(score, False), (Product.sold_count, False), newest]
        case _:
            return [(Product.sort, True), newest]


def _follows(keys: Sequence[_Key], after: Sequence[int]) -> sa.ColumnElement[bool]:
    """Rows behind the one with these keys: equal so far, and behind in the next."""
    cases = []
    for position, ((key, is_rising), value) in enumerate(zip(keys, after, strict=True)):
        same = [keys[i][0] == after[i] for i in range(position)]
        cases.append(sa.and_(*same, key > value if is_rising else key < value))
    # Where the walk of the key begins: engines do not see it in the cases.
    first, is_rising = keys[0]
    begins = first >= after[0] if is_rising else first <= after[0]
    return sa.and_(begins, sa.or_(*cases))


def _key(text: str) -> list[int]:
    parts = text.split(".") if text else []
    sound = len(parts) <= _KEY_PARTS_MAX and all(
        part.isascii() and part.isdigit() and len(part) < 16 for part in parts
    )
    return [int(part) for part in parts] if sound else []


def hot(now: datetime, *, limit: int = 6) -> Sequence[Product]:
    """What sells best, to offer where nothing was found."""
    return shelf(Wanted(sort=Sort.SOLD, in_stock=True), now=now, size=limit).products


def suggestions(typed: str, *, now: datetime, limit: int = 8) -> list[str]:
    """Tags and titles that begin with or hold what was typed so far (搜索联想)."""
    typed = search.normal(typed.strip())[:30]
    if not typed:
        return []
    begins = sa.select(Product.title, Product.tags).where(
        Product.selling(now), Product.title.icontains(typed, autoescape=True)
    )
    words = sa.select(Product.title, Product.tags).where(
        Product.selling(now),
        Product.id.in_(
            sa.select(ProductToken.product_id).where(
                ProductToken.token.startswith(typed, autoescape=True)
            )
        ),
    )
    found: dict[str, None] = {}
    for query in (begins, words):
        rows = db.session.execute(query.order_by(Product.sold_count.desc()).limit(20)).all()
        for text in _texts(rows, typed):
            found.setdefault(text)
    return list(found)[:limit]


def _texts(rows: Sequence[sa.Row[str, list[str]]], typed: str) -> Iterator[str]:
    for _, tags in rows:
        yield from (tag for tag in tags if typed in search.normal(tag))
    for title, _ in rows:
        yield title


@dataclass(frozen=True)
class Rail:
    """A top category with what is offered below it."""

    category: Category
    children: Sequence[Category]


def rails() -> list[Rail]:
    """The categories to browse by: shown ones, two levels; deeper ones lie inside."""
    rows = db.session.scalars(
        sa.select(Category).filter_by(is_active=True).order_by(Category.sort, Category.id)
    ).all()
    tops = [row for row in rows if row.parent_id is None]
    return [Rail(top, [row for row in rows if row.parent_id == top.id]) for top in tops]
