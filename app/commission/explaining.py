"""A quote told step by step (试算): what the engine computes, with what led to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.commission.quote import (
    Line,
    Mode,
    Person,
    Plan,
    Rate,
    quote,
    rate_amount,
    rate_for,
    seats_of,
)
from app.core.money import share_fen


@dataclass(frozen=True)
class SeatStep:
    """One seat of a line; amounts in fen.

    `rate` is None where no table holds one, or the seat earns nothing by itself.
    `nearer_fen` is what differential mode takes off, `left_fen` what nearer seats
    left of the line's cap.
    """

    depth: int
    person: Person
    rate: Rate | None
    source: str
    full_fen: int
    nearer_fen: int
    uncapped_fen: int
    left_fen: int
    amount_fen: int


@dataclass(frozen=True)
class Explanation:
    """A line's commissions with every step; `cap_fen` is what all seats share."""

    line: Line
    base_fen: int
    cap_fen: int
    is_excluded: bool
    seats: list[SeatStep]

    @property
    def total_fen(self) -> int:
        return sum(seat.amount_fen for seat in self.seats)


def explain(plan: Plan, *, buyer: Person, uplines: Sequence[Person], line: Line) -> Explanation:
    """The quote of an order of one line, step by step.

    The amounts are those of `quote` itself; only what led to them is looked up again.
    """
    [result] = quote(plan, buyer=buyer, uplines=uplines, lines=[line])
    given = {share.depth: share for share in result.shares}
    is_excluded = line.product_id in plan.products and plan.products[line.product_id] is None
    earns = not is_excluded and result.base_fen > 0
    cap_fen = left = share_fen(line.paid_fen, plan.line_cap_bps)
    is_differential = plan.mode is Mode.DIFFERENTIAL
    nearer = 0
    steps = []
    for depth, person in enumerate(seats_of(plan, buyer, uplines), start=1):
        found = None
        if earns and person.is_active:
            found = rate_for(plan, line, person, 1 if is_differential else depth)
        rate, source = found or (None, "")
        full = 0 if rate is None else rate_amount(rate, line, result.base_fen, line.paid_fen)
        amount = given[depth].amount_fen if depth in given else 0
        steps.append(
            SeatStep(
                depth,
                person,
                rate,
                source,
                full_fen=full,
                nearer_fen=nearer,
                uncapped_fen=max(0, full - nearer),
                left_fen=left,
                amount_fen=amount,
            )
        )
        left -= amount
        if is_differential:
            nearer = max(nearer, full)
    return Explanation(line, result.base_fen, cap_fen, is_excluded, steps)
