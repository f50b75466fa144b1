"""What the member ordered, paid, gave back and had invoiced."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.aftersales import AfterSale
from app.orders import InvoiceRequest, Order, OrderLine, Payment
from app.privacy.inventory.reading import TRADE_KEPT, TRADE_LAW, every, read
from app.privacy.parts import Section


def orders(member_id: int) -> list[Section]:
    found: Sequence[Order] = every(
        sa.select(Order)
        .filter_by(member_id=member_id)
        .options(selectinload(Order.lines))
        .order_by(Order.id)
    )
    numbers = {order.id: order.number for order in found}
    columns = (
        ("number", "订单号"),
        ("status", "状态"),
        ("goods_fen", "商品金额"),
        ("freight_fen", "运费"),
        ("discount_fen", "优惠"),
        ("payable_fen", "应付"),
        ("receiver_name", "收货人"),
        ("receiver_phone", "电话"),
        ("receiver_region", "地区"),
        ("receiver_detail", "详细地址"),
        ("remark", "备注"),
        ("delivery_note", "交付内容"),
        ("carrier", "快递公司"),
        ("tracking_number", "快递单号"),
        ("created_at", "下单时间"),
        ("paid_at", "付款时间"),
        ("received_at", "收货时间"),
    )
    line_columns = (
        ("order", "订单号"),
        ("title", "商品"),
        ("sku_name", "规格"),
        ("quantity", "数量"),
        ("unit_price_fen", "单价"),
        ("paid_fen", "实付"),
        ("refunded_fen", "已退"),
    )
    lines: list[OrderLine] = [line for order in found for line in order.lines]
    invoice_columns = (
        ("order", "订单号"),
        ("title", "抬头"),
        ("tax_number", "税号"),
        ("email", "邮箱"),
        ("amount_fen", "金额"),
        ("status", "状态"),
        ("invoice_number", "发票号码"),
        ("created_at", "申请时间"),
    )
    payment_columns = (
        ("order", "订单号"),
        ("out_trade_no", "支付单号"),
        ("transaction_id", "微信支付单号"),
        ("amount_fen", "金额"),
        ("status", "状态"),
        ("paid_at", "付款时间"),
    )
    payments = every(sa.select(Payment).where(Payment.order_id.in_(numbers)).order_by(Payment.id))
    invoices = every(
        sa.select(InvoiceRequest).filter_by(member_id=member_id).order_by(InvoiceRequest.id)
    )

    aftersale_columns = (
        ("order", "订单号"),
        ("number", "售后单号"),
        ("kind", "类型"),
        ("status", "状态"),
        ("reason", "原因"),
        ("description", "说明"),
        ("goods_fen", "商品退款"),
        ("freight_fen", "运费退款"),
        ("created_at", "申请时间"),
        ("ended_at", "结束时间"),
    )
    aftersales = every(sa.select(AfterSale).filter_by(member_id=member_id).order_by(AfterSale.id))

    def with_number(rows: Sequence[Any], wanted: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        values = read(rows, wanted[1:])
        return [{"order": numbers.get(row.order_id, ""), **r} for row, r in zip(rows, values)]

    return [
        Section("orders", "订单", TRADE_LAW, TRADE_KEPT, columns, read(found, columns)),
        Section(
            "order_lines",
            "订单商品",
            TRADE_LAW,
            TRADE_KEPT,
            line_columns,
            with_number(lines, line_columns),
        ),
        Section(
            "payments",
            "付款",
            TRADE_LAW,
            TRADE_KEPT,
            payment_columns,
            with_number(payments, payment_columns),
        ),
        Section(
            "aftersales",
            "售后",
            TRADE_LAW,
            "交易完成后 3 年；注销时删除说明与图片",
            aftersale_columns,
            with_number(aftersales, aftersale_columns),
        ),
        Section(
            "invoices",
            "发票",
            "发票管理办法要求的开票记录",
            "5 年；注销时删除邮箱与个人抬头",
            invoice_columns,
            with_number(invoices, invoice_columns),
        ),
    ]
