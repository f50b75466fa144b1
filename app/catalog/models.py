from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import BigId, Model, UTCDateTime


class Category(Model):
    """A node of the category tree (分类)."""

    __tablename__ = "categories"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("categories.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(30))
    sort: Mapped[int] = mapped_column(default=0)


class Product(Model):
    """What is on the shelf (商品); what is bought is one of its SKUs."""

    __tablename__ = "products"
    __table_args__ = (sa.Index(None, "is_on_shelf", "sort", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    category_id: Mapped[int | None] = mapped_column(sa.ForeignKey("categories.id"), index=True)
    title: Mapped[str] = mapped_column(sa.String(80))
    subtitle: Mapped[str] = mapped_column(sa.String(120), default="")
    description: Mapped[str] = mapped_column(sa.Text, default="")
    # Paths below the media folder, the cover first.
    pictures: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    is_on_shelf: Mapped[bool] = mapped_column(default=False)
    sort: Mapped[int] = mapped_column(default=0)
    sold_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    skus: Mapped[list["Sku"]] = relationship(back_populates="product", order_by="Sku.id")

    @property
    def cover(self) -> str:
        return self.pictures[0] if self.pictures else ""


class Sku(Model):
    """One buyable variant (规格)."""

    __tablename__ = "skus"
    __table_args__ = (
        sa.CheckConstraint("price_fen >= 0", name="price_not_negative"),
        sa.CheckConstraint("cost_fen >= 0", name="cost_not_negative"),
        sa.CheckConstraint("stock >= 0", name="stock_not_negative"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    price_fen: Mapped[int] = mapped_column(sa.BigInteger)
    list_price_fen: Mapped[int | None] = mapped_column(sa.BigInteger)  # 划线价
    cost_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    stock: Mapped[int] = mapped_column(default=0)

    product: Mapped[Product] = relationship(back_populates="skus")


class StockMove(Model):
    """A change of stock with its reason (库存流水)."""

    __tablename__ = "stock_moves"
    __table_args__ = (sa.CheckConstraint("delta <> 0", name="delta_not_zero"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(80), unique=True)
    sku_id: Mapped[int] = mapped_column(sa.ForeignKey("skus.id"), index=True)
    delta: Mapped[int]
    reason: Mapped[str] = mapped_column(sa.String(60))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
