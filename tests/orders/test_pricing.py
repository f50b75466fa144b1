"""Every part of a price, to the fen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.orders import Adjustment, Item, allocate, quote
from tests.factories import make_sku

GOODS = st.dictionaries(st.integers(1, 10_000), st.integers(0, 5_000_000), min_size=1, max_size=12)


@given(goods=GOODS, share=st.integers(0, 10_000))
def test_parts_sum_to_the_discount_and_no_line_goes_below_nothing(goods, share):
    total = sum(goods.values()) * share // 10_000

    parts = allocate(total, goods)

    assert sum(parts.values()) == total
    assert all(0 <= parts[key] <= goods[key] for key in goods)


@given(goods=GOODS, share=st.integers(0, 10_000), random=st.randoms())
def test_the_order_of_the_lines_is_irrelevant(goods, share, random):
    total = sum(goods.values()) * share // 10_000
    mixed = list(goods.items())
    random.shuffle(mixed)

    assert allocate(total, dict(mixed)) == allocate(total, goods)


def test_a_fen_that_cannot_be_divided_goes_to_the_largest_remainder():
    # 10 over 1:1:1 is 3.33 each; over 50:30:20 of 101 fen it is exact but for one.
    assert allocate(10, {3: 100, 1: 100, 2: 100}) == {1: 4, 2: 3, 3: 3}
    assert allocate(101, {1: 5000, 2: 3000, 3: 2000}) == {1: 51, 2: 30, 3: 20}


@pytest.mark.parametrize("total", [-1, 301])
def test_a_discount_that_cannot_be_is_a_fault_of_ours(total):
    with pytest.raises(ValueError, match="discount"):
        allocate(total, {1: 100, 2: 200})


def test_a_quote_shows_every_part(session):
    tea, cup = make_sku(price_fen=128_00), make_sku(price_fen=59_00)

    found = quote(
        [Item(tea.id, 2), Item(cup.id, 1)],
        adjustments=[Adjustment("coupon", "满 300 减 30", 30_00), Adjustment("points", "积分", 1)],
        freight_fen=8_00,
    )

    assert (found.goods_fen, found.freight_fen, found.discount_fen) == (315_00, 8_00, 30_01)
    assert found.payable_fen == 292_99
    assert [line.paid_fen for line in found.lines] == [256_00 - 24_39, 59_00 - 5_62]
