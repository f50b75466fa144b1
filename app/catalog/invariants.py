import sqlalchemy as sa

from app.catalog.models import Sku, StockMove
from app.core.db import Rows
from app.ledger.invariants import invariant


@invariant("K2", "stock is never below 0 and equals the sum of its moves")
def _stock_differs() -> Rows:
    moved = sa.func.coalesce(sa.func.sum(StockMove.delta), 0)
    return (
        sa.select(Sku.id.label("sku"), Sku.stock, moved.label("moved"))
        .outerjoin(StockMove, StockMove.sku_id == Sku.id)
        .group_by(Sku.id, Sku.stock)
        .having(sa.or_(Sku.stock < 0, Sku.stock != moved))
    )
