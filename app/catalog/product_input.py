"""What a product is made of as a person gives it, and what can be wrong with it."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from app.catalog import richtext
from app.catalog.models import Category, FreightTemplate, Product, ProductKind, Sku
from app.core.db import db

SPECS_MAX, VALUES_MAX, SKUS_MAX = 3, 20, 120
PICTURES_MAX, TAGS_MAX = 9, 8
PRICE_FEN_MAX = 100_000_00


@dataclass(frozen=True)
class SkuInput:
    """A row of the matrix. `values` holds one value of each specification, in order."""

    values: tuple[str, ...]
    price_fen: int
    list_price_fen: int | None = None
    member_price_fen: int | None = None
    cost_fen: int = 0
    code: str = ""
    weight_g: int = 0
    warn_below: int = 0
    picture: str = ""
    # What is there when the SKU is made; later stock changes by moves only.
    opening_stock: int = 0


@dataclass(frozen=True)
class ProductInput:
    """A product as the editor gives it, unchecked. `specs` are names with their values."""

    title: str
    skus: tuple[SkuInput, ...]
    code: str = ""
    subtitle: str = ""
    category_id: int | None = None
    tags: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    description: str = ""
    specs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    kind: ProductKind = ProductKind.PHYSICAL
    unit: str = "件"
    limit_per_member: int = 0
    sort: int = 0
    on_from: datetime | None = None
    off_at: datetime | None = None
    freight_template_id: int | None = None


@dataclass
class _Faults:
    """What is wrong, the first fault of each field."""

    found: dict[str, str] = field(default_factory=dict)

    def unless(self, sound: bool, name: str, message: str) -> None:
        if not sound:
            self.found.setdefault(name, message)


def faults(given: ProductInput, *, product_id: int | None = None) -> dict[str, str]:
    """Every field that cannot be kept, with what is wrong with it in Chinese.

    Fields of a SKU are called `sku-N` and `sku-N-price` with N from 0.
    """
    bad = _Faults()
    bad.unless(1 <= len(given.title) <= 80, "title", "商品名称应为 1 到 80 个字")
    bad.unless(len(given.code) <= 40, "code", "商品编码最多 40 个字符")
    bad.unless(
        not given.code or _code_is_free(given.code, product_id),
        "code",
        f"商品编码“{given.code}”已被其他商品使用",
    )
    bad.unless(len(given.subtitle) <= 120, "subtitle", "副标题最多 120 个字")
    bad.unless(len(given.tags) <= TAGS_MAX, "tags", f"标签最多 {TAGS_MAX} 个")
    bad.unless(all(1 <= len(tag) <= 12 for tag in given.tags), "tags", "每个标签最多 12 个字")
    bad.unless(len(given.pictures) <= PICTURES_MAX, "pictures", f"图片最多 {PICTURES_MAX} 张")
    bad.unless(1 <= len(given.unit) <= 8, "unit", "单位应为 1 到 8 个字")
    bad.unless(
        len(given.description) <= richtext.LONGEST, "description", "商品详情过长，请精简文字"
    )
    bad.unless(0 <= given.limit_per_member <= 9999, "limit", "限购数量应在 0 到 9999 之间")
    bad.unless(0 <= given.sort <= 9999, "sort", "排序应在 0 到 9999 之间")
    bad.unless(
        given.on_from is None or given.off_at is None or given.on_from < given.off_at,
        "off_at",
        "自动下架时间应晚于上架时间",
    )
    bad.unless(_exists(Category, given.category_id), "category", "分类不存在，请重新选择")
    bad.unless(
        _exists(FreightTemplate, given.freight_template_id), "freight", "运费模板不存在，请重新选择"
    )
    _spec_faults(given, bad)
    _sku_faults(given, bad, product_id)
    return bad.found


def _exists(cls: type[Category] | type[FreightTemplate], row_id: int | None) -> bool:
    return row_id is None or db.session.get(cls, row_id) is not None


def _spec_faults(given: ProductInput, bad: _Faults) -> None:
    names = [name for name, _ in given.specs]
    bad.unless(len(names) <= SPECS_MAX, "specs", f"规格最多 {SPECS_MAX} 项")
    bad.unless(len(set(names)) == len(names), "specs", "规格名称不能重复")
    for name, values in given.specs:
        bad.unless(1 <= len(name) <= 10, "specs", "规格名称应为 1 到 10 个字")
        bad.unless(1 <= len(values) <= VALUES_MAX, "specs", f"“{name}”应有 1 到 {VALUES_MAX} 个值")
        bad.unless(len(set(values)) == len(values), "specs", f"“{name}”的值有重复")
        bad.unless(
            all(1 <= len(value) <= 18 for value in values), "specs", f"“{name}”的每个值最多 18 个字"
        )
    wanted = set(itertools.product(*(values for _, values in given.specs)))
    rows = [sku.values for sku in given.skus]
    bad.unless(1 <= len(rows) <= SKUS_MAX, "skus", f"规格组合应为 1 到 {SKUS_MAX} 个")
    bad.unless(
        len(set(rows)) == len(rows) and set(rows) <= wanted, "skus", "规格表与规格不一致，请检查"
    )


def _sku_faults(given: ProductInput, bad: _Faults, product_id: int | None) -> None:
    # MariaDB takes `a-1` and `A-1` for the same code.
    codes = [sku.code.casefold() for sku in given.skus if sku.code]
    taken = _codes_elsewhere([sku.code for sku in given.skus if sku.code], product_id)
    for number, sku in enumerate(given.skus):
        row, at = f"第 {number + 1} 行", f"sku-{number}"
        bad.unless(
            0 < sku.price_fen <= PRICE_FEN_MAX,
            f"{at}-price",
            f"{row}：售价应大于 0 且不超过 10 万元",
        )
        for name, label, fen in (
            ("list", "划线价", sku.list_price_fen),
            ("member", "会员价", sku.member_price_fen),
            ("cost", "成本价", sku.cost_fen),
        ):
            bad.unless(
                fen is None or 0 <= fen <= PRICE_FEN_MAX,
                f"{at}-{name}",
                f"{row}：{label}不能超过 10 万元",
            )
        bad.unless(
            sku.member_price_fen is None or 0 < sku.member_price_fen <= sku.price_fen,
            f"{at}-member",
            f"{row}：会员价应大于 0 且不高于售价",
        )
        bad.unless(len(sku.code) <= 40, f"{at}-code", f"{row}：货号最多 40 个字符")
        bad.unless(
            not sku.code or codes.count(sku.code.casefold()) == 1,
            f"{at}-code",
            f"{row}：货号“{sku.code}”重复",
        )
        bad.unless(
            sku.code.casefold() not in taken,
            f"{at}-code",
            f"{row}：货号“{sku.code}”已被其他商品使用",
        )
        bad.unless(
            0 <= sku.weight_g <= 1_000_000, f"{at}-weight", f"{row}：重量应在 0 到 1000000 克之间"
        )
        bad.unless(0 <= sku.warn_below <= 1_000_000, f"{at}-warn", f"{row}：预警值过大")
        bad.unless(
            0 <= sku.opening_stock <= 1_000_000, f"{at}-stock", f"{row}：库存应在 0 到 1000000 之间"
        )


def _code_is_free(code: str, product_id: int | None) -> bool:
    owner = db.session.scalar(sa.select(Product.id).filter_by(code=code))
    return owner is None or owner == product_id


def _codes_elsewhere(codes: Sequence[str], product_id: int | None) -> set[str]:
    query = sa.select(Sku.code).where(Sku.code.in_(codes))
    if product_id is not None:
        query = query.where(Sku.product_id != product_id)
    return {code.casefold() for code in db.session.scalars(query) if code}
