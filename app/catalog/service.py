from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa

from app import audit
from app.catalog.errors import OutOfStock
from app.catalog.models import Product, Sku, StockMove
from app.core.db import db, require_transaction
from app.core.errors import DomainError, InvalidInput
from app.core.rows import affected, insert_all, lock_one, write

STOCK_MAX = 1_000_000
RESERVED = "下单占用"


def add_stock(
    sku_id: int, count: int, *, key: str, reason: str, now: datetime, actor: str = ""
) -> None:
    """Put `count` pieces on the shelf (入库). The same `key` adds once."""
    _move(sku_id, count, key=key, reason=reason, now=now, actor=actor)


def receive_stock(sku_id: int, count: int, *, key: str, actor: audit.Actor, now: datetime) -> None:
    """Goods came in (入库): `count` pieces more. The same `key` adds once.

    Raises:
        NotFound, InvalidInput: nothing is changed.
    """
    sku = lock_one(Sku, sku_id, "规格不存在")
    before = sku.stock
    if not 1 <= count <= STOCK_MAX - before:
        raise InvalidInput("count", f"库存不能超过 {STOCK_MAX}")
    if _is_moved(key):
        return
    add_stock(sku_id, count, key=key, reason="手工入库", now=now, actor=actor.ref)
    _audit_stock("stock.receive", sku, before, before + count, actor=actor, now=now)


def count_stock(
    sku_id: int,
    counted: int,
    *,
    key: str,
    reason: str,
    actor: audit.Actor,
    now: datetime,
    seen: int | None = None,
) -> int:
    """Somebody counted `counted` pieces on the shelf (盘点); return the change that makes.

    With `seen`, only if that is what the stock still is.

    What orders have reserved is not on the shelf any more: the count is of what can
    still be sold. The same `key` counts once.

    Raises:
        NotFound, InvalidInput: nothing is changed.
        DomainError: the stock is not what was `seen`; nothing is changed.
    """
    if not 0 <= counted <= STOCK_MAX:
        raise InvalidInput("counted", f"库存应在 0 到 {STOCK_MAX} 之间")
    sku = lock_one(Sku, sku_id, "规格不存在")
    if _is_moved(key):
        return 0
    if seen is not None and sku.stock != seen:
        raise DomainError("有库存刚刚变过（可能有人下单），请重新核对后再提交")
    if counted == sku.stock:
        return 0
    before = sku.stock
    said = f"盘点为 {counted}" + (f"：{reason}" if reason else "")
    _move(sku_id, counted - before, key=key, reason=said[:60], now=now, actor=actor.ref)
    _audit_stock("stock.count", sku, before, counted, actor=actor, now=now, reason=reason)
    return counted - before


def _audit_stock(
    action: str,
    sku: Sku,
    before: int,
    after: int,
    *,
    actor: audit.Actor,
    now: datetime,
    reason: str = "",
) -> None:
    audit.record(
        action,
        subject="product",
        subject_id=sku.product_id,
        actor=actor,
        now=now,
        before={"sku": sku.name, "stock": before},
        after={"sku": sku.name, "stock": after},
        reason=reason,
    )


def hold(sku_ids: Iterable[int]) -> None:
    """Lock these SKUs, in id order, before anything that refers to them is written.

    A row with a foreign key takes a share of the SKU's row; two who have a share
    each and want the whole wait for each other, and a crowd of buyers would be a
    crowd of deadlocks. What was read of the SKUs stays as it was read.
    """
    require_transaction()
    db.session.execute(
        sa.select(Sku.id).where(Sku.id.in_(set(sku_ids))).order_by(Sku.id).with_for_update()
    ).all()


def reserve(sku_id: int, count: int, *, key: str, now: datetime) -> None:
    """Take `count` pieces for an order (占用库存). The same `key` takes once.

    Raises:
        OutOfStock: fewer than `count` are left; nothing is taken.
    """
    _move(sku_id, -count, key=key, reason=RESERVED, now=now)


def take(pieces: Mapping[int, int]) -> None:
    """Take so many pieces of each SKU for a new order, which then says why (`taken`).

    It locks the SKUs in id order, as `hold` does, and comes as late in the unit of work
    as it can: the row of a product that many buy at once is then held for the shortest
    time.

    Raises:
        OutOfStock: fewer than that are left of one; the unit of work must end.
    """
    require_transaction()
    for sku_id, count in sorted(pieces.items()):
        _change(sku_id, -count)


def taken(wanted: Mapping[str, tuple[int, int]], *, now: datetime) -> None:
    """Write down what was taken in this unit of work: by a new key a SKU and a count."""
    require_transaction()
    insert_all(
        StockMove,
        [
            {"key": key, "sku_id": sku_id, "delta": -count, "reason": RESERVED, "at": now}
            for key, (sku_id, count) in wanted.items()
        ],
    )


def release(sku_id: int, count: int, *, key: str, now: datetime) -> None:
    """Give back what an order had reserved (释放库存)."""
    _move(sku_id, count, key=key, reason="订单关闭释放", now=now)


def count_sold(product_id: int, count: int) -> None:
    """Raise the number of pieces sold that the shop shows (销量)."""
    affected(
        sa.update(Product)
        .where(Product.id == product_id)
        .values(sold_count=Product.sold_count + count)
    )


def _is_moved(key: str) -> bool:
    return db.session.scalar(sa.select(StockMove.id).filter_by(key=key)) is not None


def _move(
    sku_id: int, delta: int, *, key: str, reason: str, now: datetime, actor: str = ""
) -> None:
    hold([sku_id])
    if _is_moved(key):
        return
    _change(sku_id, delta)
    db.session.add(
        StockMove(key=key, sku_id=sku_id, delta=delta, reason=reason, actor=actor, at=now)
    )
    db.session.flush()


def _change(sku_id: int, delta: int) -> None:
    if write(_CHANGE, sku_id=sku_id, delta=delta).rowcount != 1:
        raise OutOfStock(sku=sku_id)


# Built once: every order executes it.
_CHANGED = Sku.stock + sa.bindparam("delta", type_=sa.Integer)
_CHANGE = (
    sa.update(Sku).where(Sku.id == sa.bindparam("sku_id"), _CHANGED >= 0).values(stock=_CHANGED)
)
