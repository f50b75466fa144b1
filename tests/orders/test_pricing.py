"""Every part of a price, to the fen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog import FreightBy, NotDelivered, Product, Rate, RegionRate, Terms
from app.core.db import db, transaction
from app.orders import Adjustment, Item, allocate, quote
from tests.factories import make_freight, make_sku

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
    )

    assert (found.goods_fen, found.freight_fen, found.discount_fen) == (315_00, 0, 30_01)
    assert found.payable_fen == 284_99
    assert [line.paid_fen for line in found.lines] == [256_00 - 24_39, 59_00 - 5_62]


# --- freight ------------------------------------------------------------------------


def sent(template, **given):
    """A SKU that is sent under this template."""
    sku = make_sku(**given)
    with transaction():
        product = db.session.get_one(Product, sku.product_id)
        product.freight_template_id = template.id if template else None
    return sku


def freight(region, *items):
    return quote([Item(sku.id, n) for sku, n in items], region=region).freight_fen


def test_goods_under_one_template_travel_together(session):
    template = make_freight()
    tea, cup, free = sent(template, price_fen=10_00), sent(template, price_fen=5_00), sent(None)

    # 8 yuan for the first piece, 2 for each further one: 3 pieces in one parcel.
    assert freight("浙江省 杭州市 西湖区", (tea, 2), (cup, 1), (free, 9)) == 12_00


def test_each_template_is_a_parcel_of_its_own(session):
    other = make_freight("冷链", Terms(FreightBy.PIECE, Rate(1, 20_00, 1, 5_00)))
    tea, fish = sent(make_freight(), price_fen=10_00), sent(other, price_fen=200_00)

    assert freight("浙江省 杭州市 西湖区", (tea, 1), (fish, 2)) == 8_00 + 25_00


def test_the_worth_of_what_travels_together_makes_it_free(session):
    template = make_freight()
    tea, cup = sent(template, price_fen=50_00), sent(template, price_fen=49_00)

    assert freight("浙江省 杭州市 西湖区", (tea, 1)) == 8_00
    assert freight("浙江省 杭州市 西湖区", (tea, 1), (cup, 1)) == 0


def test_without_a_region_there_is_no_freight(session):
    assert freight("", (sent(make_freight(), price_fen=10_00), 1)) == 0


def test_what_is_not_sent_there_is_refused(session):
    terms = Terms(FreightBy.PIECE, Rate(1, 8_00, 1, 0), (RegionRate(("西藏",), None),))
    sku = sent(make_freight("不发西藏", terms))

    with pytest.raises(NotDelivered):
        freight("西藏自治区 拉萨市 城关区", (sku, 1))
