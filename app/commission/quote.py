"""The arithmetic of commissions, pure: no database, no clock, no float.

Source: reference/commission.md, steps 1 to 6. Amounts are fen, rates basis
points; every division floors, what flooring leaves stays with the platform.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from app.core.money import share_fen


class Base(StrEnum):
    """What a rate is taken of (计佣基数)."""

    PAID = "paid"
    PROFIT = "profit"


class Mode(StrEnum):
    FIXED = "fixed"  # each depth has its own rate
    DIFFERENTIAL = "differential"  # 级差: only what exceeds the nearer seats


class SelfPurchase(StrEnum):
    OFF = "off"
    FIRST_LEVEL = "first_level"  # 自购返佣


class InactiveUpline(StrEnum):
    SKIP = "skip"  # keeps the seat, earns nothing
    COMPRESS = "compress"  # leaves the list, the rest move up


class TierBy(StrEnum):
    ORDER_PAID = "order_paid"
    MARGIN = "margin"


@dataclass(frozen=True)
class Step:
    """From `start` on (fen, or basis points of margin): one of the two rates."""

    start: int
    bps: int | None = None
    fen: int | None = None


@dataclass(frozen=True)
class Rate:
    """One of: `bps` of the base, `fen` a piece, or `steps` by `tier_by`."""

    bps: int | None = None
    fen: int | None = None
    tier_by: TierBy | None = None
    steps: tuple[Step, ...] = ()


# depth -> rate
Table = Mapping[int, Rate]


@dataclass(frozen=True)
class Plan:
    """A commission plan (佣金方案). A product of None in `products` is excluded."""

    depth_cap: int
    base: Base
    mode: Mode
    self_purchase: SelfPurchase
    inactive_upline: InactiveUpline
    line_cap_bps: int
    default: Table
    levels: Mapping[str, Table] = field(default_factory=dict)
    categories: Mapping[int, Table] = field(default_factory=dict)
    products: Mapping[int, Table | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    id: int
    level: str | None
    is_active: bool


@dataclass(frozen=True)
class Line:
    """An order line; `category_ids` nearest first; `refunded_fen` is cumulative."""

    id: str
    product_id: int
    category_ids: Sequence[int]
    quantity: int
    paid_fen: int
    unit_cost_fen: int


@dataclass(frozen=True)
class Share:
    """What one seat earns from one line, with the rule that gave it."""

    depth: int
    beneficiary_id: int
    rate: Rate
    source: str
    uncapped_fen: int
    amount_fen: int


@dataclass(frozen=True)
class LineShares:
    line: Line
    base_fen: int
    shares: list[Share]


def quote(
    plan: Plan, *, buyer: Person, uplines: Sequence[Person], lines: Sequence[Line]
) -> list[LineShares]:
    """Each line's commissions, nearest seat first. `uplines` are nearest first."""
    seats = seats_of(plan, buyer, uplines)
    order_paid_fen = sum(line.paid_fen for line in lines)
    return [_line_shares(plan, seats, line, order_paid_fen) for line in lines]


def after_refund(amount_fen: int, *, paid_fen: int, refunded_fen: int) -> int:
    """What a commission stands at once `refunded_fen` of its line went back.

    From the whole, never from the last delta: many small refunds do not drift.
    """
    return amount_fen * (paid_fen - refunded_fen) // paid_fen


def seats_of(plan: Plan, buyer: Person, uplines: Sequence[Person]) -> list[Person]:
    """Step 1: who sits at depth 1, 2, …; an inactive one keeps an empty seat."""
    seats = list(uplines)
    if plan.self_purchase is SelfPurchase.FIRST_LEVEL and buyer.is_active:
        seats.insert(0, buyer)
    if plan.inactive_upline is InactiveUpline.COMPRESS:
        seats = [seat for seat in seats if seat.is_active]
    return seats[: plan.depth_cap]


def base_of(plan: Plan, line: Line) -> int:
    """What the rates of this plan are taken of, in fen."""
    if plan.base is Base.PAID:
        return line.paid_fen
    return max(0, line.paid_fen - line.unit_cost_fen * line.quantity)


def _line_shares(
    plan: Plan, seats: Sequence[Person], line: Line, order_paid_fen: int
) -> LineShares:
    base_fen = base_of(plan, line)
    excluded = line.product_id in plan.products and plan.products[line.product_id] is None
    if excluded or base_fen == 0:
        return LineShares(line, base_fen, [])
    left = share_fen(line.paid_fen, plan.line_cap_bps)
    nearest_largest = 0
    shares = []
    for depth, seat in enumerate(seats, start=1):
        if not seat.is_active:
            continue
        lookup_depth = 1 if plan.mode is Mode.DIFFERENTIAL else depth
        found = rate_for(plan, line, seat, lookup_depth)
        if found is None:
            continue
        rate, source = found
        full = rate_amount(rate, line, base_fen, order_paid_fen)
        uncapped = full
        if plan.mode is Mode.DIFFERENTIAL:
            uncapped = max(0, full - nearest_largest)
            nearest_largest = max(nearest_largest, full)
        amount = min(uncapped, left)
        left -= amount
        if amount > 0:
            shares.append(Share(depth, seat.id, rate, source, uncapped, amount))
    return LineShares(line, base_fen, shares)


def rate_for(plan: Plan, line: Line, seat: Person, depth: int) -> tuple[Rate, str] | None:
    """Step 3: the first table that holds the depth, nearest rule first."""
    for table, source in _tables(plan, line, seat):
        if table is not None and depth in table:
            return table[depth], source
    return None


def _tables(plan: Plan, line: Line, seat: Person) -> Iterable[tuple[Table | None, str]]:
    yield plan.products.get(line.product_id), f"product:{line.product_id}"
    for category in line.category_ids:
        yield plan.categories.get(category), f"category:{category}"
    if seat.level:
        yield plan.levels.get(seat.level), f"level:{seat.level}"
    yield plan.default, "default"


def rate_amount(rate: Rate, line: Line, base_fen: int, order_paid_fen: int) -> int:
    """What a rate alone gives of a line, in fen, before seats share and the cap."""
    bps, fen = rate.bps, rate.fen
    if rate.tier_by is not None:
        value = order_paid_fen if rate.tier_by is TierBy.ORDER_PAID else _margin_bps(line)
        reached = [step for step in rate.steps if step.start <= value]
        if not reached:
            return 0
        bps, fen = reached[-1].bps, reached[-1].fen
    if bps is not None:
        return share_fen(base_fen, bps)
    return min((fen or 0) * line.quantity, base_fen)


def _margin_bps(line: Line) -> int:
    profit = line.paid_fen - line.unit_cost_fen * line.quantity
    return profit * 10_000 // line.paid_fen
