from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from app.catalog.errors import OutOfStock
from app.catalog.models import Product, Sku, StockMove
from app.core.db import affected, db, require_transaction


def add_stock(sku_id: int, count: int, *, key: str, reason: str, now: datetime) -> None:
    """Put `count` pieces on the shelf (入库). The same `key` adds once."""
    _move(sku_id, count, key=key, reason=reason, now=now)


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
    """Take `count` pieces for an order (占用库存).

    Call it last in the unit of work: the row of a product that many buy at once
    is then held for the shortest time.

    Raises:
        OutOfStock: fewer than `count` are left; nothing is taken.
    """
    _move(sku_id, -count, key=key, reason="下单占用", now=now)


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


def _move(sku_id: int, delta: int, *, key: str, reason: str, now: datetime) -> None:
    hold([sku_id])
    if db.session.scalar(sa.select(StockMove.id).filter_by(key=key)) is not None:
        return
    moved = affected(
        sa.update(Sku)
        .where(Sku.id == sku_id, Sku.stock + delta >= 0)
        .values(stock=Sku.stock + delta)
    )
    if moved != 1:
        raise OutOfStock(sku=sku_id)
    db.session.add(StockMove(key=key, sku_id=sku_id, delta=delta, reason=reason, at=now))
    db.session.flush()
