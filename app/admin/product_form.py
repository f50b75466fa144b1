"""The product editor's form: read into what the service takes, and shown again as typed."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from app import catalog
from app.catalog import Product, ProductInput, ProductKind, Sku, SkuInput
from app.catalog.products import SKUS_MAX
from app.core import clock
from app.core.errors import InvalidInput
from app.core.money import parse_yuan, plain_yuan

# The columns of a row of the matrix, as its fields are called.
COLUMNS = (
    *("values", "price", "list", "member", "cost", "code", "weight", "warn", "stock", "picture"),
)
_TEXTS = (
    *(
        "title",
        "code",
        "subtitle",
        "category",
        "tags",
        "description",
        "kind",
        "unit",
        "limit",
        "sort",
    ),
    *("on_from", "off_at", "freight"),
)
_SEPARATORS = re.compile(r"[,，、;；\n]+")


@dataclass
class Form:
    """What was typed, and what is wrong with it so far."""

    fields: dict[str, str]
    pictures: list[str]
    specs: list[dict[str, Any]]
    rows: list[dict[str, str]]
    errors: dict[str, str]


def typed() -> Form:
    """The request's form as it came, cut where no honest value reaches."""
    data = request.form
    fields = {name: _plain(data.get(name, ""), 300) for name in _TEXTS}
    fields["description"] = _plain(data.get("description", ""), 200_000)
    specs = [
        {"name": _plain(name, 40).strip(), "values": _parts(values)}
        for name, values in zip(data.getlist("spec_name"), data.getlist("spec_values"))
        if name.strip() or values.strip()
    ]
    pictures = [_plain(path, 200) for path in data.getlist("pictures")][:20]
    return Form(fields, [path for path in pictures if path], specs, _rows(data), {})


def _rows(data: MultiDict[str, str]) -> list[dict[str, str]]:
    columns = {name: data.getlist(f"sku_{name}") for name in COLUMNS}
    count = min(len(columns["price"]), SKUS_MAX + 1)
    return [
        {
            name: _plain(values[number], 400).strip() if number < len(values) else ""
            for name, values in columns.items()
        }
        for number in range(count)
    ]


def given(form: Form) -> ProductInput:
    """The form as the service takes it; what cannot be read lands in `form.errors`."""
    fields = form.fields
    read = _Reader(form.errors)
    return ProductInput(
        title=fields["title"].strip(),
        code=fields["code"].strip(),
        subtitle=fields["subtitle"].strip(),
        category_id=read.whole(fields["category"], "category", "分类", empty=0) or None,
        tags=tuple(dict.fromkeys(_parts(fields["tags"]))),
        pictures=tuple(dict.fromkeys(form.pictures)),
        description=fields["description"],
        specs=tuple((spec["name"], tuple(spec["values"])) for spec in form.specs),
        skus=tuple(_sku(row, number, read) for number, row in enumerate(form.rows)),
        kind=ProductKind(fields["kind"])
        if fields["kind"] in list(ProductKind)
        else ProductKind.PHYSICAL,
        unit=fields["unit"].strip() or "件",
        limit_per_member=read.whole(fields["limit"], "limit", "限购数量", empty=0),
        sort=read.whole(fields["sort"], "sort", "排序", empty=0),
        on_from=read.moment(fields["on_from"], "on_from", "上架时间"),
        off_at=read.moment(fields["off_at"], "off_at", "下架时间"),
        freight_template_id=read.whole(fields["freight"], "freight", "运费模板", empty=0) or None,
    )


def _sku(row: Mapping[str, str], number: int, read: "_Reader") -> SkuInput:
    at, label = f"sku-{number}", f"第 {number + 1} 行："
    return SkuInput(
        values=_values(row["values"]),
        price_fen=read.fen(row["price"], f"{at}-price", f"{label}售价"),
        list_price_fen=read.fen_or_none(row["list"], f"{at}-list", f"{label}划线价"),
        member_price_fen=read.fen_or_none(row["member"], f"{at}-member", f"{label}会员价"),
        cost_fen=read.fen_or_none(row["cost"], f"{at}-cost", f"{label}成本价") or 0,
        code=row["code"],
        weight_g=read.whole(row["weight"], f"{at}-weight", f"{label}重量", empty=0),
        warn_below=read.whole(row["warn"], f"{at}-warn", f"{label}预警值", empty=0),
        picture=row["picture"],
        opening_stock=read.whole(row["stock"], f"{at}-stock", f"{label}库存", empty=0),
    )


class _Reader:
    """Reads numbers and times; the first fault of each field is kept, 1 or 0 stands in."""

    def __init__(self, errors: dict[str, str]) -> None:
        self.errors = errors

    def fen(self, text: str, field: str, label: str) -> int:
        try:
            return parse_yuan(text.replace(",", ""), field=field, label=label)
        except InvalidInput as error:
            self.errors.setdefault(field, error.message)
            return 1

    def fen_or_none(self, text: str, field: str, label: str) -> int | None:
        return self.fen(text, field, label) if text else None

    def whole(self, text: str, field: str, label: str, *, empty: int) -> int:
        text = text.strip()
        if not text:
            return empty
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        self.errors.setdefault(field, f"{label}应为 0 或正整数")
        return 0

    def moment(self, text: str, field: str, label: str) -> datetime | None:
        if not text.strip():
            return None
        try:
            return clock.parse(text.strip())
        except (ValueError, OverflowError):
            self.errors.setdefault(field, f"{label}格式不正确")
            return None


def of(product: Product) -> Form:
    """A product as the form's fields hold it."""
    return Form(
        {
            "title": product.title,
            "code": product.code or "",
            "subtitle": product.subtitle,
            "category": str(product.category_id or ""),
            "tags": "、".join(product.tags),
            "description": catalog.richtext.clean(product.description),
            "kind": product.kind.value,
            "unit": product.unit,
            "limit": str(product.limit_per_member or ""),
            "sort": str(product.sort),
            "on_from": _local(product.on_from),
            "off_at": _local(product.off_at),
            "freight": str(product.freight_template_id or ""),
        },
        list(product.pictures),
        list(product.specs if len(product.skus) < 2 else product.choices),
        [_row(sku, is_alone=not product.specs and len(product.skus) == 1) for sku in product.skus],
        {},
    )


def blank() -> Form:
    fields = {**dict.fromkeys(_TEXTS, ""), "unit": "件", "kind": ProductKind.PHYSICAL.value}
    return Form({**fields, "sort": "100"}, [], [], [dict.fromkeys(COLUMNS, "")], {})


def _row(sku: Sku, *, is_alone: bool) -> dict[str, str]:
    return {
        "values": "[]" if is_alone else json.dumps(list(sku.chosen), ensure_ascii=False),
        "price": _yuan(sku.price_fen),
        "list": _yuan(sku.list_price_fen),
        "member": _yuan(sku.member_price_fen),
        "cost": _yuan(sku.cost_fen),
        "code": sku.code or "",
        "weight": str(sku.weight_g or ""),
        "warn": str(sku.warn_below or ""),
        "stock": "",
        "picture": sku.picture,
        # Shown, never read: stock changes by moves only.
        "there": str(sku.stock),
    }


def _yuan(fen: int | None) -> str:
    return "" if fen is None else plain_yuan(fen)


def _local(moment: datetime | None) -> str:
    return "" if moment is None else clock.local(moment).strftime("%Y-%m-%dT%H:%M")


def values_of(row: Mapping[str, str]) -> tuple[str, ...]:
    """The values of a row of the matrix."""
    return _values(row["values"])


def _values(text: str) -> tuple[str, ...]:
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return ("?",)
    return tuple(str(value) for value in found) if isinstance(found, list) else ("?",)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in _SEPARATORS.split(_plain(text, 2000)) if part.strip()]


def _plain(text: str, longest: int) -> str:
    return text[: longest + 1].replace("\x00", "")
