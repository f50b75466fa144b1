"""Fetching an order at a shop (到店自提), with a code that proves whose it is.

The order walks as others do: `shipped` says that it is ready at the shop, and
`received` that it was handed over for its code. Nobody receives it by waiting.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app import audit, outbox
from app.core.db import Rows, db, require_transaction
from app.core.errors import DomainError, IllegalMove, InvalidInput, NotFound
from app.core.rows import direct
from app.orders import fulfilment, states
from app.orders.extras import Located, Pickup, PickupShop
from app.orders.models import Order, OrderStatus

SHOPS_MAX = 200
_PHONE = re.compile(r"[0-9][0-9 -]{5,28}", re.ASCII)


@dataclass(frozen=True)
class PickupWish:
    """Where somebody wants to fetch an order, and who comes."""

    shop_id: int
    name: str
    phone: str


@dataclass(frozen=True)
class ShopInput:
    """What an admin typed of a shop."""

    name: str
    region: str
    detail: str
    hours: str
    phone: str
    is_open: bool

    def checked(self) -> "ShopInput":
        """Trimmed and valid. Raises InvalidInput naming the first field at fault."""
        texts = {
            name: " ".join(str(getattr(self, name)).split())
            for name in ("name", "region", "detail", "hours", "phone")
        }
        for name, label, most in (
            ("name", "名称", 40),
            ("region", "所在地区", 60),
            ("detail", "详细地址", 80),
            ("hours", "营业时间", 60),
        ):
            if not texts[name]:
                raise InvalidInput(name, f"请填写{label}")
            if len(texts[name]) > most:
                raise InvalidInput(name, f"{label}最多 {most} 个字")
        if not _PHONE.fullmatch(texts["phone"]):
            raise InvalidInput("phone", "请填写联系电话，例如 0571-87654321")
        return ShopInput(**texts, is_open=self.is_open)


class WrongCode(DomainError):
    code = "wrong_pickup_code"
    status = 422
    field = "code"
    message = "没有找到这个提货码，请核对 12 位数字"


# --- shops -------------------------------------------------------------------------


def shops() -> Sequence[PickupShop]:
    """Every shop, open ones first."""
    return db.session.scalars(
        sa.select(PickupShop).order_by(PickupShop.is_open.desc(), PickupShop.id)
    ).all()


@dataclass(frozen=True)
class OpenShop(Located):
    """A shop as whoever buys sees it."""

    id: int
    name: str
    region: str
    detail: str
    hours: str
    phone: str


_OPEN = (
    sa.select(
        *(PickupShop.id, PickupShop.name, PickupShop.region),
        *(PickupShop.detail, PickupShop.hours, PickupShop.phone),
    )
    .where(PickupShop.is_open)
    .order_by(PickupShop.id)
)


def open_shops() -> list[OpenShop]:
    """Where orders may be fetched."""
    return [OpenShop(*row) for row in direct(_OPEN)]


def shop(shop_id: int) -> PickupShop:
    """Raises NotFound."""
    found = db.session.get(PickupShop, shop_id)
    if found is None:
        raise NotFound("自提点不存在")
    return found


def open_shop(shop_id: int) -> PickupShop:
    """Raises NotFound for one that takes no orders, too."""
    found = shop(shop_id)
    if not found.is_open:
        raise NotFound("这个自提点已停用，请选择其他方式")
    return found


def save_shop(
    shop_id: int | None, given: ShopInput, *, actor: audit.Actor, now: datetime
) -> PickupShop:
    """Open a shop, or change one; orders keep the address they had.

    Raises InvalidInput, NotFound.
    """
    require_transaction()
    clean = given.checked()
    before = None
    if shop_id is None:
        if len(shops()) >= SHOPS_MAX:
            raise InvalidInput("name", f"最多 {SHOPS_MAX} 个自提点")
        found = PickupShop()
        db.session.add(found)
    else:
        found = shop(shop_id)
        before = {name: getattr(found, name) for name in vars(clean)}
    for name, value in vars(clean).items():
        setattr(found, name, value)
    found.updated_at = now
    db.session.flush()
    audit.record(
        "pickup_shop.save",
        subject="pickup_shop",
        subject_id=found.id,
        actor=actor,
        now=now,
        before=before,
        after=dict(vars(clean)),
    )
    return found


# --- orders ------------------------------------------------------------------------


def attach(order: Order, wish: PickupWish) -> None:
    """Give an order that is being placed its shop and its code."""
    order.pickup = Pickup(shop_id=wish.shop_id, code=f"{secrets.randbelow(10**12):012d}")


def order_for_code(code: str) -> Order:
    """The order that a code fetches, typed with spaces or without. Raises WrongCode."""
    digits = "".join(code.split())
    order_id = db.session.scalar(sa.select(Pickup.order_id).filter_by(code=digits))
    if order_id is None:
        raise WrongCode()
    return db.session.get_one(Order, order_id)


# Paid and not fetched yet: to be made ready, or ready.
WAITING = (OrderStatus.PAID, OrderStatus.SHIPPED)


def desk(*, is_taken: bool, shop_id: int | None = None, number: str = "") -> Rows:
    """Orders that wait to be fetched, or that were, as the panel's list reads them.

    `number` is the beginning of an order's number.
    """
    query: Rows = sa.select(Pickup).join(Order, Order.id == Pickup.order_id)
    if is_taken:
        query = query.where(Pickup.picked_up_at.is_not(None))
    else:
        query = query.where(Order.status.in_(WAITING))
    if shop_id is not None:
        query = query.where(Pickup.shop_id == shop_id)
    if number:
        query = query.where(Order.number.startswith(number, autoescape=True))
    return query


def waiting_count() -> int:
    """How many orders wait to be fetched."""
    query = sa.select(sa.func.count()).select_from(Pickup)
    joined = query.join(Order, Order.id == Pickup.order_id)
    return db.session.scalar(joined.where(Order.status.in_(WAITING))) or 0


def ready(order_id: int, *, actor: audit.Actor, now: datetime) -> Order:
    """The goods wait at the shop (备货完成). Raises NotFound, IllegalMove."""
    order = states.locked(order_id)
    if order.pickup is None:
        raise IllegalMove("这不是自提订单")
    states.move(order, OrderStatus.SHIPPED, actor=actor, now=now)
    order.shipped_at = now
    audit.record("order.ready", subject="order", subject_id=order.id, actor=actor, now=now)
    outbox.publish("order_shipped", order.id, now=now)
    return order


def redeem(code: str, *, actor: audit.Actor, now: datetime) -> Order:
    """Hand an order over for its code (核销); it counts as received.

    Raises:
        WrongCode: there is no such code.
        IllegalMove: it is not paid, or was handed over before.
    """
    require_transaction()
    order_id = order_for_code(code).id
    order = states.locked(order_id)
    if order.status is OrderStatus.PAID:
        # Fetched before anybody said that it was ready.
        ready(order_id, actor=actor, now=now)
    elif order.status is not OrderStatus.SHIPPED:
        taken = order.received_at is not None
        raise IllegalMove("这个提货码已经核销过" if taken else "订单还没有付款或已关闭，不能提货")
    if order.pickup is None:
        raise RuntimeError("a code belongs to a pick-up")
    order.pickup.picked_up_at = now
    audit.record("order.redeem", subject="order", subject_id=order.id, actor=actor, now=now)
    return fulfilment.receive(order_id, actor=actor, now=now, with_code=True)
