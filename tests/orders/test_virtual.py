"""Virtual goods: ordered without an address, delivered without a parcel."""

import pytest
import sqlalchemy as sa

from app import aftersales, audit, orders
from app.aftersales import AfterSaleKind
from app.audit import AuditEntry
from app.catalog import FreightBy, ProductKind, Rate, Sku, Terms
from app.core.db import db, run_unit, transaction
from app.core.errors import IllegalMove, InvalidInput
from app.orders import Item, Order, OrderStatus, due_to_receive, place
from tests.factories import (
    ADMIN,
    NOON,
    SYSTEM,
    broken_invariants,
    days,
    make_address,
    make_freight,
    make_member,
    make_sku,
    notice_for,
    take,
)

pytestmark = pytest.mark.usefixtures("session")


def virtual(**given) -> Sku:
    sku = make_sku(title="线上品茶课", **given)
    with transaction():
        sku.product.kind = ProductKind.VIRTUAL
    return sku


def ordered(buyer, *skus, **to) -> Order:
    return run_unit(
        place,
        buyer.id,
        items=[Item(sku.id, 1) for sku in skus],
        request_key="tap",
        expected_fen=100_00 * len(skus),
        now=NOON,
        **to,
    )


def paid(buyer=None) -> Order:
    order = ordered(buyer or make_member(), virtual())
    take(notice_for(order))
    return order


def state(order) -> tuple[OrderStatus, str | None]:
    db.session.rollback()
    found = db.session.get_one(Order, order.id, populate_existing=True)
    return found.status, found.delivery_note


def deliver(order, note="兑换码 ABCD-1234") -> None:
    run_unit(orders.deliver, order.id, note=note, actor=ADMIN, now=NOON)


def test_it_needs_no_address():
    order = ordered(make_member(), virtual())

    assert order.is_virtual
    assert (order.receiver_name, order.receiver_phone, order.receiver_region) == ("", "", "")
    assert order.pickup is None


def test_an_address_is_not_copied_where_nothing_goes():
    buyer = make_member()

    order = ordered(buyer, virtual(), address_id=make_address(buyer).id)

    assert (order.is_virtual, order.receiver_name) == (True, "")


def test_with_something_to_send_an_address_is_asked_for():
    buyer, skus = make_member(), (virtual(), make_sku())

    with pytest.raises(InvalidInput) as refused:
        ordered(buyer, *skus)

    assert (refused.value.field, refused.value.message) == ("address", "请填写收货地址")
    assert list(orders.orders_of(buyer.id).items) == []
    assert {db.session.get_one(Sku, sku.id).stock for sku in skus} == {100}


def test_with_something_to_send_it_is_an_order_as_any_other():
    buyer = make_member()

    order = ordered(buyer, virtual(), make_sku(), address_id=make_address(buyer).id)

    assert (order.is_virtual, order.receiver_name) == (False, "王芳")


def test_nothing_travels_so_nothing_is_paid_for_it():
    sku = virtual()
    terms = Terms(FreightBy.PIECE, Rate(1, 8_00, 1, 2_00))
    template = make_freight(terms=terms)
    with transaction():
        sku.product.freight_template_id = template.id

    found = orders.quote([Item(sku.id, 2)], region="浙江省 杭州市 西湖区")

    assert (found.freight_fen, found.payable_fen) == (0, 200_00)


def test_it_is_delivered_with_what_the_buyer_reads():
    order = paid()

    deliver(order)

    assert state(order) == (OrderStatus.SHIPPED, "兑换码 ABCD-1234")
    stored = db.session.scalar(
        sa.select(sa.cast(sa.column("delivery_note"), sa.Text)).select_from(sa.table("orders"))
    )
    assert "ABCD" not in stored
    [entry] = db.session.scalars(sa.select(AuditEntry).filter_by(action="order.deliver"))
    assert (entry.actor, entry.after) == (ADMIN.ref, None)


@pytest.mark.parametrize("note", ["", "  ", "码" * 501])
def test_delivering_says_something(note):
    order = paid()

    with pytest.raises(InvalidInput) as refused:
        deliver(order, note)

    assert refused.value.field == "note"
    assert state(order) == (OrderStatus.PAID, None)


def test_it_is_not_shipped():
    order = paid()

    with pytest.raises(IllegalMove) as refused:
        run_unit(
            orders.ship,
            order.id,
            carrier="顺丰速运",
            tracking_number="SF1234567890",
            actor=ADMIN,
            now=NOON,
        )

    assert refused.value.message == "虚拟商品不用快递，请直接交付给买家"
    assert state(order) == (OrderStatus.PAID, None)


def test_a_parcel_is_not_delivered_by_words():
    buyer = make_member()
    order = ordered(buyer, make_sku(), address_id=make_address(buyer).id)
    take(notice_for(order))

    with pytest.raises(IllegalMove) as refused:
        deliver(order)

    assert refused.value.message == "这笔订单有实物商品，请填写快递单号发货"
    assert state(order) == (OrderStatus.PAID, None)


def test_an_unpaid_one_is_not_delivered():
    order = ordered(make_member(), virtual())

    with pytest.raises(IllegalMove):
        deliver(order)

    assert state(order) == (OrderStatus.UNPAID, None)


def test_what_a_buyer_has_asked_about_is_not_delivered():
    buyer = make_member()
    order = paid(buyer)
    run_unit(
        aftersales.apply,
        buyer.id,
        order.id,
        kind=AfterSaleKind.REFUND,
        wanted=[aftersales.Wanted(order.lines[0].id, 1)],
        reason="不想要了",
        now=NOON,
    )

    with pytest.raises(IllegalMove) as refused:
        deliver(order)

    assert refused.value.message == "这笔订单有售后在处理，请先处理售后再交付"
    assert state(order) == (OrderStatus.PAID, None)


def test_it_is_received_by_its_buyer_or_by_waiting():
    order = paid()
    deliver(order)

    assert due_to_receive(NOON + days(10), 10) == [order.id]
    run_unit(orders.receive, order.id, actor=SYSTEM, now=NOON + days(10))
    assert state(order) == (OrderStatus.RECEIVED, "兑换码 ABCD-1234")
    assert broken_invariants() == {}


@pytest.mark.parametrize("is_delivered", [False, True])
def test_only_the_money_can_come_back(is_delivered):
    order = paid()
    if is_delivered:
        deliver(order)

    assert aftersales.kinds_for(order, NOON) == (AfterSaleKind.REFUND,)


def test_a_deleted_account_leaves_no_code_behind():
    buyer = make_member()
    order = paid(buyer)
    deliver(order)

    run_unit(orders.forgetting.forget, buyer.id)

    assert state(order) == (OrderStatus.SHIPPED, None)
    assert audit.moves_of("order", order.id)
