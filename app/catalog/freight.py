"""What sending goods costs (运费): templates, and the pure function that reads them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app import audit
from app.catalog.errors import InvalidFields, NotDelivered
from app.catalog.models import FreightBy, FreightTemplate, Product, ProductKind
from app.core.db import db
from app.core.errors import DomainError
from app.core.rows import lock_one

FEE_FEN_MAX = 10_000_00
STEP_MAX = 1_000_000
REGIONS_MAX = 40


@dataclass(frozen=True)
class Rate:
    """The first so many pieces or grams, then each further step.

    `free_from_fen` is the worth of goods from which sending is free; None for never.
    """

    first: int
    first_fen: int
    step: int
    step_fen: int
    free_from_fen: int | None = None


@dataclass(frozen=True)
class RegionRate:
    """A rate of its own for places; without a rate they are not served."""

    places: tuple[str, ...]
    rate: Rate | None


@dataclass(frozen=True)
class Terms:
    """A template as the function below reads it; without `default`, only `regions` are served."""

    counts: FreightBy
    default: Rate | None
    regions: tuple[RegionRate, ...] = ()


def freight_fen(
    terms: Terms | None, region: str, quantity: int, weight_g: int, goods_fen: int
) -> int:
    """What it costs to send `quantity` pieces of `weight_g` grams in all to `region`, in fen.

    `region` begins with the province, as in `浙江省杭州市西湖区` or `浙江省 杭州市`;
    `goods_fen` is the worth of these goods. Without a template sending is free. The
    most exact place counts: a city before its province.

    Raises:
        NotDelivered: the region is not served.
    """
    if terms is None:
        return 0
    rate = _rate_for(terms, region)
    if rate is None:
        raise NotDelivered(region=region)
    if rate.free_from_fen is not None and goods_fen >= rate.free_from_fen:
        return 0
    amount = quantity if terms.counts is FreightBy.PIECE else weight_g
    steps = max(0, -(-(amount - rate.first) // rate.step))
    return rate.first_fen + steps * rate.step_fen


def _rate_for(terms: Terms, region: str) -> Rate | None:
    place = "".join(region.split())
    best, rate = 0, terms.default
    for entry in terms.regions:
        for name in entry.places:
            end = _end_of(name, place)
            if end > best:
                best, rate = end, entry.rate
    return rate


PROVINCES = tuple(
    "北京 天津 河北 山西 内蒙古 辽宁 吉林 黑龙江 上海 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南"
    " 广东 广西 海南 重庆 四川 贵州 云南 西藏 陕西 甘肃 青海 宁夏 新疆 香港 澳门 台湾".split()
)
_PROVINCE = re.compile(
    rf"(?:{'|'.join(PROVINCES)})(?:省|(?:维吾尔|壮族|回族)?自治区|特别行政区)?"
    r"|(?:北京|天津|上海|重庆)市"
)
# 新疆维吾尔自治区, the longest name of a province.
_PROVINCE_MAX = 8


def _end_of(name: str, place: str) -> int:
    """Where `name` ends in `place` if it names that place, else 0: the later, the more exact.

    A province stands at the beginning only (海南 is not in 青海省海南藏族自治州), a city
    right after a province: a street that bears a city's name must not count.
    """
    if _PROVINCE.fullmatch(name):
        return len(name) if place.startswith(name) else 0
    found = place.find(name, 0, _PROVINCE_MAX + len(name))
    return found + len(name) if found >= 0 else 0


def terms_of(template: FreightTemplate) -> Terms:
    rules = template.rules
    return Terms(
        template.counts,
        Rate(**rules["default"]) if rules["default"] else None,
        tuple(
            RegionRate(tuple(row["places"]), Rate(**row["rate"]) if row["rate"] else None)
            for row in rules["regions"]
        ),
    )


def templates_of(product_ids: Sequence[int]) -> dict[int, Terms]:
    """By product the terms under which it is sent.

    Left out are those sent free, and those of which nothing is sent.
    """
    if not product_ids:
        return {}
    rows = db.session.execute(
        sa.select(Product.id, FreightTemplate)
        .join(FreightTemplate, FreightTemplate.id == Product.freight_template_id)
        .where(Product.id.in_(set(product_ids)), Product.kind == ProductKind.PHYSICAL)
    )
    return {product_id: terms_of(template) for product_id, template in rows}


def freight_templates() -> Sequence[FreightTemplate]:
    return db.session.scalars(sa.select(FreightTemplate).order_by(FreightTemplate.id)).all()


def uses_of_freight() -> dict[int, int]:
    """How many products use each template."""
    rows = db.session.execute(
        sa.select(FreightTemplate.id, sa.func.count())
        .join(Product, Product.freight_template_id == FreightTemplate.id)
        .group_by(FreightTemplate.id)
    )
    return dict(rows.all())


def save_freight(
    template_id: int | None, *, name: str, terms: Terms, actor: audit.Actor, now: datetime
) -> FreightTemplate:
    """Make or change a template. Raises InvalidFields, NotFound."""
    name = name.strip()
    errors = _faults(name, terms)
    if errors:
        raise InvalidFields(errors)
    rules = {
        "default": _rate_document(terms.default),
        "regions": [
            {"places": list(row.places), "rate": _rate_document(row.rate)} for row in terms.regions
        ],
    }
    if template_id is None:
        template = FreightTemplate(name=name, counts=terms.counts, rules=rules, updated_at=now)
        db.session.add(template)
        before = None
    else:
        template = lock_one(FreightTemplate, template_id, "运费模板不存在或已被删除")
        before = _facts(template)
        template.name, template.counts, template.rules = name, terms.counts, rules
        template.updated_at = now
    db.session.flush()
    audit.record(
        "freight.save",
        subject="freight",
        subject_id=template.id,
        actor=actor,
        now=now,
        before=before,
        after=_facts(template),
    )
    return template


def remove_freight(template_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """Remove a template that no product uses. Raises NotFound, DomainError."""
    template = lock_one(FreightTemplate, template_id, "运费模板不存在或已被删除")
    used = uses_of_freight().get(template_id, 0)
    if used:
        raise DomainError(f"还有 {used} 个商品在使用这个运费模板，请先为它们更换模板")
    audit.record(
        "freight.remove",
        subject="freight",
        subject_id=template_id,
        actor=actor,
        now=now,
        before=_facts(template),
    )
    db.session.delete(template)


def _facts(template: FreightTemplate) -> dict[str, Any]:
    return {"name": template.name, "counts": template.counts.value, "rules": template.rules}


def _rate_document(rate: Rate | None) -> Mapping[str, int | None] | None:
    return None if rate is None else dict(vars(rate))


def _faults(name: str, terms: Terms) -> dict[str, str]:
    errors: dict[str, str] = {}
    if not 1 <= len(name) <= 30:
        errors["name"] = "模板名称应为 1 到 30 个字"
    if terms.default is None and not any(row.rate for row in terms.regions):
        errors["default"] = "请至少给默认地区或一组地区设置运费"
    if len(terms.regions) > REGIONS_MAX:
        errors["regions"] = f"最多 {REGIONS_MAX} 组地区"
    rates = [("default", "默认运费", terms.default)]
    seen: set[str] = set()
    for number, row in enumerate(terms.regions, start=1):
        rates.append((f"region-{number}", f"第 {number} 组地区", row.rate))
        if not row.places:
            errors[f"region-{number}"] = f"第 {number} 组地区：请填写省份或城市"
        elif any(not 2 <= len(place) <= 12 for place in row.places):
            errors[f"region-{number}"] = f"第 {number} 组地区：每个地名应为 2 到 12 个字"
        elif seen.intersection(row.places):
            twice = "、".join(sorted(seen.intersection(row.places)))
            errors[f"region-{number}"] = f"第 {number} 组地区：“{twice}”在前面的组里已经有了"
        seen.update(row.places)
    for field, label, rate in rates:
        if rate is not None and not _is_sound(rate):
            errors.setdefault(field, f"{label}：数量或金额超出范围")
    return errors


def _is_sound(rate: Rate) -> bool:
    return (
        1 <= rate.first <= STEP_MAX
        and 1 <= rate.step <= STEP_MAX
        and 0 <= rate.first_fen <= FEE_FEN_MAX
        and 0 <= rate.step_fen <= FEE_FEN_MAX
        and (rate.free_from_fen is None or rate.free_from_fen > 0)
    )
