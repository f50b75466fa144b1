"""Making and changing products (商品编辑): fields, SKUs, the shelf, prices in batches."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import audit
from app.catalog import richtext, search
from app.catalog.errors import InvalidFields
from app.catalog.models import Product, Sku
from app.catalog.product_input import (
    PRICE_FEN_MAX,
    SKUS_MAX,
    ProductInput,
    SkuInput,
    faults,
)
from app.catalog.service import add_stock
from app.core.db import db, require_transaction
from app.core.errors import DomainError, InvalidInput
from app.core.money import AMOUNT_FEN_MAX
from app.core.rows import lock_one, lock_rows

__all__ = [
    "BATCH_MAX",
    "PRICE_FEN_MAX",
    "SKUS_MAX",
    "ProductInput",
    "SkuInput",
    "add_pictures",
    "change_prices",
    "copy",
    "faults",
    "given_of",
    "put_on_shelf",
    "save",
    "take_off_shelf",
]

BATCH_MAX = 200


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
    product.code = given.code or None
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
        "code": product.code,
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


def given_of(product: Product) -> ProductInput:
    """A product as `save` would take it again, without stock."""
    specs = product.choices if len(product.skus) > 1 else product.specs
    return ProductInput(
        title=product.title,
        code=product.code or "",
        skus=tuple(
            SkuInput(
                tuple(sku.chosen) if specs else (),
                sku.price_fen,
                sku.list_price_fen,
                sku.member_price_fen,
                sku.cost_fen,
                sku.code or "",
                sku.weight_g,
                sku.warn_below,
                sku.picture,
            )
            for sku in product.skus
        ),
        subtitle=product.subtitle,
        category_id=product.category_id,
        tags=tuple(product.tags),
        pictures=tuple(product.pictures),
        description=product.description,
        specs=tuple((spec["name"], tuple(spec["values"])) for spec in specs),
        kind=product.kind,
        unit=product.unit,
        limit_per_member=product.limit_per_member,
        sort=product.sort,
        on_from=product.on_from,
        off_at=product.off_at,
        freight_template_id=product.freight_template_id,
    )


def copy(product_id: int, *, actor: audit.Actor, now: datetime) -> Product:
    """A draft like this product, without stock, codes, times and history (复制商品)."""
    given = given_of(lock_one(Product, product_id, "商品不存在"))
    made = replace(
        given,
        title=f"{given.title[:77]} 副本",
        code="",
        skus=tuple(replace(sku, code="") for sku in given.skus),
        on_from=None,
        off_at=None,
    )
    return save(None, made, actor=actor, now=now)


def add_pictures(
    product_id: int, paths: Sequence[str], *, actor: audit.Actor, now: datetime
) -> Product:
    """Put pictures behind those that are there. Raises NotFound, InvalidFields."""
    product = lock_one(Product, product_id, "商品不存在")
    given = given_of(product)
    pictures = tuple(dict.fromkeys([*given.pictures, *paths]))
    return save(product_id, replace(given, pictures=pictures), actor=actor, now=now)


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


def shelf_obstacle(product: Product, *, is_on: bool) -> str:
    """Why a batch would leave this product as it is; empty where it would not."""
    if product.is_on_shelf is is_on:
        return "已在架上" if is_on else "不在架上"
    if is_on and not product.pictures:
        return "还没有图片"
    if is_on and not product.skus:
        return "还没有规格与价格"
    return ""


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
