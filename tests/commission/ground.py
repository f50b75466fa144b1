"""Short ways to commissions that wait for a settlement."""

from datetime import datetime

from app import orders, outbox
from app.commission import Settled
from app.core.db import run_unit
from app.jobs import tasks
from app.members import Member
from tests.factories import (
    NOON,
    bind,
    days,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    received_order,
)


def matured(*, count: int) -> Member:
    """A distributor with this many commissions of 10.00 that matured 15 days from NOON."""
    near, buyer = make_distributor(), make_member()
    bind(buyer, near)
    make_plan()
    sku = make_sku(price_fen=100_00)
    for _ in range(count):
        finish(received_order(buyer, sku))
    return near


def finish(order: orders.Order) -> None:
    """The guard of a received order is over."""
    end = NOON + days(15)
    assert run_unit(orders.finish, order.id, now=end) is True
    outbox.drain(end)


def settle(now: datetime) -> Settled:
    """Settle what is due and file it, as the job does."""
    settled = tasks.sales.settle_all(now)
    tasks.sales.file_all()
    return settled
