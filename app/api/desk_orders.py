"""Orders and after-sales, for other systems of the shop: a warehouse, a bookkeeping."""

from collections.abc import Sequence

from flask import Response
from pydantic import Field

from app import aftersales, members, orders
from app.aftersales import AfterSale
from app.api.blueprint import V1, bp
from app.api.operation import actor, may_see_personal, note_personal, once, operation
from app.api.shapes import Answer, Body, Fen, Moment, Paged, next_of
from app.core import clock
from app.core.crypto import mask_phone
from app.integrations import Scope
from app.orders import Order

TAG = "订单与发货"
MASKED = "没有 members:personal 权限时只给出部分字符"


class LineOut(Answer):
    id: int
    product_id: int
    sku_id: int
    title: str
    sku_name: str
    quantity: int
    unit_price_fen: Fen
    paid_fen: Fen = Field(description="这一行实付金额（分），不含运费")
    refunded_fen: Fen
    refunded_quantity: int


class ReceiverOut(Answer):
    name: str = Field(description=MASKED)
    phone: str = Field(description=MASKED)
    region: str
    detail: str | None = Field(description="没有 members:personal 权限时为空")


class OrderOut(Answer):
    number: str
    member: str = Field(description="会员编号")
    status: orders.OrderStatus
    goods_fen: Fen
    freight_fen: Fen
    discount_fen: Fen
    payable_fen: Fen
    freight_refunded_fen: Fen
    receiver: ReceiverOut | None = Field(description="自提和虚拟商品没有")
    is_virtual: bool
    is_pickup: bool
    remark: str
    carrier: str
    tracking_number: str
    created_at: Moment
    expires_at: Moment
    paid_at: Moment | None
    shipped_at: Moment | None
    received_at: Moment | None
    finished_at: Moment | None
    lines: Sequence[LineOut]


class OrderList(Answer):
    items: Sequence[OrderOut]
    next_cursor: str | None


class OrderQuery(Paged):
    status: orders.OrderStatus | None = Field(None, description="只看这个状态")


class ShipIn(Body):
    carrier: str = Field(min_length=1, max_length=30, description="快递公司")
    tracking_number: str = Field(pattern=r"^[0-9A-Za-z-]{6,40}$", description="快递单号")


class AfterSaleItemOut(Answer):
    line_id: int
    quantity: int
    amount_fen: Fen


class AfterSaleOut(Answer):
    number: str
    order: str = Field(description="订单号")
    kind: aftersales.AfterSaleKind
    status: aftersales.AfterSaleStatus
    reason: str
    goods_fen: Fen
    freight_fen: Fen
    amount_fen: Fen
    return_carrier: str
    return_tracking: str
    created_at: Moment
    ended_at: Moment | None
    items: Sequence[AfterSaleItemOut]


class AfterSaleList(Answer):
    items: Sequence[AfterSaleOut]
    next_cursor: str | None


class AfterSaleQuery(Paged):
    status: aftersales.AfterSaleStatus | None = Field(None, description="只看这个状态")


@bp.get(f"{V1}/orders")
@operation(OrderList, tag=TAG, scope=Scope.ORDERS_READ)
def list_orders(query: OrderQuery) -> OrderList:
    """订单列表，最新的在前"""
    page = orders.orders_page(query.status, before=query.before, size=query.limit)
    people = members.names_of(row.member_id for row in page.items)
    found = [
        order_out(row, people[row.member_id].public_id, is_open=may_see_personal())
        for row in page.items
    ]
    cursor = next_of(page)
    if may_see_personal():
        note_personal("orders", len(found))
    return OrderList(items=found, next_cursor=cursor)


@bp.get(f"{V1}/orders/<number>")
@operation(OrderOut, tag=TAG, scope=Scope.ORDERS_READ)
def get_order(number: str) -> OrderOut:
    """一笔订单"""
    found = _order(number)
    if may_see_personal():
        note_personal("orders", 1)
    return found


@bp.post(f"{V1}/orders/<number>/shipment")
@operation(OrderOut, tag=TAG, scope=Scope.ORDERS_SHIP, writes=True)
def ship_order(number: str, json: ShipIn) -> Response:
    """发货：填写快递公司和单号"""

    def work() -> OrderOut:
        row = orders.order_by_number(number)
        orders.ship(
            row.id,
            carrier=json.carrier,
            tracking_number=json.tracking_number,
            actor=actor(),
            now=clock.now(),
        )
        return order_out(row, members.get(row.member_id).public_id, is_open=False)

    return once(work)


@bp.get(f"{V1}/aftersales")
@operation(AfterSaleList, tag="售后", scope=Scope.AFTERSALES_READ)
def list_aftersales(query: AfterSaleQuery) -> AfterSaleList:
    """售后单列表，最新的在前"""
    page = aftersales.aftersales_page(
        (query.status,) if query.status else (), before=query.before, size=query.limit
    )
    numbers = {row.id: row.number for row in orders.by_ids(r.order_id for r in page.items).values()}
    return AfterSaleList(
        items=[aftersale_out(row, numbers[row.order_id]) for row in page.items],
        next_cursor=next_of(page),
    )


@bp.get(f"{V1}/aftersales/<number>")
@operation(AfterSaleOut, tag="售后", scope=Scope.AFTERSALES_READ)
def get_aftersale(number: str) -> AfterSaleOut:
    """一张售后单"""
    row = aftersales.aftersale_by_number(number)
    return aftersale_out(row, orders.by_ids([row.order_id])[row.order_id].number)


def _order(number: str) -> OrderOut:
    row = orders.order_by_number(number)
    return order_out(row, members.get(row.member_id).public_id, is_open=may_see_personal())


def order_out(row: Order, member_number: str, *, is_open: bool) -> OrderOut:
    """An order as a client sees it; `is_open` with the receiver in full.

    `member_number` is the buyer's, which people see.
    """
    receiver = None
    if not row.is_virtual:
        name = row.receiver_name
        receiver = ReceiverOut(
            name=name if is_open else f"{name[:1]}*",
            phone=row.receiver_phone if is_open else mask_phone(row.receiver_phone),
            region=row.receiver_region,
            detail=row.receiver_detail if is_open else None,
        )
    return OrderOut(
        **{name: getattr(row, name) for name in _SAME},
        member=member_number,
        receiver=receiver,
        is_pickup=row.pickup is not None,
        lines=[LineOut.model_validate(line) for line in row.lines],
    )


_SAME = [
    *("number", "status", "goods_fen", "freight_fen", "discount_fen", "payable_fen"),
    *("freight_refunded_fen", "is_virtual", "remark", "carrier", "tracking_number"),
    *("created_at", "expires_at", "paid_at", "shipped_at", "received_at", "finished_at"),
]


def aftersale_out(row: AfterSale, order_number: str) -> AfterSaleOut:
    same = set(AfterSaleOut.model_fields) - {"order", "items"}
    return AfterSaleOut(
        **{name: getattr(row, name) for name in same},
        order=order_number,
        items=[AfterSaleItemOut.model_validate(item) for item in row.items],
    )
