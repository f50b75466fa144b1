import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.crypto import EncryptedText
from app.core.db import BigId, Model, UTCDateTime, enum_column
from app.orders.extras import OrderAdjustment, Pickup

# Law caps depth at 2, a server may allow 3: the schema itself refuses a fourth.
DEPTH_MAX = 3
# Pieces of one SKU in an order line or a cart line.
QUANTITY_MAX = 999


class OrderStatus(enum.StrEnum):
    UNPAID = "unpaid"  # 待付款
    CLOSING = "closing"  # being closed at WeChat; the stock is still reserved
    CLOSED = "closed"  # 已关闭
    PAID = "paid"  # 待发货
    SHIPPED = "shipped"  # 待收货
    RECEIVED = "received"  # 已收货, inside the return window
    FINISHED = "finished"  # 已完成
    REFUNDED = "refunded"  # 已退款: every line of it


TRANSITIONS = {
    OrderStatus.UNPAID: {OrderStatus.PAID, OrderStatus.CLOSING},
    OrderStatus.CLOSING: {OrderStatus.CLOSED},
    OrderStatus.CLOSED: set(),
    OrderStatus.PAID: {OrderStatus.SHIPPED, OrderStatus.REFUNDED},
    OrderStatus.SHIPPED: {OrderStatus.RECEIVED, OrderStatus.REFUNDED},
    OrderStatus.RECEIVED: {OrderStatus.FINISHED, OrderStatus.REFUNDED},
    OrderStatus.FINISHED: set(),
    OrderStatus.REFUNDED: set(),
}


class Order(Model):
    """What a member bought (订单)."""

    __tablename__ = "orders"
    __table_args__ = (
        sa.UniqueConstraint("member_id", "request_key"),
        sa.Index(None, "status", "id"),
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "paid_at"),
        # What was received in a period: bonuses.
        sa.Index(None, "received_at"),
        sa.CheckConstraint("payable_fen > 0", name="payable_positive"),
        sa.CheckConstraint(
            "payable_fen = goods_fen + freight_fen - discount_fen", name="payable_adds_up"
        ),
        sa.CheckConstraint("open_aftersales >= 0", name="open_aftersales_not_negative"),
        sa.CheckConstraint(
            "freight_refunded_fen BETWEEN 0 AND freight_fen", name="freight_refunded_in_range"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(sa.String(32), unique=True)
    # Made by the checkout page: a double tap orders once.
    request_key: Mapped[str] = mapped_column(sa.String(64))
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    status: Mapped[OrderStatus] = mapped_column(enum_column(OrderStatus, "status"))
    goods_fen: Mapped[int] = mapped_column(sa.BigInteger)
    freight_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    discount_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    payable_fen: Mapped[int] = mapped_column(sa.BigInteger)
    receiver_name: Mapped[str] = mapped_column(EncryptedText)
    receiver_phone: Mapped[str] = mapped_column(EncryptedText)
    receiver_region: Mapped[str] = mapped_column(sa.String(60))
    receiver_detail: Mapped[str] = mapped_column(EncryptedText)
    remark: Mapped[str] = mapped_column(sa.String(200), default="")
    # Nothing is sent: no receiver, no parcel, and nothing that could come back.
    is_virtual: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    # What the buyer got instead of a parcel (交付内容), a code for example.
    delivery_note: Mapped[str | None] = mapped_column(EncryptedText)
    carrier: Mapped[str] = mapped_column(sa.String(30), default="")
    tracking_number: Mapped[str] = mapped_column(sa.String(40), default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    paid_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    shipped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    received_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The end of the return window with refund time: fixed when goods are received.
    guard_ends_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The member took it out of their list; it stays for everybody else.
    hidden_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # An order does not finish while an after-sale of it is open.
    open_aftersales: Mapped[int] = mapped_column(default=0)
    freight_refunded_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)

    lines: Mapped[list["OrderLine"]] = relationship(back_populates="order", order_by="OrderLine.id")
    adjustments: Mapped[list[OrderAdjustment]] = relationship(order_by=OrderAdjustment.id)
    # None for what a carrier brings.
    pickup: Mapped[Pickup | None] = relationship()

    @property
    def is_paid(self) -> bool:
        return self.paid_at is not None


class OrderLine(Model):
    """One SKU of an order with every input of its commissions (订单行)."""

    __tablename__ = "order_lines"
    __table_args__ = (
        sa.CheckConstraint(f"quantity BETWEEN 1 AND {QUANTITY_MAX}", name="quantity_in_range"),
        sa.CheckConstraint("paid_fen >= 0", name="paid_not_negative"),
        sa.CheckConstraint("refunded_fen BETWEEN 0 AND paid_fen", name="refunded_within_paid"),
        sa.CheckConstraint(
            "refunded_quantity BETWEEN 0 AND quantity", name="refunded_within_quantity"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"), index=True)
    sku_id: Mapped[int] = mapped_column(sa.ForeignKey("skus.id"), index=True)
    title: Mapped[str] = mapped_column(sa.String(80))
    sku_name: Mapped[str] = mapped_column(sa.String(60))
    picture: Mapped[str] = mapped_column(sa.String(200), default="")
    # Nearest first, as the tree was at checkout.
    category_ids: Mapped[list[int]] = mapped_column(sa.JSON)
    quantity: Mapped[int]
    unit_price_fen: Mapped[int] = mapped_column(sa.BigInteger)
    unit_cost_fen: Mapped[int] = mapped_column(sa.BigInteger)
    # What was paid for this line after every discount, freight left out.
    paid_fen: Mapped[int] = mapped_column(sa.BigInteger)
    refunded_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    refunded_quantity: Mapped[int] = mapped_column(default=0)

    order: Mapped[Order] = relationship(back_populates="lines")


class OrderSeat(Model):
    """Who may earn from an order, as they stood at checkout: 0 is the buyer."""

    __tablename__ = "order_seats"
    __table_args__ = (
        sa.UniqueConstraint("order_id", "position"),
        sa.CheckConstraint(f"position BETWEEN 0 AND {DEPTH_MAX}", name="position_in_range"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"))
    position: Mapped[int]
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"), index=True)
    level: Mapped[str] = mapped_column(sa.String(20), default="")
    is_active: Mapped[bool]


class PaymentKind(enum.StrEnum):
    WECHAT = "wechat"  # 微信支付
    BALANCE = "balance"  # 余额支付: out of the buyer's own commissions


class PaymentStatus(enum.StrEnum):
    CREATED = "created"  # the number is saved, WeChat may or may not know it
    SUCCESS = "success"
    CLOSED = "closed"


class Payment(Model):
    """One way to pay an order (支付单): a number at WeChat Pay, or the buyer's balance."""

    __tablename__ = "payments"
    __table_args__ = (sa.Index(None, "status", "created_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    kind: Mapped[PaymentKind] = mapped_column(
        enum_column(PaymentKind, "kind"), default=PaymentKind.WECHAT, server_default="wechat"
    )
    out_trade_no: Mapped[str] = mapped_column(sa.String(32), unique=True)
    amount_fen: Mapped[int] = mapped_column(sa.BigInteger)
    status: Mapped[PaymentStatus] = mapped_column(
        enum_column(PaymentStatus, "status"), default=PaymentStatus.CREATED
    )
    prepay_id: Mapped[str] = mapped_column(sa.String(64), default="")
    prepaid_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    transaction_id: Mapped[str | None] = mapped_column(sa.String(32), unique=True)
    # Whose WeChat paid, as the notice says; empty in the oldest rows.
    payer_openid: Mapped[str] = mapped_column(sa.String(64), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # When the query job last asked, so that it asks less and less often.
    queried_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    paid_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    order: Mapped[Order] = relationship()


class OddityKind(enum.StrEnum):
    """What may go wrong with money from outside (支付异常)."""

    UNKNOWN_NUMBER = "unknown_number"
    AMOUNT_DIFFERS = "amount_differs"
    MERCHANT_DIFFERS = "merchant_differs"
    APP_DIFFERS = "app_differs"
    PAID_LATE = "paid_late"
    PAID_TWICE = "paid_twice"
    TRANSFER_DIFFERS = "transfer_differs"
    REFUND_DIFFERS = "refund_differs"


class Oddity(Model):
    """Something about money that a person must look at (支付异常)."""

    __tablename__ = "payment_oddities"
    __table_args__ = (
        sa.UniqueConstraint("kind", "reference"),
        sa.Index(None, "resolved_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[OddityKind] = mapped_column(enum_column(OddityKind, "kind"))
    # The number at WeChat that it is about; the same trouble is raised once.
    reference: Mapped[str] = mapped_column(sa.String(64))
    order_id: Mapped[int | None] = mapped_column(sa.ForeignKey("orders.id"))
    facts: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    resolved_by: Mapped[str] = mapped_column(sa.String(64), default="")
    resolution: Mapped[str] = mapped_column(sa.String(200), default="")
