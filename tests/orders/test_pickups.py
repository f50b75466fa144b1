"""Orders fetched at a shop for a code."""

import re

import pytest
import sqlalchemy as sa

from app import audit, commission, outbox
from app.core.db import db, run_unit, transaction
from app.core.errors import IllegalMove, InvalidInput, NotFound
from app.orders import (
    Item,
    Order,
    OrderStatus,
    Pickup,
    PickupWish,
    due_to_receive,
    pickups,
    place,
    receive,
    ship,
)
from app.orders.pickups import ShopInput, WrongCode
from tests.factories import (
    ADMIN,
    NOON,
    SYSTEM,
    bind,
    broken_invariants,
    days,
    make_address,
    make_distributor,
    make_member,
    make_plan,
    make_sku,
    notice_for,
    paid_order,
    take,
)

SHOP = ShopInput("西湖店", "浙江省 杭州市 西湖区", "文三路 1 号", "9:00–21:00", "0571-8765", True)


def make_shop(**changed):
    return run_unit(
        pickups.save_shop, None, ShopInput(**{**vars(SHOP), **changed}), actor=ADMIN, now=NOON
    )


def order_for(buyer, shop, *, key="tap", name="王芳", phone="13800138000") -> Order:
    sku = make_sku(price_fen=100_00)
    return run_unit(
        place,
        buyer.id,
        items=[Item(sku.id, 1)],
        pickup=PickupWish(shop.id, name, phone),
        request_key=key,
        expected_fen=100_00,
        now=NOON,
    )


def paid(buyer=None) -> Order:
    order = order_for(buyer or make_member(), make_shop())
    take(notice_for(order))
    outbox.drain(NOON)
    return order


def redeem(code: str):
    return run_unit(pickups.redeem, code, actor=ADMIN, now=NOON)


def state(order) -> OrderStatus:
    db.session.rollback()
    return db.session.get_one(Order, order.id).status


@pytest.fixture(autouse=True)
def _database(session):
    return session


def test_an_order_copies_who_comes_and_where_and_has_a_code_of_twelve_digits():
    order = order_for(make_member(), make_shop())

    assert (order.receiver_name, order.receiver_phone) == ("王芳", "13800138000")
    assert (order.receiver_region, order.receiver_detail) == (
        "浙江省 杭州市 西湖区",
        "文三路 1 号（西湖店）",
    )
    assert re.fullmatch(r"\d{12}", order.pickup.code)
    assert re.fullmatch(r"\d{4} \d{4} \d{4}", order.pickup.spaced_code)


def test_codes_differ():
    buyer, shop = make_member(), make_shop()

    found = {order_for(buyer, shop, key=f"k{n}").pickup.code for n in range(20)}

    assert len(found) == 20


@pytest.mark.parametrize(
    ("changed", "field"), [({"name": " "}, "name"), ({"phone": "123"}, "phone")]
)
def test_who_comes_must_be_told(changed, field):
    with pytest.raises(InvalidInput) as refused:
        order_for(make_member(), make_shop(), **changed)

    assert refused.value.field == field
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Order)) == 0


def test_a_closed_shop_takes_no_orders():
    with pytest.raises(NotFound, match="已停用"):
        order_for(make_member(), make_shop(is_open=False))

    assert db.session.scalar(sa.select(sa.func.count()).select_from(Order)) == 0


def test_an_order_goes_to_one_place():
    buyer, shop, sku = make_member(), make_shop(), make_sku()
    to = {"address_id": make_address(buyer).id, "pickup": PickupWish(shop.id, "王", "13800138000")}

    with pytest.raises(ValueError, match="address or waits"), transaction():
        place(
            buyer.id,
            items=[Item(sku.id, 1)],
            request_key="k",
            expected_fen=100_00,
            now=NOON,
            **to,
        )


def test_the_code_hands_it_over_once_it_is_ready():
    order = paid()
    run_unit(pickups.ready, order.id, actor=ADMIN, now=NOON)
    spaced = order.pickup.spaced_code

    redeem(spaced)

    assert state(order) is OrderStatus.RECEIVED
    order = db.session.get_one(Order, order.id)
    assert (order.pickup.picked_up_at, order.received_at) == (NOON, NOON)
    assert order.guard_ends_at == NOON + days(15)


def test_it_may_be_handed_over_before_anybody_said_it_is_ready():
    order = paid()

    redeem(order.pickup.code)

    assert [move.to_state for move in audit.moves_of("order", order.id)] == [
        "unpaid",
        "paid",
        "shipped",
        "received",
    ]
    assert broken_invariants() == {}


def test_a_commission_follows_as_with_a_parcel():
    make_plan()
    near, buyer = make_distributor(), make_member()
    bind(buyer, near)
    order = paid(buyer)

    redeem(order.pickup.code)
    outbox.drain(NOON)

    [row] = commission.commissions_of_order(order.id)
    assert (row.amount_fen, row.expected_at) == (10_00, NOON + days(15))


def test_a_code_works_once():
    order = paid()
    redeem(order.pickup.code)

    with pytest.raises(IllegalMove, match="已经核销过"):
        redeem(order.pickup.code)

    assert len(audit.moves_of("order", order.id)) == 4


def test_an_unpaid_code_is_refused():
    order = order_for(make_member(), make_shop())

    with pytest.raises(IllegalMove, match="还没有付款或已关闭"):
        redeem(order.pickup.code)

    assert state(order) is OrderStatus.UNPAID


@pytest.mark.parametrize("code", ["", "000000000000", "12345", "' OR 1=1"])
def test_a_wrong_code_is_refused(code):
    order = paid()
    with transaction():
        db.session.execute(sa.update(Pickup).values(code="123456789012"))

    with pytest.raises(WrongCode):
        redeem(code)

    assert state(order) is OrderStatus.PAID


def test_the_buyer_cannot_receive_it_without_the_code():
    order = paid()
    run_unit(pickups.ready, order.id, actor=ADMIN, now=NOON)

    with pytest.raises(IllegalMove, match="出示提货码"):
        run_unit(receive, order.id, actor=SYSTEM, now=NOON)

    assert state(order) is OrderStatus.SHIPPED


def test_nobody_receives_it_by_waiting():
    order = paid()
    run_unit(pickups.ready, order.id, actor=ADMIN, now=NOON)

    assert due_to_receive(NOON + days(60), 10) == []


def test_it_is_not_shipped():
    order = paid()

    with pytest.raises(IllegalMove, match="不用发货"):
        run_unit(
            ship,
            order.id,
            carrier="顺丰速运",
            tracking_number="SF1234567890",
            actor=ADMIN,
            now=NOON,
        )

    assert state(order) is OrderStatus.PAID


def test_a_parcel_is_never_made_ready():
    order = paid_order(make_member(), make_sku())

    with pytest.raises(IllegalMove, match="不是自提订单"):
        run_unit(pickups.ready, order.id, actor=ADMIN, now=NOON)

    assert state(order) is OrderStatus.PAID


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "长" * 41}, "name"),
        ({"region": ""}, "region"),
        ({"detail": "长" * 81}, "detail"),
        ({"hours": " "}, "hours"),
        ({"phone": "call me"}, "phone"),
    ],
)
def test_a_shop_is_kept_whole_or_not_at_all(changed, field):
    with pytest.raises(InvalidInput) as refused:
        make_shop(**changed)

    assert refused.value.field == field
    assert list(pickups.shops()) == []
