"""A member's orders: what it would cost, placing, paying, and after-sales."""

from collections.abc import Sequence
from typing import Literal

from flask import Response
from pydantic import Field

from app import aftersales, audit, members, orders, outbox, privacy, settings, wechat
from app.aftersales import AfterSaleKind, Wanted
from app.api.blueprint import V1, bp
from app.api.desk_orders import (
    AfterSaleList,
    AfterSaleOut,
    OrderList,
    OrderOut,
    OrderQuery,
    aftersale_out,
    order_out,
)
from app.api.operation import current_member, once, once_outside, operation, turn
from app.api.shapes import Answer, Body, Fen, Paged, next_of
from app.core import clock, web
from app.core.errors import DomainError, InvalidInput
from app.orders import Item, PrepayRefused, cart

TAG = "我的订单"


class ItemIn(Body):
    sku_id: int = Field(ge=1, le=10**15)
    quantity: int = Field(ge=1, le=999)


class QuoteIn(Body):
    items: list[ItemIn] | None = Field(
        None, min_length=1, max_length=100, description="不填则为购物车里勾选的商品"
    )
    address_id: int | None = Field(None, ge=1, le=10**15, description="不填则为默认地址")


class PlaceIn(QuoteIn):
    expected_fen: int = Field(ge=0, le=10**12, description="试算得到的 payable_fen，不一致则不下单")
    remark: str = Field("", max_length=200)
    agreed: Literal[True] = Field(description="同意《隐私政策》，必须为 true")


class QuoteLineOut(Answer):
    sku_id: int
    quantity: int
    unit_fen: Fen
    paid_fen: Fen


class QuoteOut(Answer):
    goods_fen: Fen
    freight_fen: Fen
    discount_fen: Fen
    payable_fen: Fen
    is_virtual: bool
    lines: Sequence[QuoteLineOut]


class PaymentOut(Answer):
    parameters: dict[str, str] = Field(description="交给微信 JS-SDK 调起支付的参数")


class StateOut(Answer):
    outcome: str = Field(description="closed 已关闭；unclear 正在与微信支付确认；其他为订单已变化")
    order: OrderOut


class AskLineIn(Body):
    line_id: int = Field(ge=1, le=10**15)
    quantity: int = Field(0, ge=0, le=999, description="件数；发货后仅退款时为 0")
    amount_fen: int | None = Field(None, ge=0, le=10**12, description="不填则为这些件数的全部实付")


class AskIn(Body):
    order: str = Field(max_length=32, description="订单号")
    kind: Literal["refund", "return", "exchange"]
    reason: str = Field(max_length=40)
    description: str = Field("", max_length=500)
    lines: list[AskLineIn] = Field(min_length=1, max_length=100)


class PayRefused(DomainError):
    code = "wechat_unavailable"
    status = 503
    message = "微信支付暂时没有响应，请稍后再试"


@bp.post(f"{V1}/me/quotes")
@operation(QuoteOut, tag=TAG, phone=True, writes=True)
def quote_order(json: QuoteIn) -> Response:
    """下单前试算：货款、运费和应付"""
    member_id = current_member().id

    def work() -> QuoteOut:
        address = _address(member_id, json.address_id)
        found = orders.quote(
            _items(member_id, json.items),
            buyer_id=member_id,
            region=address.region if address else "",
        )
        return QuoteOut(
            goods_fen=found.goods_fen,
            freight_fen=found.freight_fen,
            discount_fen=found.discount_fen,
            payable_fen=found.payable_fen,
            is_virtual=found.is_virtual,
            lines=[
                QuoteLineOut(
                    sku_id=line.sku.id,
                    quantity=line.quantity,
                    unit_fen=line.unit_fen,
                    paid_fen=line.paid_fen,
                )
                for line in found.lines
            ],
        )

    return once(work)


@bp.post(f"{V1}/me/orders")
@operation(OrderOut, tag=TAG, phone=True, writes=True, status=201)
def place_my_order(json: PlaceIn) -> Response:
    """下单"""
    member_id, now = current_member().id, clock.now()

    def work() -> OrderOut:
        privacy.agree(member_id, now=now)
        address = _address(member_id, json.address_id)
        placed = orders.place(
            member_id,
            items=_items(member_id, json.items),
            address_id=address.id if address else None,
            # Two keys are two orders: they must not meet in the table of orders either.
            request_key=f"api-{turn()}",
            expected_fen=json.expected_fen,
            now=now,
            remark=json.remark,
            from_cart=json.items is None,
        )
        return order_out(placed, members.get(member_id).public_id, is_open=True)

    return once(work)


@bp.get(f"{V1}/me/orders")
@operation(OrderList, tag=TAG, phone=True)
def list_my_orders(query: OrderQuery) -> OrderList:
    """我的订单，最新的在前"""
    me = current_member()
    page = orders.orders_of(
        me.id, [query.status] if query.status else None, before=query.before, size=query.limit
    )
    return OrderList(
        items=[order_out(row, me.public_id, is_open=True) for row in page.items],
        next_cursor=next_of(page),
    )


@bp.get(f"{V1}/me/orders/<number>")
@operation(OrderOut, tag=TAG, phone=True)
def get_my_order(number: str) -> OrderOut:
    """我的一笔订单"""
    me = current_member()
    return order_out(orders.order_of(me.id, number), me.public_id, is_open=True)


@bp.post(f"{V1}/me/orders/<number>/payment")
@operation(PaymentOut, tag=TAG, phone=True, writes=True)
def pay_my_order(number: str) -> Response:
    """取得调起微信支付的参数"""
    order = orders.order_of(current_member().id, number)
    shop = settings.value(settings.registry.SHOP_NAME)
    order_id, title = order.id, f"{shop}-{order.lines[0].title}"[:40]

    def work() -> PaymentOut:
        try:
            sheet = orders.paying_sheet(
                order_id, description=title, gateway=wechat.current().pay, now=clock.now()
            )
        except PrepayRefused:
            raise PayRefused() from None
        return PaymentOut(parameters=sheet)

    return once_outside(work)


@bp.post(f"{V1}/me/orders/<number>/balance-payment")
@operation(OrderOut, tag=TAG, phone=True, writes=True)
def pay_my_order_with_balance(number: str) -> Response:
    """用可提现余额付清一笔订单"""
    member_id = current_member().id
    order_id = orders.order_of(member_id, number).id

    def work() -> OrderOut:
        orders.pay_with_balance(member_id, order_id, gateway=wechat.current().pay, now=clock.now())
        return _order(member_id, number)

    return once_outside(work)


@bp.post(f"{V1}/me/orders/<number>/cancellation")
@operation(StateOut, tag=TAG, phone=True, writes=True)
def cancel_my_order(number: str) -> Response:
    """取消未付款的订单"""
    member_id = current_member().id
    order_id = orders.order_of(member_id, number).id

    def work() -> StateOut:
        outcome = orders.close(
            order_id, actor=_actor(), gateway=wechat.current().pay, now=clock.now()
        )
        return StateOut(outcome=outcome, order=_order(member_id, number))

    return once_outside(work)


@bp.post(f"{V1}/me/orders/<number>/receipt")
@operation(OrderOut, tag=TAG, phone=True, writes=True)
def receive_my_order(number: str) -> Response:
    """确认收货"""
    member_id, now = current_member().id, clock.now()
    order_id = orders.order_of(member_id, number).id

    def work() -> OrderOut:
        orders.receive(order_id, actor=_actor(), now=now)
        return _order(member_id, number)

    response = once(work)
    outbox.drain(now, subject=("order_received", order_id))
    return response


@bp.get(f"{V1}/me/aftersales")
@operation(AfterSaleList, tag=TAG, phone=True)
def list_my_aftersales(query: Paged) -> AfterSaleList:
    """我的售后，最新的在前"""
    page = aftersales.aftersales_of(current_member().id, before=query.before, size=query.limit)
    found = orders.by_ids(row.order_id for row in page.items)
    return AfterSaleList(
        items=[aftersale_out(row, found[row.order_id].number) for row in page.items],
        next_cursor=next_of(page),
    )


@bp.get(f"{V1}/me/aftersales/<number>")
@operation(AfterSaleOut, tag=TAG, phone=True)
def get_my_aftersale(number: str) -> AfterSaleOut:
    """我的一张售后单"""
    return _aftersale(current_member().id, number)


@bp.post(f"{V1}/me/aftersales")
@operation(AfterSaleOut, tag=TAG, phone=True, writes=True, status=201)
def ask_my_aftersale(json: AskIn) -> Response:
    """申请售后"""
    member_id, now = current_member().id, clock.now()
    order_id = orders.order_of(member_id, json.order).id
    made: list[int] = []

    def work() -> AfterSaleOut:
        row = aftersales.apply(
            member_id,
            order_id,
            kind=AfterSaleKind(json.kind),
            wanted=[Wanted(line.line_id, line.quantity, line.amount_fen) for line in json.lines],
            reason=json.reason,
            description=json.description,
            now=now,
        )
        made[:] = [row.id]
        return aftersale_out(row, json.order)

    response = once(work)
    outbox.drain(now, subject=("aftersale_opened", made[0]))
    return response


@bp.post(f"{V1}/me/aftersales/<number>/withdrawal")
@operation(AfterSaleOut, tag=TAG, phone=True, writes=True)
def withdraw_my_aftersale(number: str) -> Response:
    """撤销售后申请"""
    member_id, now = current_member().id, clock.now()
    row_id = aftersales.aftersale_of(member_id, number).id

    def work() -> AfterSaleOut:
        aftersales.withdraw(member_id, row_id, now=now)
        return _aftersale(member_id, number)

    response = once(work)
    outbox.drain(now, subject=("aftersale_ended", row_id))
    return response


def _items(member_id: int, given: Sequence[ItemIn] | None) -> list[Item]:
    if given is not None:
        return [Item(item.sku_id, item.quantity) for item in given]
    ticked = cart.ticked(member_id)
    if not ticked:
        raise InvalidInput("items", "购物车里没有勾选可以购买的商品")
    return [Item(row.sku.id, row.counted) for row in ticked]


def _address(
    member_id: int, address_id: int | None
) -> members.Address | members.UsualAddress | None:
    if address_id is not None:
        return members.address_of(member_id, address_id)
    return members.default_address(member_id)


def _order(member_id: int, number: str) -> OrderOut:
    return order_out(
        orders.order_of(member_id, number), members.get(member_id).public_id, is_open=True
    )


def _aftersale(member_id: int, number: str) -> AfterSaleOut:
    row = aftersales.aftersale_of(member_id, number)
    return aftersale_out(row, orders.by_ids([row.order_id])[row.order_id].number)


def _actor() -> audit.Actor:
    return audit.Actor.member(current_member().id, web.remote_address())
