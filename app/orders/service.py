"""Placing and closing orders."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from app import audit, catalog, distribution, members, outbox, settings
from app.core import ids
from app.core.db import db, require_transaction
from app.core.errors import DomainError, IllegalMove, InvalidInput, NotFound
from app.core.rows import add_once, direct, insert_all, insert_now, insert_plain
from app.orders import cart, limits, pickups, states
from app.orders.errors import PriceChanged
from app.orders.extras import OrderAdjustment
from app.orders.models import (
    Order,
    OrderLine,
    OrderSeat,
    OrderStatus,
    Payment,
    PaymentStatus,
)
from app.orders.payment import Bill
from app.orders.pickups import PickupWish
from app.orders.pricing import Item, Quote, quote

ORDER_TOTAL_FEN_MAX = 500_000_00
# Of goods that go nowhere.
_NOBODY = dict.fromkeys(
    ("receiver_name", "receiver_phone", "receiver_region", "receiver_detail"), ""
)


# The order's id, if there is one, as of when the settings are in force, and where it goes.
_PLACED = (
    sa.select(
        sa.select(Order.id)
        .where(
            Order.member_id == sa.bindparam("member_id"),
            Order.request_key == sa.bindparam("request_key"),
        )
        .scalar_subquery()
        .label("order_id"),
        settings.STAMP.label("stamp"),
        *(members.Address.name, members.Address.phone),
        *(members.Address.region, members.Address.detail),
    )
    .select_from(members.Member)
    .outerjoin(
        members.Address,
        sa.and_(
            members.Address.member_id == members.Member.id,
            members.Address.id == sa.bindparam("address_id", type_=sa.BigInteger),
        ),
    )
    .where(members.Member.id == sa.bindparam("member_id"))
)


def place(member_id: int, **wanted: Any) -> Order:
    """`place_to_pay` for who does not ask for the money at once."""
    return place_to_pay(member_id, **wanted)[0]


def place_to_pay(
    member_id: int,
    *,
    items: Sequence[Item],
    address_id: int | None = None,
    pickup: PickupWish | None = None,
    request_key: str,
    expected_fen: int,
    now: datetime,
    remark: str = "",
    from_cart: bool = False,
) -> tuple[Order, Bill | None]:
    """Place an order: copy all facts, make its payment, reserve the stock (下单).

    With the order comes what WeChat is asked for, None for one that was there before.

    Asking again with the same `request_key` returns the first order. What was
    chosen in the cart leaves it with the order. It goes to an address of the
    member, or waits at a shop: one of `address_id` and `pickup`. Virtual goods
    (虚拟商品) go nowhere and need neither.

    Raises:
        InvalidInput, SoldOff, NotFound (address, shop), OutOfStock: nothing is placed.
        NotDelivered: something is not sent there.
        LimitReached: the member bought as many of a product as one may.
        PriceChanged: it costs something else than `expected_fen` that was shown.
        DomainError: the member is blocked.
    """
    require_transaction()
    if address_id is not None and pickup is not None:
        raise ValueError("an order goes to an address or waits at a shop")
    asked = {"member_id": member_id, "request_key": request_key, "address_id": address_id}
    seen = direct(_PLACED, **asked).one_or_none()
    if seen is None:
        raise NotFound("会员不存在")
    settings.as_of(seen.stamp)
    if seen.order_id is not None:
        return db.session.get_one(Order, seen.order_id), None
    # Before anything is locked that others wait for, and before the uplines are copied.
    distribution.bind_by_order(member_id, now=now)
    buyer = members.hold(member_id)
    if buyer.status is not members.MemberStatus.ACTIVE:
        raise DomainError("账号已被限制，暂不能下单，请联系客服")
    if len(remark) > 200:
        raise InvalidInput("remark", "备注最多 200 个字")
    if address_id is not None and seen.name is None:
        raise NotFound("收货地址不存在")
    receiver = _at_shop(pickup) if pickup else _NOBODY if address_id is None else _at(seen)
    price = quote(items, buyer_id=member_id, region="" if pickup else receiver["receiver_region"])
    if price.is_virtual:
        receiver, pickup = _NOBODY, None
    _check_terms(price, expected_fen, goes_somewhere=receiver is not _NOBODY)
    expires = now + timedelta(minutes=settings.value(settings.registry.ORDER_EXPIRE_MINUTES))
    order = Order(
        number=ids.public_number("M", now),
        request_key=request_key,
        member_id=member_id,
        status=OrderStatus.UNPAID,
        goods_fen=price.goods_fen,
        freight_fen=price.freight_fen,
        discount_fen=price.discount_fen,
        payable_fen=price.payable_fen,
        **receiver,
        remark=remark.strip(),
        is_virtual=price.is_virtual,
        created_at=now,
        expires_at=expires,
    )
    if not add_once(order):
        # The second tap: it waited for the first one's commit.
        return db.session.get_one(Order, direct(_PLACED, **asked).one().order_id), None
    if from_cart:
        cart.take_out(member_id, (item.sku_id for item in items))
    if pickup is not None:
        pickups.attach(order, pickup)
    _copy_facts(order, buyer, price)
    bill = _ask_for(order, buyer)
    audit.record_move(
        "order",
        order.id,
        from_state="",
        to_state=order.status.value,
        actor=audit.Actor.member(member_id),
        now=now,
    )
    # The rows that many want at once come last: they are held for the shortest time.
    if any(line.sku.product.limit_per_member for line in price.lines):
        catalog.hold(_rows_to_hold(price))
        limits.check(member_id, ((line.sku.product, line.quantity) for line in price.lines))
    # Before the lines: a row that refers to a SKU takes a share of its row; see `hold`.
    catalog.take({line.sku.id: line.quantity for line in price.lines})
    _copy_lines(order, price)
    catalog.taken(
        {f"order:{order.id}:{line.id}": (line.sku_id, line.quantity) for line in order.lines},
        now=now,
    )
    return order, bill


def begin_close(order_id: int, *, actor: audit.Actor, now: datetime, note: str = "") -> Order:
    """Stop an unpaid order from being paid; WeChat is asked next (关闭订单).

    An order that is closing already stays so. Raises IllegalMove for a paid one.
    """
    order = states.locked(order_id)
    if order.status is not OrderStatus.CLOSING:
        states.move(order, OrderStatus.CLOSING, actor=actor, now=now, note=note)
    return order


def finish_close(order_id: int, *, now: datetime) -> None:
    """Free the stock, after WeChat said that nobody can pay any more."""
    order = states.locked(order_id)
    if order.status is OrderStatus.CLOSED:
        return
    states.move(order, OrderStatus.CLOSED, actor=audit.Actor.system("close"), now=now)
    for payment in db.session.scalars(sa.select(Payment).filter_by(order_id=order_id)):
        if payment.status is PaymentStatus.CREATED:
            payment.status = PaymentStatus.CLOSED
    for line in sorted(order.lines, key=lambda line: line.sku_id):
        catalog.release(
            line.sku_id, line.quantity, key=f"order:{order.id}:{line.id}:release", now=now
        )
    outbox.publish("order_closed", order.id, now=now)


def hide(order_id: int, *, now: datetime) -> None:
    """Take an order that is over out of its member's list; nobody else misses it.

    Raises IllegalMove while something may still happen to it.
    """
    order = states.locked(order_id)
    if order.status not in (OrderStatus.CLOSED, OrderStatus.FINISHED, OrderStatus.REFUNDED):
        raise IllegalMove("订单还没有结束，暂不能删除", state=order.status.value)
    order.hidden_at = now


def _check_terms(price: Quote, expected_fen: int, *, goes_somewhere: bool) -> None:
    """Raises InvalidInput, PriceChanged."""
    if not goes_somewhere and not price.is_virtual:
        raise InvalidInput("address", "请填写收货地址")
    if price.payable_fen != expected_fen:
        raise PriceChanged(was=expected_fen, now=price.payable_fen)
    if not 0 < price.payable_fen <= ORDER_TOTAL_FEN_MAX:
        raise InvalidInput("items", "订单金额超出可支付范围")


def _rows_to_hold(price: Quote) -> set[int]:
    """The SKUs that are bought, and the sisters of those of which one may have only so many.

    A limit is a product's: two orders of one member for two SKUs of it must come
    one after the other as well.
    """
    bought = {line.sku.id for line in price.lines}
    products = (line.sku.product for line in price.lines)
    return bought | catalog.sisters_of(each.id for each in products if each.limit_per_member)


def _at_shop(pickup: PickupWish) -> dict[str, str]:
    """Who fetches the goods and where, as it is copied onto the order."""
    shop = pickups.open_shop(pickup.shop_id)
    name, phone = " ".join(pickup.name.split()), pickup.phone.strip()
    members.check_person(name, phone)
    return {
        "receiver_name": name,
        "receiver_phone": phone,
        "receiver_region": shop.region,
        "receiver_detail": f"{shop.detail}（{shop.name}）",
    }


def _at(address: Any) -> dict[str, str]:
    """Who takes the goods and where: a copy of the member's address."""
    return {
        "receiver_name": address.name,
        "receiver_phone": address.phone,
        "receiver_region": address.region,
        "receiver_detail": address.detail,
    }


def _ask_for(order: Order, buyer: members.Held) -> Bill:
    """The payment of a new order, which nobody asked WeChat for yet."""
    number = ids.public_number("P", order.created_at)
    payment_id = insert_plain(
        Payment,
        order_id=order.id,
        out_trade_no=number,
        amount_fen=order.payable_fen,
        created_at=order.created_at,
    )
    return Bill(payment_id, order.id, number, order.payable_fen, buyer.openid, order.expires_at)


def _copy_facts(order: Order, buyer: members.Held, price: Quote) -> None:
    """Who may earn from it, and what lowers its price."""
    insert_all(
        OrderSeat,
        [
            {
                "order_id": order.id,
                "position": seat.position,
                "member_id": seat.member_id,
                "level": seat.level,
                "is_active": seat.is_active,
            }
            for seat in distribution.chain(buyer, now=order.created_at)
        ],
    )
    insert_all(
        OrderAdjustment, [{"order_id": order.id, **vars(part)} for part in price.adjustments]
    )


def _copy_lines(order: Order, price: Quote) -> None:
    lines = [
        OrderLine(
            order_id=order.id,
            product_id=line.sku.product_id,
            sku_id=line.sku.id,
            title=line.sku.product.title,
            sku_name=line.sku.name,
            picture=line.sku.product.cover,
            category_ids=line.sku.product.category_ids,
            quantity=line.quantity,
            unit_price_fen=line.unit_fen,
            unit_cost_fen=line.sku.cost_fen,
            paid_fen=line.paid_fen,
        )
        for line in price.lines
    ]
    for line in lines:
        insert_now(line)
    # They are all there are: nobody needs to ask the database for them.
    set_committed_value(order, "lines", lines)
