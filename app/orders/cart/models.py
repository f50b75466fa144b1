from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BigId, Model, UTCDateTime
from app.core.errors import DomainError
from app.orders.models import QUANTITY_MAX

LINES_MAX = 100


class CartLine(Model):
    """So many pieces of a SKU that a member means to buy (购物车商品)."""

    __tablename__ = "cart_lines"
    __table_args__ = (
        sa.UniqueConstraint("member_id", "sku_id"),
        sa.CheckConstraint(f"quantity BETWEEN 1 AND {QUANTITY_MAX}", name="quantity_in_range"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("members.id"))
    sku_id: Mapped[int] = mapped_column(sa.ForeignKey("skus.id"), index=True)
    quantity: Mapped[int]
    # The price when it was put in: the page says by how much it changed since.
    was_fen: Mapped[int] = mapped_column(sa.BigInteger)
    is_ticked: Mapped[bool] = mapped_column(default=True)
    added_at: Mapped[datetime] = mapped_column(UTCDateTime)


class CartFull(DomainError):
    code = "cart_full"
    message = f"购物车最多放 {LINES_MAX} 种商品，请先清理一些"


@dataclass(frozen=True)
class Wish:
    """A line of any cart, a visitor's too, without what the catalogue knows of it."""

    sku_id: int
    quantity: int
    was_fen: int
    is_ticked: bool = True
