"""What may still be asked for: how many pieces, how much, how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import catalog, orders, settings
from app.aftersales.errors import AmountTooHigh, NotAskable
from app.aftersales.models import AfterSaleKind
from app.core.errors import InvalidInput
from app.core.money import format_yuan
from app.orders import Order, OrderLine, OrderStatus

K = AfterSaleKind
_KINDS: dict[OrderStatus, tuple[AfterSaleKind, ...]] = {
    OrderStatus.PAID: (K.REFUND,),
    OrderStatus.SHIPPED: (K.REFUND, K.RETURN, K.EXCHANGE),
    OrderStatus.RECEIVED: (K.REFUND, K.RETURN, K.EXCHANGE),
}


@dataclass(frozen=True)
class Wanted:
    """What is asked for of one line. `amount_fen` None: all that goes with the pieces."""

    line_id: int
    quantity: int
    amount_fen: int | None = None


@dataclass(frozen=True)
class Part:
    """A line with what will be refunded of it."""

    line: OrderLine
    quantity: int
    amount_fen: int


def kinds_for(order: Order, now: datetime) -> tuple[AfterSaleKind, ...]:
    """What the buyer may ask for now; empty when it is too late or too early."""
    ends = asked_until(order)
    if ends is not None and now >= ends:
        return ()
    kinds = _KINDS.get(order.status, ())
    # Of virtual goods nothing can come back.
    return kinds[:1] if order.is_virtual else kinds


def asked_until(order: Order) -> datetime | None:
    """The end of the time in which a buyer may ask; None before the goods arrived."""
    if order.received_at is None or order.guard_ends_at is None:
        return None
    days = settings.value(settings.registry.AFTERSALE_DAYS)
    return min(order.received_at + timedelta(days=days), order.guard_ends_at)


def refunded_of(order: Order) -> int:
    """What is booked as refunded of an order, freight included, in fen."""
    return order.freight_refunded_fen + sum(line.refunded_fen for line in order.lines)


def pieces_left(line: OrderLine) -> int:
    return line.quantity - line.refunded_quantity


def most_fen(line: OrderLine, quantity: int) -> int:
    """The most that may be refunded for `quantity` pieces of a line, in fen.

    Some pieces get their share rounded down, the last ones all that is left: so
    many small refunds never pay more than was paid, and a fen is never kept.
    """
    left = line.paid_fen - line.refunded_fen
    if quantity in (0, pieces_left(line)):
        return left
    return min(left, line.paid_fen * quantity // line.quantity)


def parts_of(order: Order, kind: AfterSaleKind, wanted: Sequence[Wanted]) -> list[Part]:
    """Check what is asked against what is left.

    Raises:
        InvalidInput: no line, a strange one, or a quantity out of range.
        AmountTooHigh: more than is left of a line.
        NotAskable: everything was refunded before.
    """
    if not wanted:
        raise InvalidInput("items", "请选择要售后的商品")
    lines = {line.id: line for line in order.lines}
    if len({want.line_id for want in wanted}) != len(wanted) or any(
        want.line_id not in lines for want in wanted
    ):
        raise InvalidInput("items", "所选商品不在这笔订单里")
    if kind is not K.REFUND:
        _refuse_virtual([lines[want.line_id] for want in wanted])
    parts = [_part(lines[want.line_id], kind, want) for want in wanted]
    if kind is not K.EXCHANGE and sum(part.amount_fen for part in parts) == 0:
        raise NotAskable("所选商品没有可退的金额")
    return parts


def freight_of(order: Order, parts: Sequence[Part]) -> int:
    """The freight that goes back: all of it when nothing was sent and all is refunded."""
    if order.status is not OrderStatus.PAID:
        return 0
    back = {part.line.id: part.amount_fen for part in parts}
    left = sum(line.paid_fen - line.refunded_fen - back.get(line.id, 0) for line in order.lines)
    return order.freight_fen - order.freight_refunded_fen if left == 0 else 0


def _refuse_virtual(lines: Sequence[OrderLine]) -> None:
    """Beside goods that were sent an order may hold some of which nothing can come back."""
    skus = catalog.skus_by_id(line.sku_id for line in lines)
    for line in lines:
        if line.sku_id in skus and orders.is_virtual(skus[line.sku_id]):
            raise InvalidInput("items", f"“{line.title}”是虚拟商品，不能退货或换货，请选择仅退款")


def _part(line: OrderLine, kind: AfterSaleKind, want: Wanted) -> Part:
    field = f"quantity-{line.id}"
    least = 0 if kind is K.REFUND else 1
    if not least <= want.quantity <= pieces_left(line):
        raise InvalidInput(field, f"“{line.title}”的数量应在 {least} 到 {pieces_left(line)} 之间")
    if kind is K.EXCHANGE:
        if line.paid_fen and line.refunded_fen == line.paid_fen:
            raise NotAskable(f"“{line.title}”已全部退款，不能换货")
        return Part(line, want.quantity, 0)
    most = most_fen(line, want.quantity)
    amount = most if want.amount_fen is None else want.amount_fen
    if amount > most:
        raise AmountTooHigh(
            f"amount-{line.id}", f"“{line.title}”最多可退 ¥{format_yuan(most)}", most_fen=most
        )
    if amount < 0 or (amount == 0 and most > 0):
        raise InvalidInput(f"amount-{line.id}", "退款金额应大于 0")
    return Part(line, want.quantity, amount)
