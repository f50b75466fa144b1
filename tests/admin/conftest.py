"""What several tests of the panel begin with."""

from datetime import timedelta
from typing import Any

import pytest

from tests.factories import NOON, make_member, make_sku, paid_order, place_order


@pytest.fixture
def bought(session: Any) -> list[str]:
    """Three orders: the second is not paid, the last was paid first."""
    sku, buyer = make_sku(price_fen=10_00), make_member("王芳")
    first = paid_order(buyer, sku, now=NOON + timedelta(hours=2))
    second = place_order(buyer, sku, now=NOON)
    third = paid_order(buyer, sku, now=NOON + timedelta(hours=1))
    return [first.number, second.number, third.number]
