"""Making and changing products (商品编辑): fields, SKUs, the shelf, prices in batches."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import audit
from app.catalog import richtext, search
from app.catalog.errors import InvalidFields
from app.catalog.models import Category, FreightTemplate, Product, ProductKind, Sku
from app.catalog.service import add_stock
from app.core.db import db, lock_one, lock_rows, require_transaction
from app.core.errors import DomainError, InvalidInput
from app.core.money import AMOUNT_FEN_MAX

SPECS_MAX, VALUES_MAX, SKUS_MAX = 3, 20, 120
PICTURES_MAX, TAGS_MAX = 9, 8
PRICE_FEN_MAX = 100_000_00
BATCH_MAX = 200


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
    codes = [sku.code for sku in given.skus if sku.code]
    taken = _codes_elsewhere(codes, product_id)
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
            not sku.code or codes.count(sku.code) == 1, f"{at}-code", f"{row}：货号“{sku.code}”重复"
        )
        bad.unless(sku.code not in taken, f"{at}-code", f"{row}：货号“{sku.code}”已被其他商品使用")
        bad.unless(
            0 <= sku.weight_g <= 1_000_000, f"{at}-weight", f"{row}：重量应在 0 到 1000000 克之间"
        )
        bad.unless(0 <= sku.warn_below <= 1_000_000, f"{at}-warn", f"{row}：预警值过大")
        bad.unless(
            0 <= sku.opening_stock <= 1_000_000, f"{at}-stock", f"{row}：库存应在 0 到 1000000 之间"
        )


def _codes_elsewhere(codes: Sequence[str], product_id: int | None) -> set[str]:
    query = sa.select(Sku.code).where(Sku.code.in_(codes))
    if product_id is not None:
        query = query.where(Sku.product_id != product_id)
    return {code for code in db.session.scalars(query) if code}


def save(
    product_id: int | None, given: ProductInput, *, actor: audit.Actor, now: datetime
) -> Product:
    """Keep a product with its SKUs (保存商品); a new one is a draft.

    A SKU keeps its identity as long as its values stay; one that is no longer
    given stays for the orders that refer to it, but is not offered any more.

    Raises:
        InvalidFields: nothing is kept.
        NotFound: there is no such product.
    """
    require_transaction()
    if product_id is None:
        product = Product(title=given.title, created_at=now, is_on_shelf=False, pictures=[])
        before = None
    else:
        product = lock_one(Product, product_id, "商品不存在")
        before = _facts(product)
    wrong = faults(given, product_id=product_id)
    if wrong:
        raise InvalidFields(wrong)
    for name in (
        *("title", "subtitle", "category_id", "kind", "unit", "limit_per_member"),
        *("sort", "on_from", "off_at", "freight_template_id"),
    ):
        setattr(product, name, getattr(given, name))
    product.tags, product.pictures = list(given.tags), list(given.pictures)
    product.description = richtext.clean(given.description)
    product.specs = [{"name": name, "values": list(values)} for name, values in given.specs]
    db.session.add(product)
    db.session.flush()
    opened = _save_skus(product, given)
    db.session.flush()
    for sku, count in opened:
        add_stock(
            sku.id, count, key=f"opening:{sku.id}", reason="新建规格入库", now=now, actor=actor.ref
        )
    search.index(product.id)
    db.session.expire(product, ["skus"])
    audit.record(
        "product.create" if before is None else "product.change",
        subject="product",
        subject_id=product.id,
        actor=actor,
        now=now,
        before=before,
        after=_facts(product),
    )
    return product


def _save_skus(product: Product, given: ProductInput) -> list[tuple[Sku, int]]:
    """Match the rows with the SKUs that are there; return new ones with their stock."""
    known = db.session.scalars(
        sa.select(Sku).filter_by(product_id=product.id).order_by(Sku.is_active, Sku.id)
    ).all()
    by_values = {tuple(sku.chosen): sku for sku in known}
    if not given.specs and len(by_values) == 1:
        # One SKU without a choice stays the same, whatever it was called.
        by_values = {(): next(iter(by_values.values()))}
    kept: set[int] = set()
    opened: list[tuple[Sku, int]] = []
    # A code that moves from one SKU to another must be free before it is taken.
    for sku in known:
        sku.code = None
    db.session.flush()
    for position, row in enumerate(given.skus):
        found = by_values.get(row.values)
        if found is None:
            sku = Sku(product_id=product.id, name="", price_fen=0)
            db.session.add(sku)
            if row.opening_stock:
                opened.append((sku, row.opening_stock))
        else:
            sku = found
            kept.add(sku.id)
        sku.name = " ".join(row.values) or (sku.name if not sku.spec_values else "") or "默认"
        sku.spec_values = list(row.values)
        sku.code = row.code or None
        for name in (
            *("price_fen", "list_price_fen", "member_price_fen", "cost_fen"),
            *("weight_g", "warn_below", "picture"),
        ):
            setattr(sku, name, getattr(row, name))
        sku.position, sku.is_active = position, True
    for sku in known:
        if sku.id not in kept:
            sku.is_active = False
    return opened


def _facts(product: Product) -> dict[str, Any]:
    """What an audit entry says of a product: the text not, the money and the terms."""
    return {
        "title": product.title,
        "category": product.category_id,
        "is_on_shelf": product.is_on_shelf,
        "limit_per_member": product.limit_per_member,
        "freight": product.freight_template_id,
        "skus": {sku.name: _prices(sku) for sku in product.skus},
    }


def _prices(sku: Sku) -> dict[str, Any]:
    return {
        "price_fen": sku.price_fen,
        "member_price_fen": sku.member_price_fen,
        "list_price_fen": sku.list_price_fen,
        "cost_fen": sku.cost_fen,
    }


def copy(product_id: int, *, actor: audit.Actor, now: datetime) -> Product:
    """A draft like this product, without stock, codes and history (复制商品)."""
    source = lock_one(Product, product_id, "商品不存在")
    rows = tuple(
        SkuInput(
            tuple(sku.chosen) if source.choices else (),
            sku.price_fen,
            sku.list_price_fen,
            sku.member_price_fen,
            sku.cost_fen,
            weight_g=sku.weight_g,
            warn_below=sku.warn_below,
            picture=sku.picture,
        )
        for sku in source.skus
    )
    return save(
        None,
        ProductInput(
            title=f"{source.title[:77]} 副本",
            skus=rows,
            subtitle=source.subtitle,
            category_id=source.category_id,
            tags=tuple(source.tags),
            pictures=tuple(source.pictures),
            description=source.description,
            specs=tuple((spec["name"], tuple(spec["values"])) for spec in source.choices),
            kind=source.kind,
            unit=source.unit,
            limit_per_member=source.limit_per_member,
            sort=source.sort,
            freight_template_id=source.freight_template_id,
        ),
        actor=actor,
        now=now,
    )


def put_on_shelf(product_ids: Iterable[int], *, actor: audit.Actor, now: datetime) -> int:
    """Put products on the shelf (上架); return how many were not there before.

    Raises:
        DomainError: one of them has no picture or nothing to buy; none is put up.
    """
    products = _batch(product_ids)
    for product in products:
        if not product.pictures:
            raise DomainError(f"“{product.title}”还没有图片，请先上传再上架")
        if not product.skus:
            raise DomainError(f"“{product.title}”还没有规格与价格，请先填写再上架")
    return _shelve(products, is_on=True, actor=actor, now=now)


def take_off_shelf(product_ids: Iterable[int], *, actor: audit.Actor, now: datetime) -> int:
    """Take products off the shelf (下架); orders that are placed are not touched."""
    return _shelve(_batch(product_ids), is_on=False, actor=actor, now=now)


def _shelve(products: Sequence[Product], *, is_on: bool, actor: audit.Actor, now: datetime) -> int:
    changed = [product for product in products if product.is_on_shelf is not is_on]
    for product in changed:
        product.is_on_shelf = is_on
        product.listed_at = product.listed_at or now
        audit.record(
            "product.on" if is_on else "product.off",
            subject="product",
            subject_id=product.id,
            actor=actor,
            now=now,
            before={"is_on_shelf": not is_on},
            after={"is_on_shelf": is_on},
        )
    return len(changed)


def _batch(product_ids: Iterable[int]) -> list[Product]:
    wanted = sorted(set(product_ids))
    if not wanted:
        raise InvalidInput("ids", "请先勾选商品")
    if len(wanted) > BATCH_MAX:
        raise InvalidInput("ids", f"一次最多处理 {BATCH_MAX} 个商品")
    found = lock_rows(Product, wanted)
    if len(found) != len(wanted):
        raise InvalidInput("ids", "有商品不存在，请刷新后重新勾选")
    return found


def change_prices(
    prices: Mapping[int, tuple[int, int]], *, actor: audit.Actor, now: datetime
) -> int:
    """Give SKUs new prices: by id what the person saw and what it shall be, in fen.

    Raises:
        DomainError: a price is no longer the one that was seen; nothing is changed.
        InvalidInput: a price out of range.
    """
    skus = lock_rows(Sku, list(prices))
    if len(skus) != len(prices) or any(sku.price_fen != prices[sku.id][0] for sku in skus):
        raise DomainError("有价格刚刚被改过，请重新核对后再提交")
    changed = 0
    for sku in skus:
        seen, wanted = prices[sku.id]
        if not 0 < wanted <= min(PRICE_FEN_MAX, AMOUNT_FEN_MAX):
            raise InvalidInput("value", f"“{sku.name}”的新价格应大于 0 且不超过 10 万元")
        if sku.member_price_fen is not None and sku.member_price_fen > wanted:
            raise InvalidInput("value", f"“{sku.name}”的新价格低于它的会员价，请先修改会员价")
        if seen == wanted:
            continue
        sku.price_fen = wanted
        changed += 1
        audit.record(
            "product.price",
            subject="product",
            subject_id=sku.product_id,
            actor=actor,
            now=now,
            before={"sku": sku.name, "price_fen": seen},
            after={"sku": sku.name, "price_fen": wanted},
        )
    return changed
