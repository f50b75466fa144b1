"""Many orders handed to carriers at once (批量发货): all of them or none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app import audit
from app.core import sheets
from app.core.db import db, require_transaction
from app.core.errors import DomainError, InvalidInput
from app.core.pages import Page, newest_first
from app.core.rows import lock_rows
from app.orders.fulfilment import judge_parcel, ship
from app.orders.models import Order, OrderStatus

ROWS_MAX = 1000
PAGE = 50
_COLUMNS = ("订单号", "快递公司", "快递单号")


@dataclass(frozen=True)
class Parcel:
    """A row: the order's number and what the carrier made of it; `line` as in the file."""

    line: int
    number: str
    carrier: str
    tracking_number: str


@dataclass(frozen=True)
class RowReport:
    """What came of a row: shipped, or why it cannot be."""

    parcel: Parcel
    error: str = ""


@dataclass(frozen=True)
class Report:
    rows: list[RowReport]

    @property
    def failed(self) -> int:
        return sum(bool(row.error) for row in self.rows)

    @property
    def is_applied(self) -> bool:
        return not self.failed


def waiting(*, before: int | None = None, size: int = PAGE) -> Page[Order]:
    """Paid orders that a carrier brings and nothing stands against, newest first."""
    query = (
        sa.select(Order)
        .filter_by(status=OrderStatus.PAID, is_virtual=False, open_aftersales=0)
        .where(~Order.pickup.has())
        .options(selectinload(Order.lines), selectinload(Order.pickup))
    )
    return newest_first(query, Order.id, before=before, size=size)


def parcels_of(data: bytes, filename: str) -> list[Parcel]:
    """The rows of a CSV or xlsx file; columns are known by their headings, if it has any.

    Raises:
        InvalidInput: it is no table of numbers.
    """
    found = sheets.lines(data, filename, rows_max=ROWS_MAX, columns=20, keep="、".join(_COLUMNS))
    places: tuple[int, ...] = (0, 1, 2)
    if found and "订单号" in found[0][1]:
        (_, head), *found = found
        missing = [title for title in _COLUMNS if title not in head]
        if missing:
            raise InvalidInput("file", f"文件里缺少“{missing[0]}”一列")
        places = tuple(head.index(title) for title in _COLUMNS)
    # The list of waiting orders is filled in bit by bit: those without a number are not sent yet.
    parcels = [
        Parcel(line, cells[places[0]], cells[places[1]], cells[places[2]])
        for line, cells in found
        if cells[places[1]] or cells[places[2]]
    ]
    if not parcels:
        raise InvalidInput("file", "文件里没有填好的快递单号，需要订单号、快递公司、快递单号三列")
    return parcels


def ship_all(parcels: Sequence[Parcel], *, actor: audit.Actor, now: datetime) -> Report:
    """Ship every order with its parcel; one bad row, and none is shipped.

    The report then says of each row what is wrong.
    """
    require_transaction()
    ids = dict(
        db.session.execute(
            sa.select(Order.number, Order.id).where(
                Order.number.in_({parcel.number.upper() for parcel in parcels})
            )
        ).all()
    )
    orders = {order.number: order for order in lock_rows(Order, list(ids.values()))}
    seen: dict[str, int] = {}
    rows = []
    for parcel in parcels:
        number = parcel.number.upper()
        rows.append(RowReport(parcel, _fault(parcel, orders.get(number), seen.get(number))))
        seen.setdefault(number, parcel.line)
    report = Report(rows)
    if report.is_applied:
        for parcel in parcels:
            ship(
                ids[parcel.number.upper()],
                carrier=parcel.carrier,
                tracking_number=parcel.tracking_number,
                actor=actor,
                now=now,
            )
    return report


def _fault(parcel: Parcel, order: Order | None, first: int | None) -> str:
    if not parcel.number:
        return "缺少订单号"
    if order is None:
        return "没有这个订单号"
    if first is not None:
        return f"与第 {first} 行的订单号重复"
    if "E+" in parcel.tracking_number.upper():
        return "Excel 把快递单号变成了科学计数，请把这一列设为文本再填"
    if order.shipped_at is not None:
        return f"已经发过货了：{order.carrier} {order.tracking_number}".strip()
    if order.status is not OrderStatus.PAID:
        return "订单不是待发货，可能还没有付款或已经关闭"
    try:
        judge_parcel(order, parcel.carrier.strip(), parcel.tracking_number.strip())
    except DomainError as error:
        return error.message
    return ""
