"""The lists of orders, pick-ups and after-sales."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import selectinload

from app import aftersales, members, orders
from app.admin import words
from app.admin.models import Permission
from app.admin.tables import asked
from app.admin.tables.kinds import Column, Facts, Given, Kind, Listing, Personal
from app.aftersales import AfterSale, AfterSaleKind
from app.core.db import Rows
from app.orders import Order, OrderStatus, Pickup


def _goods(row: Order, _facts: Facts) -> str:
    return "；".join(f"{line.title} {line.sku_name} × {line.quantity}" for line in row.lines)


def _way(row: Order) -> str:
    return "到店自提" if row.pickup else "虚拟商品" if row.is_virtual else "快递"


def _buyer(row: Any, facts: Facts) -> str:
    found = facts["buyers"].get(row.member_id)
    return found.display_name if found else ""


def _orders(given: Given) -> Rows:
    state = given.get("state", "")
    status = OrderStatus(state) if state in {str(known) for known in OrderStatus} else None
    return orders.desk_orders(status, number=given.get("number", "").upper()[:32])


def _order_facts(rows: Sequence[Order]) -> Facts:
    return {"buyers": members.names_of(row.member_id for row in rows)}


# Without a state the list is walked along the index of the time of payment.
_ALL = frozenset({""})
ORDERS = Listing(
    name="orders",
    title="订单",
    endpoint="admin.orders",
    permission=Permission.ORDER_VIEW,
    key=Order.id,
    filters=("state", "number"),
    query=_orders,
    facts=_order_facts,
    load=orders.WITH_LINES,
    columns=(
        Column("number", "订单号", lambda row, _: row.number),
        Column("goods", "商品", _goods),
        Column("buyer", "买家", _buyer),
        Column("goods_fen", "商品金额", lambda row, _: row.goods_fen, Kind.MONEY, is_shown=False),
        Column("freight", "运费", lambda row, _: row.freight_fen, Kind.MONEY, is_shown=False),
        Column("discount", "优惠", lambda row, _: row.discount_fen, Kind.MONEY, is_shown=False),
        Column("payable", "实付", lambda row, _: row.payable_fen, Kind.MONEY),
        Column("created", "下单", lambda row, _: row.created_at, Kind.TIME, by=Order.id),
        Column(
            "paid",
            "付款",
            lambda row, _: row.paid_at,
            Kind.TIME,
            by=Order.paid_at,
            sorts_in=_ALL,
        ),
        Column("shipped", "发货", lambda row, _: row.shipped_at, Kind.TIME, is_shown=False),
        Column("received", "收货", lambda row, _: row.received_at, Kind.TIME, is_shown=False),
        Column("finished", "完成", lambda row, _: row.finished_at, Kind.TIME, is_shown=False),
        Column("way", "收货方式", lambda row, _: _way(row), is_shown=False),
        Column(
            "receiver",
            "收货人",
            lambda row, _: row.receiver_name,
            personal=Personal.NAME,
            is_shown=False,
        ),
        Column(
            "phone",
            "手机",
            lambda row, _: row.receiver_phone,
            personal=Personal.PHONE,
            is_shown=False,
        ),
        Column(
            "address",
            "收货地址",
            lambda row, _: f"{row.receiver_region} {row.receiver_detail}".strip(),
            personal=Personal.ADDRESS,
            masked=lambda row, _: f"{row.receiver_region} ******" if row.receiver_region else "",
            is_shown=False,
        ),
        Column("carrier", "快递公司", lambda row, _: row.carrier, is_shown=False),
        Column("tracking", "快递单号", lambda row, _: row.tracking_number, is_shown=False),
        Column("remark", "买家备注", lambda row, _: row.remark, is_shown=False),
        Column("status", "状态", lambda row, _: words.word(words.orders.ORDER, row.status)[0]),
    ),
)


def _pickups(given: Given) -> Rows:
    return orders.pickups.desk(
        is_taken=given.get("state") == "taken",
        shop_id=asked.key(given.get("shop", "")),
        number=given.get("number", "").upper()[:32],
    )


def _pickup_facts(rows: Sequence[Pickup]) -> Facts:
    found = orders.by_ids(row.order_id for row in rows)
    return {
        "orders": found,
        "buyers": members.names_of(order.member_id for order in found.values()),
    }


def _of(row: Pickup, facts: Facts) -> Order:
    order: Order = facts["orders"][row.order_id]
    return order


def pickup_status(order: Order) -> tuple[str, str]:
    """How far an order is that is fetched at a shop, with its tone."""
    if order.status is OrderStatus.PAID:
        return "待备货", "wait"
    if order.status is OrderStatus.SHIPPED:
        return "待提货", "go"
    return words.word(words.orders.ORDER, order.status)


PICKUPS = Listing(
    name="pickups",
    title="到店自提",
    endpoint="admin.pickups",
    permission=Permission.ORDER_VIEW,
    key=Pickup.id,
    filters=("state", "shop", "number"),
    query=_pickups,
    facts=_pickup_facts,
    load=(selectinload(Pickup.shop),),
    columns=(
        Column("number", "订单号", lambda row, facts: _of(row, facts).number),
        Column("goods", "商品", lambda row, facts: _goods(_of(row, facts), facts)),
        Column("buyer", "买家", lambda row, facts: _buyer(_of(row, facts), facts)),
        Column(
            "receiver",
            "提货人",
            lambda row, facts: _of(row, facts).receiver_name,
            personal=Personal.NAME,
            is_shown=False,
        ),
        Column(
            "phone",
            "手机",
            lambda row, facts: _of(row, facts).receiver_phone,
            personal=Personal.PHONE,
            is_shown=False,
        ),
        Column("shop", "自提点", lambda row, _: row.shop.name),
        Column(
            "payable",
            "实付",
            lambda row, facts: _of(row, facts).payable_fen,
            Kind.MONEY,
            is_shown=False,
        ),
        Column(
            "created",
            "下单",
            lambda row, facts: _of(row, facts).created_at,
            Kind.TIME,
            by=Pickup.id,
            is_shown=False,
        ),
        Column("paid", "付款", lambda row, facts: _of(row, facts).paid_at, Kind.TIME),
        Column(
            "taken",
            "提货",
            lambda row, _: row.picked_up_at,
            Kind.TIME,
            filled_in=frozenset({"taken"}),
        ),
        Column(
            "status",
            "状态",
            lambda row, facts: pickup_status(_of(row, facts))[0],
            filled_in=frozenset({"waiting"}),
        ),
    ),
)


def _aftersales(given: Given) -> Rows:
    wanted = {key: statuses for key, _, statuses in words.aftersales.TABS}
    kind = given.get("kind", "")
    return aftersales.desk_aftersales(
        wanted.get(given.get("state", ""), ()),
        number=given.get("number", "").upper()[:32],
        kind=AfterSaleKind(kind) if kind in {str(known) for known in AfterSaleKind} else None,
    )


def _aftersale_facts(rows: Sequence[AfterSale]) -> Facts:
    return {
        "orders": orders.by_ids(row.order_id for row in rows),
        "buyers": members.names_of(row.member_id for row in rows),
    }


def _returned(row: AfterSale, facts: Facts) -> str:
    lines = {line.id: line for line in facts["orders"][row.order_id].lines}
    titles = [lines[item.line_id].title for item in row.items if item.line_id in lines]
    return "；".join(titles) or "运费"


AFTERSALES = Listing(
    name="aftersales",
    title="售后",
    endpoint="admin.aftersales",
    permission=Permission.AFTERSALE_VIEW,
    key=AfterSale.id,
    filters=("state", "number", "kind"),
    query=_aftersales,
    facts=_aftersale_facts,
    load=(aftersales.WITH_ITEMS,),
    columns=(
        Column("number", "售后单号", lambda row, _: row.number),
        Column(
            "order",
            "订单号",
            lambda row, facts: facts["orders"][row.order_id].number,
            is_shown=False,
        ),
        Column("buyer", "买家", _buyer),
        Column("goods", "商品", _returned),
        Column("kind", "类型", lambda row, _: words.aftersales.KIND[row.kind]),
        Column("reason", "原因", lambda row, _: row.reason, is_shown=False),
        Column(
            "amount",
            "退款金额",
            lambda row, _: None if row.kind is AfterSaleKind.EXCHANGE else row.amount_fen,
            Kind.MONEY,
        ),
        Column("created", "申请时间", lambda row, _: row.created_at, Kind.TIME, by=AfterSale.id),
        Column("ended", "结束时间", lambda row, _: row.ended_at, Kind.TIME, is_shown=False),
        Column("answer", "审核说明", lambda row, _: row.decision_note, is_shown=False),
        Column("back", "退回单号", lambda row, _: row.return_tracking, is_shown=False),
        Column("again", "换货单号", lambda row, _: row.resend_tracking, is_shown=False),
        Column("status", "状态", lambda row, _: words.word(words.aftersales.STATE, row.status)[0]),
    ),
)
