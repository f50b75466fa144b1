import enum
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import BigId, Model, UTCDateTime, enum_column

# Equal only if written alike: to MariaDB's usual collation many words are the same.
Token = sa.String(40).with_variant(mysql.VARCHAR(40, collation="utf8mb4_bin"), "mysql", "mariadb")


class Category(Model):
    """A node of the category tree (分类), at most three deep."""

    __tablename__ = "categories"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("categories.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(30))
    sort: Mapped[int] = mapped_column(default=0)
    picture: Mapped[str] = mapped_column(sa.String(200), default="", server_default="")
    # A hidden one is not offered for browsing, nor what is below it.
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true())


class FreightBy(enum.StrEnum):
    """What a freight template counts (计费方式)."""

    PIECE = "piece"
    WEIGHT = "weight"


class FreightTemplate(Model):
    """What sending costs (运费模板); `freight.terms_of` reads it."""

    __tablename__ = "freight_templates"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(30))
    counts: Mapped[FreightBy] = mapped_column(enum_column(FreightBy, "counts"))
    # `{"default": {...} or null, "regions": [{"places": [...], ...}]}`, amounts in fen.
    rules: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ProductKind(enum.StrEnum):
    """How a product reaches the buyer (商品类型)."""

    PHYSICAL = "physical"  # sent by a carrier
    VIRTUAL = "virtual"  # nothing is sent


class ProductStatus(enum.StrEnum):
    """Where a product stands (商品状态); never stored, see `Product.status`."""

    DRAFT = "draft"  # never on the shelf so far
    ON = "on"
    OFF = "off"


class Shown:
    """What people see of a product, wherever the columns of one come from."""

    is_on_shelf: Any
    on_from: Any
    off_at: Any
    pictures: Any

    @property
    def cover(self) -> str:
        return str(self.pictures[0]) if self.pictures else ""

    def sells_at(self, now: datetime) -> bool:
        """Whether it can be seen and bought at `now`."""
        return bool(
            self.is_on_shelf
            and (self.on_from is None or self.on_from <= now)
            and (self.off_at is None or self.off_at > now)
        )


class Product(Shown, Model):
    """What is on the shelf (商品); what is bought is one of its SKUs."""

    __tablename__ = "products"
    __table_args__ = (
        # One for each order in which people browse: a list of any length is walked
        # from where its last part ended.
        sa.Index("ix_products_shelf", "is_on_shelf", "sort", sa.desc("id")),
        sa.Index("ix_products_category_shelf", "category_id", "is_on_shelf", "sort", sa.desc("id")),
        sa.Index("ix_products_shelf_sold", "is_on_shelf", "sold_count", "id"),
        sa.Index("ix_products_shelf_price", "is_on_shelf", "from_fen", "id"),
        sa.Index(None, "title"),
        sa.CheckConstraint("limit_per_member >= 0", name="limit_not_negative"),
        sa.CheckConstraint("off_at IS NULL OR on_from IS NULL OR off_at > on_from", name="window"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    category_id: Mapped[int | None] = mapped_column(sa.ForeignKey("categories.id"), index=True)
    # The shop's own number for it (商品编码), by which files name it.
    code: Mapped[str | None] = mapped_column(sa.String(40), unique=True)
    title: Mapped[str] = mapped_column(sa.String(80))
    subtitle: Mapped[str] = mapped_column(sa.String(120), default="")
    # HTML as `richtext.clean` left it; older rows hold plain lines.
    description: Mapped[str] = mapped_column(sa.Text, default="")
    # Paths below the media folder, the cover first.
    pictures: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    is_on_shelf: Mapped[bool] = mapped_column(default=False)
    sort: Mapped[int] = mapped_column(default=0)
    sold_count: Mapped[int] = mapped_column(default=0)
    # The price of its cheapest SKU that is offered, kept below; 0 without any.
    from_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    kind: Mapped[ProductKind] = mapped_column(
        enum_column(ProductKind, "kind"),
        default=ProductKind.PHYSICAL,
        server_default=ProductKind.PHYSICAL.value,
    )
    unit: Mapped[str] = mapped_column(sa.String(8), default="件", server_default="件")
    tags: Mapped[list[str]] = mapped_column(sa.JSON, default=list, server_default=sa.text("('[]')"))
    # `[{"name": "颜色", "values": ["雾蓝", "奶白"]}]`; empty where there is nothing to choose.
    specs: Mapped[list[dict[str, Any]]] = mapped_column(
        sa.JSON, default=list, server_default=sa.text("('[]')")
    )
    # On the shelf only from and until then, where given; a matter of the query.
    on_from: Mapped[datetime | None] = mapped_column(UTCDateTime)
    off_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # First put on the shelf; without it, and off the shelf, it is a draft.
    listed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Pieces that one member may buy in all, 0 for any number.
    limit_per_member: Mapped[int] = mapped_column(default=0, server_default="0")
    freight_template_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("freight_templates.id"), index=True
    )

    skus: Mapped[list["Sku"]] = relationship(
        back_populates="product",
        order_by="(Sku.position, Sku.id)",
        primaryjoin="and_(Product.id == Sku.product_id, Sku.is_active)",
    )

    @property
    def status(self) -> ProductStatus:
        if self.is_on_shelf:
            return ProductStatus.ON
        return ProductStatus.DRAFT if self.listed_at is None else ProductStatus.OFF

    @property
    def choices(self) -> list[dict[str, Any]]:
        """The specifications to choose from; SKUs without any are chosen by name."""
        if self.specs or not self.skus:
            return self.specs
        return [{"name": "规格", "values": [sku.name for sku in self.skus]}]

    @classmethod
    def selling(cls, now: datetime) -> sa.ColumnElement[bool]:
        """`sells_at` as a condition of a query."""
        return sa.and_(
            cls.is_on_shelf,
            sa.or_(cls.on_from.is_(None), cls.on_from <= now),
            sa.or_(cls.off_at.is_(None), cls.off_at > now),
        )


class Sku(Model):
    """One buyable variant (规格)."""

    __tablename__ = "skus"
    __table_args__ = (
        sa.CheckConstraint("price_fen >= 0", name="price_not_negative"),
        sa.CheckConstraint("cost_fen >= 0", name="cost_not_negative"),
        sa.CheckConstraint("stock >= 0", name="stock_not_negative"),
        sa.CheckConstraint("member_price_fen >= 0", name="member_price_not_negative"),
        sa.CheckConstraint("weight_g >= 0", name="weight_not_negative"),
        sa.CheckConstraint("warn_below >= 0", name="warn_below_not_negative"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    # One value of each specification, in their order.
    spec_values: Mapped[list[str]] = mapped_column(
        sa.JSON, default=list, server_default=sa.text("('[]')")
    )
    code: Mapped[str | None] = mapped_column(sa.String(40), unique=True)  # 货号
    price_fen: Mapped[int] = mapped_column(sa.BigInteger)
    member_price_fen: Mapped[int | None] = mapped_column(sa.BigInteger)  # 会员价
    list_price_fen: Mapped[int | None] = mapped_column(sa.BigInteger)  # 划线价
    cost_fen: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    stock: Mapped[int] = mapped_column(default=0)
    # At this many pieces or fewer the desk is told; 0 tells only of the last one gone.
    warn_below: Mapped[int] = mapped_column(default=0, server_default="0")
    weight_g: Mapped[int] = mapped_column(default=0, server_default="0")
    picture: Mapped[str] = mapped_column(sa.String(200), default="", server_default="")
    position: Mapped[int] = mapped_column(default=0, server_default="0")
    # Orders refer to a SKU for ever: one that is no longer offered stays.
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true())

    product: Mapped[Product] = relationship(back_populates="skus")

    @property
    def chosen(self) -> Sequence[str]:
        """Its value of each of the product's `choices`."""
        return self.spec_values or [self.name]


@event.listens_for(Sku, "after_insert")
@event.listens_for(Sku, "after_update")
def _keep_from_fen(_mapper: object, connection: sa.Connection, sku: Sku) -> None:
    """A list by price must not look at every SKU of the shop."""
    state = sa.inspect(sku)
    if not any(state.attrs[name].history.has_changes() for name in ("price_fen", "is_active")):
        return
    cheapest = sa.select(sa.func.min(Sku.price_fen)).where(
        Sku.product_id == Product.id, Sku.is_active
    )
    connection.execute(
        sa.update(Product)
        .where(Product.id == sku.product_id)
        .values(from_fen=sa.func.coalesce(cheapest.scalar_subquery(), 0))
    )


class StockMove(Model):
    """A change of stock with its reason (库存流水)."""

    __tablename__ = "stock_moves"
    __table_args__ = (sa.CheckConstraint("delta <> 0", name="delta_not_zero"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(80), unique=True)
    sku_id: Mapped[int] = mapped_column(sa.ForeignKey("skus.id"), index=True)
    delta: Mapped[int]
    reason: Mapped[str] = mapped_column(sa.String(60))
    # Who changed it by hand; empty where an order did.
    actor: Mapped[str] = mapped_column(sa.String(64), default="", server_default="")
    at: Mapped[datetime] = mapped_column(UTCDateTime)


class ProductImport(Model):
    """A file of products that was uploaded (商品导入): read, not yet or already applied."""

    __tablename__ = "product_imports"
    __table_args__ = (
        sa.CheckConstraint("(applied_at IS NULL) = (applied_by = '')", name="applied_by_somebody"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    filename: Mapped[str] = mapped_column(sa.String(120))
    # `[[number of the line, {column: text}], ...]` as it stood in the file.
    lines: Mapped[list[Any]] = mapped_column(sa.JSON)
    # What was done, line by line; empty until it is applied.
    report: Mapped[list[Any]] = mapped_column(sa.JSON, default=list)
    uploaded_by: Mapped[str] = mapped_column(sa.String(64))
    uploaded_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    applied_by: Mapped[str] = mapped_column(sa.String(64), default="")
    applied_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ProductToken(Model):
    """A word by which a product is found (搜索词)."""

    __tablename__ = "product_tokens"

    token: Mapped[str] = mapped_column(Token, primary_key=True)
    product_id: Mapped[int] = mapped_column(
        sa.ForeignKey("products.id"), primary_key=True, index=True, autoincrement=False
    )
    weight: Mapped[int]
