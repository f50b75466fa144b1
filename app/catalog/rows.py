"""Rows of products (商品橱窗): a few products each, by hand or by a rule, for many rows at once."""

import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.catalog import search
from app.catalog.browse import IN_STOCK
from app.catalog.models import Product
from app.core.db import db


class RowRule(enum.StrEnum):
    """What decides which products a row shows (选品方式)."""

    HAND = "hand"  # those that somebody chose, in that order
    NEW = "new"  # the newest
    SOLD = "sold"  # what sells best
    CATEGORY = "category"  # a category with all below it, in the shop's order
    TAG = "tag"  # those with a tag, in the shop's order


@dataclass(frozen=True)
class RowAsk:
    """One row; `category_ids` holds the category and all below it."""

    rule: RowRule
    limit: int
    product_ids: Sequence[int] = ()
    category_ids: Sequence[int] = ()
    tag: str = ""


def rows(asks: Sequence[RowAsk], *, now: datetime) -> list[list[Product]]:
    """The products of each row, in three queries however many rows there are.

    Only what is on the shelf; rules show only what is in stock, while a choice by
    hand stays in its place when it is sold out for a day.
    """
    if not asks:
        return []
    parts = [_part(place, ask, now) for place, ask in enumerate(asks)]
    found = db.session.execute(sa.union_all(*parts)).all()
    ids: list[list[int]] = [[] for _ in asks]
    for place, _, product_id in sorted((row.place, row.rank, row.product_id) for row in found):
        ids[place].append(product_id)
    wanted = {product_id for row in ids for product_id in row}
    known = {
        product.id: product
        for product in db.session.scalars(
            sa.select(Product).where(Product.id.in_(wanted)).options(selectinload(Product.skus))
        )
    }
    return [[known[own] for own in _in_order(ask, row)] for ask, row in zip(asks, ids, strict=True)]


def _in_order(ask: RowAsk, found: Sequence[int]) -> Sequence[int]:
    if ask.rule is not RowRule.HAND:
        return found
    return [product_id for product_id in ask.product_ids if product_id in found]


def _part(place: int, ask: RowAsk, now: datetime) -> sa.Select[int, int, int]:
    """One row's ids; a sub-query, as SQLite takes no LIMIT inside a UNION otherwise."""
    order = {
        RowRule.NEW: (Product.id.desc(),),
        RowRule.SOLD: (Product.sold_count.desc(), Product.id.desc()),
    }.get(ask.rule, (Product.sort.asc(), Product.id.desc()))
    query = sa.select(
        sa.literal(place).label("place"),
        sa.func.row_number().over(order_by=order).label("rank"),
        Product.id.label("product_id"),
    ).where(Product.selling(now))
    match ask.rule:
        case RowRule.HAND:
            query = query.where(Product.id.in_(ask.product_ids))
        case RowRule.CATEGORY:
            query = query.where(Product.category_id.in_(ask.category_ids), IN_STOCK)
        case RowRule.TAG:
            query = query.where(_has_tag(ask.tag), IN_STOCK)
        case _:
            query = query.where(IN_STOCK)
    part = query.order_by(*order).limit(ask.limit).subquery()
    return sa.select(part.c.place, part.c.rank, part.c.product_id)


def _has_tag(tag: str) -> sa.ColumnElement[bool]:
    """The words of a tag are indexed; the stored list says that it is the tag, not its words."""
    narrowed = search.score(search.words(tag))
    # Written as the column's JSON is: with quotes, and beyond ASCII escaped.
    is_exact = sa.cast(Product.tags, sa.Text).contains(json.dumps(tag), autoescape=True)
    return sa.and_(Product.id.in_(sa.select(narrowed.c.product_id)), is_exact)
