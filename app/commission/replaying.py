"""Real orders computed again under other plans (历史订单试算): it reads, and writes nothing.

Every input is what the orders copied at their checkout: lines, and people as they
stood then. Refunds count as they stand now, so the figures are what would remain.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.commission.quote import Line, Person, Plan, after_refund, quote
from app.core.db import db
from app.orders import Order, OrderLine, OrderSeat

# Newest first; more would keep a person at the desk waiting.
ORDERS_MAX = 10_000
CHUNK = 500


@dataclass
class Replay:
    """What each plan would cost, in fen, after refunds.

    `found` orders were paid in the period, the newest `counted` of them computed.
    """

    found: int
    plans: int
    counted: int = 0
    sales_fen: int = 0
    total: list[int] = field(default_factory=list)
    by_product: dict[int, list[int]] = field(default_factory=dict)
    by_level: dict[str, list[int]] = field(default_factory=dict)
    by_depth: dict[int, list[int]] = field(default_factory=dict)
    by_member: dict[int, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Facts:
    """What an order copied: its people by position, its lines, what was refunded of each."""

    seats: list[Person]
    lines: list[Line]
    refunded: Mapping[str, int]


def replay(
    plans: Sequence[Plan | None],
    *,
    since: datetime,
    until: datetime,
    limit: int = ORDERS_MAX,
) -> Replay:
    """Compute the orders paid from `since` until before `until` under each plan.

    None stands for having no plan, which costs nothing. Memory is bounded by the
    chunk and by the number of different products and earners in `limit` orders.
    """
    inside = (Order.paid_at >= since, Order.paid_at < until)
    found = db.session.scalar(sa.select(sa.func.count()).select_from(Order).where(*inside))
    result = Replay(int(found or 0), len(plans), total=[0] * len(plans))
    tables: tuple[dict[Any, list[int]], ...] = (
        result.by_product,
        result.by_level,
        result.by_depth,
        result.by_member,
    )
    sums: list[dict[Any, list[int]]] = [defaultdict(lambda: [0] * len(plans)) for _ in tables]
    for facts in _orders(inside, limit):
        result.counted += 1
        _add(facts, plans, result, sums)
    for table, summed in zip(tables, sums, strict=True):
        table.update(summed)
    return result


def _add(
    facts: _Facts,
    plans: Sequence[Plan | None],
    result: Replay,
    sums: Sequence[dict[Any, list[int]]],
) -> None:
    buyer, *uplines = facts.seats
    levels = {person.id: person.level or "" for person in facts.seats}
    result.sales_fen += sum(line.paid_fen - facts.refunded.get(line.id, 0) for line in facts.lines)
    for at, plan in enumerate(plans):
        if plan is None:
            continue
        for row in quote(plan, buyer=buyer, uplines=uplines, lines=facts.lines):
            for share in row.shares:
                fen = after_refund(
                    share.amount_fen,
                    paid_fen=row.line.paid_fen,
                    refunded_fen=facts.refunded.get(row.line.id, 0),
                )
                result.total[at] += fen
                keys = (
                    row.line.product_id,
                    levels[share.beneficiary_id],
                    share.depth,
                    share.beneficiary_id,
                )
                for table, key in zip(sums, keys, strict=True):
                    table[key][at] += fen


def _orders(inside: Sequence[sa.ColumnElement[bool]], limit: int) -> Iterator[_Facts]:
    """The facts of the newest `limit` orders, read in chunks by key."""
    query = (
        sa.select(Order.id, Order.paid_at)
        .where(*inside)
        .order_by(Order.paid_at.desc(), Order.id.desc())
    )
    after: sa.ColumnElement[bool] = sa.true()
    while limit > 0:
        rows = db.session.execute(query.where(after).limit(min(limit, CHUNK))).all()
        if not rows:
            return
        yield from _facts([order_id for order_id, _ in rows])
        limit -= len(rows)
        last_id, last_paid = rows[-1]
        after = sa.or_(
            Order.paid_at < last_paid, sa.and_(Order.paid_at == last_paid, Order.id < last_id)
        )


def _facts(order_ids: Sequence[int]) -> Iterator[_Facts]:
    lines: dict[int, list[Line]] = defaultdict(list)
    refunded: dict[int, dict[str, int]] = defaultdict(dict)
    columns = (
        OrderLine.order_id,
        OrderLine.id,
        OrderLine.product_id,
        OrderLine.category_ids,
        OrderLine.quantity,
        OrderLine.paid_fen,
        OrderLine.unit_cost_fen,
        OrderLine.refunded_fen,
    )
    query = sa.select(*columns).where(OrderLine.order_id.in_(order_ids)).order_by(OrderLine.id)
    for order_id, line_id, product_id, categories, quantity, paid, cost, back in db.session.execute(
        query
    ):
        lines[order_id].append(Line(str(line_id), product_id, categories, quantity, paid, cost))
        if back:
            refunded[order_id][str(line_id)] = back
    seats: dict[int, list[Person]] = defaultdict(list)
    people = (
        sa.select(OrderSeat.order_id, OrderSeat.member_id, OrderSeat.level, OrderSeat.is_active)
        .where(OrderSeat.order_id.in_(order_ids))
        .order_by(OrderSeat.order_id, OrderSeat.position)
    )
    for order_id, member_id, level, is_active in db.session.execute(people):
        seats[order_id].append(Person(member_id, level or None, is_active))
    for order_id in order_ids:
        # An order has its buyer's seat since its checkout.
        yield _Facts(seats[order_id], lines[order_id], refunded[order_id])
