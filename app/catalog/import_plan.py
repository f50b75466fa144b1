"""What a product file would do to the shop as it is: computed row by row, nothing written."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from app.catalog import import_sheet, products
from app.catalog.categories import tree
from app.catalog.import_sheet import NOTHING, Line
from app.catalog.models import FreightTemplate, Product, Sku
from app.catalog.product_input import ProductInput, SkuInput, faults
from app.core.db import db
from app.core.money import format_yuan

_ROW = re.compile(r"^第 \d+ 行：")
_AT = re.compile(r"^sku-(\d+)-")
_MONEY = {"price_fen": "售价", "list_price_fen": "划线价", "member_price_fen": "会员价"} | {
    "cost_fen": "成本价"
}
_SKU_WORDS = _MONEY | {"code": "货号", "weight_g": "重量", "warn_below": "预警值"}
_WORDS = {
    "title": "商品名称",
    "code": "商品编码",
    "subtitle": "副标题",
    "tags": "标签",
    "unit": "单位",
    "limit_per_member": "每人限购",
}


@dataclass(frozen=True)
class Change:
    """One thing that a row changes, as a person reads it."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class RowReport:
    """What comes of a row: `new`, `change`, `same` or `error`."""

    line: int
    code: str
    title: str
    spec: str
    state: str
    changes: tuple[Change, ...] = ()
    errors: tuple[str, ...] = ()
    note: str = ""


@dataclass
class Plan:
    """What a file would do now. `mark` is another one once a product was changed."""

    rows: list[RowReport] = field(default_factory=list)
    wanted: list[tuple[int | None, ProductInput]] = field(default_factory=list)
    mark: str = ""

    def count(self, state: str) -> int:
        return sum(row.state == state for row in self.rows)

    @property
    def failed(self) -> int:
        return self.count("error")

    @property
    def may_apply(self) -> bool:
        return not self.failed and self.count("same") < len(self.rows)


def reported(row: dict[str, Any]) -> RowReport:
    """A line of `ProductImport.report` as it was made."""
    changes = tuple(Change(**change) for change in row["changes"])
    return RowReport(**{**row, "changes": changes, "errors": tuple(row["errors"])})


def plan(kept: Iterable[Sequence[Any]]) -> Plan:
    """What these rows would do to the shop as it is now; reads only."""
    lines = [Line(number, dict(cells)) for number, cells in kept]
    made = Plan()
    marks: list[Any] = []
    rows: list[RowReport] = []
    _say_twice(lines)
    names = _Names()
    for product, group in _groups(lines):
        before = products.given_of(product) if product else None
        builder = _Builder(product, before, group, names)
        given = builder.build()
        marks.append([product.id if product else None, asdict(before) if before else None])
        reports = builder.reports(given)
        rows += reports
        if any(row.state in ("new", "change") for row in reports):
            made.wanted.append((product.id if product else None, given))
    made.rows = sorted(rows, key=lambda row: row.line)
    made.wanted.sort(key=lambda one: (one[0] is None, one[0] or 0))
    text = json.dumps([marks, [asdict(row) for row in made.rows]], default=str, sort_keys=True)
    made.mark = hashlib.sha256(text.encode()).hexdigest()
    return made


def _say_twice(lines: list[Line]) -> None:
    first: dict[str, int] = {}
    for line in lines:
        code = line.text("sku").casefold()
        if code and first.setdefault(code, line.number) != line.number:
            line.wrong(f"“货号”与第 {first[code]} 行重复")


def _groups(lines: list[Line]) -> list[tuple[Product | None, list[Line]]]:
    """The rows product by product: by the product's code, else by the SKU's."""
    codes = {line.text("code") for line in lines} - {""}
    skus = {line.text("sku") for line in lines if not line.text("code")} - {""}
    by_code = {
        (product.code or "").casefold(): product
        for product in db.session.scalars(
            sa.select(Product).where(Product.code.in_(codes)).options(selectinload(Product.skus))
        )
    }
    by_sku = {
        (sku.code or "").casefold(): sku.product
        for sku in db.session.scalars(
            sa.select(Sku)
            .where(Sku.code.in_(skus), Sku.is_active)
            .options(joinedload(Sku.product).selectinload(Product.skus))
        )
    }
    found: dict[object, tuple[Product | None, list[Line]]] = {}
    for line in lines:
        code = line.text("code").casefold()
        product = by_code.get(code) if code else by_sku.get(line.text("sku").casefold())
        if not code and product is None:
            said = "没有这个“货号”的商品" if line.text("sku") else "缺少“商品编码”"
            line.wrong(f"{said}，新建商品请填写“商品编码”")
        key: object = product.id if product else code or line.number
        found.setdefault(key, (product, []))[1].append(line)
    return list(found.values())


class _Names:
    """Categories and freight templates by what people call them, looked up once."""

    def __init__(self) -> None:
        self.paths: dict[str, list[int]] = {}
        trail: list[str] = []
        for node in tree():
            trail = [*trail[: node.depth], node.category.name]
            for start in range(len(trail)):
                self.paths.setdefault("/".join(trail[start:]), []).append(node.category.id)
        self.titles = {ids[-1]: path for path, ids in self.paths.items() if len(ids) == 1}
        self.freights: dict[str, list[int]] = {}
        for row in db.session.scalars(sa.select(FreightTemplate)):
            self.freights.setdefault(row.name, []).append(row.id)


class _Builder:
    """Turns the rows of one product into what the editor would have sent."""

    def __init__(
        self, product: Product | None, before: ProductInput | None, lines: list[Line], names: _Names
    ) -> None:
        self.product, self.before, self.lines, self.names = product, before, lines, names
        self.base = before or ProductInput("", ())
        self.skus: list[SkuInput] = list(self.base.skus)
        # For each row of the file, which SKU it is; and which rows made a new one.
        self.place: dict[int, int] = {}
        self.opened: set[int] = set()

    def build(self) -> ProductInput:
        given = self._product()
        specs = self._specs()
        for line in self.lines:
            self._sku(line, [name for name, _ in specs])
        given = replace(given, specs=self._with_values(specs), skus=tuple(self.skus))
        self._judge(given)
        return given

    def _first(self, name: str) -> Line | None:
        """The first row that says something of the product; another must say the same."""
        said: Line | None = None
        for line in self.lines:
            if not line.text(name):
                continue
            if said is None:
                said = line
            elif line.text(name) != said.text(name):
                title = import_sheet.COLUMN_OF[name].title
                line.wrong(f"“{title}”与第 {said.number} 行不同，同一个商品只能有一个")
        return said

    def _product(self) -> ProductInput:
        changed: dict[str, Any] = {}
        for name in ("title", "subtitle", "unit"):
            if line := self._first(name):
                text = line.text(name)
                changed[name] = "" if name == "subtitle" and text == NOTHING else text
        if line := self._first("tags"):
            text = line.text("tags")
            changed["tags"] = () if text == NOTHING else import_sheet.parts(text)
        if line := self._first("limit"):
            changed["limit_per_member"] = import_sheet.whole(
                line, "limit", self.base.limit_per_member
            )
        for name, field_name, known, missing in (
            ("category", "category_id", self.names.paths, "没有这个分类，请先在“商品分类”里新建"),
            ("freight", "freight_template_id", self.names.freights, "没有这个运费模板"),
        ):
            if line := self._first(name):
                changed[field_name] = _named(line, name, known, missing)
        if self.before is None:
            changed["code"] = self.lines[0].text("code")
            changed["sort"] = 100
            if not changed.get("title") and changed["code"]:
                self.lines[0].wrong("没有这个商品编码，新建商品请填写“商品名称”")
                changed["title"] = "—"
        return replace(self.base, **changed)

    def _specs(self) -> list[tuple[str, list[str]]]:
        """The names to choose by: the product's own, else those of its first row."""
        if self.before and self.before.skus:
            return [(name, list(values)) for name, values in self.before.specs]
        return [(name, []) for name, _ in import_sheet.specs(self.lines[0])]

    def _sku(self, line: Line, names: list[str]) -> None:
        pairs = dict(import_sheet.specs(line))
        code, at = line.text("sku"), None
        if code:
            at = self._where(lambda sku: sku.code.casefold() == code.casefold())
        if at is not None and not pairs:
            values = self.skus[at].values
        else:
            if set(pairs) != set(names):
                wanted = "、".join(names)
                line.wrong(
                    f"“规格”应写明 {wanted}，与这个商品的规格一致"
                    if names
                    else "这个商品没有规格可选，请把“规格”留空；要改成有规格请到编辑页修改"
                )
                return
            values = tuple(pairs[name] for name in names)
            if at is not None and self.skus[at].values != values:
                line.wrong(f"这个“货号”属于规格“{' '.join(self.skus[at].values) or '默认'}”")
                return
            at = self._where(lambda sku: sku.values == values) if at is None else at
        if at is not None and at in self.place.values():
            first = next(number for number, place in self.place.items() if place == at)
            line.wrong(f"与第 {first} 行是同一个规格")
            return
        self.place[line.number] = self._put(line, at, values)

    def _where(self, test: Callable[[SkuInput], bool]) -> int | None:
        return next((place for place, sku in enumerate(self.skus) if test(sku)), None)

    def _put(self, line: Line, at: int | None, values: tuple[str, ...]) -> int:
        if at is None:
            if not line.text("price"):
                line.wrong("新规格请填写“售价”")
            self.opened.add(line.number)
            at, known = len(self.skus), SkuInput(values, 1)
            self.skus.append(known)
        known = self.skus[at]
        self.skus[at] = replace(
            known,
            price_fen=import_sheet.fen(line, "price", known.price_fen) or 0,
            list_price_fen=import_sheet.fen(line, "list", known.list_price_fen),
            member_price_fen=import_sheet.fen(line, "member", known.member_price_fen),
            cost_fen=import_sheet.fen(line, "cost", known.cost_fen) or 0,
            code=line.text("sku") or known.code,
            weight_g=import_sheet.whole(line, "weight", known.weight_g),
            warn_below=import_sheet.whole(line, "warn", known.warn_below),
            opening_stock=import_sheet.whole(line, "stock", 0) if line.number in self.opened else 0,
        )
        return at

    def _with_values(
        self, specs: list[tuple[str, list[str]]]
    ) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The values to choose from, new ones behind those that are there."""
        for number, (_, values) in enumerate(specs):
            values += [sku.values[number] for sku in self.skus if len(sku.values) > number]
        return tuple((name, tuple(dict.fromkeys(values))) for name, values in specs)

    def _judge(self, given: ProductInput) -> None:
        """What the editor would say, said at the row it belongs to."""
        if any(line.errors for line in self.lines):
            return
        by_place = {self.place[line.number]: line for line in self.lines}
        found = faults(given, product_id=self.product.id if self.product else None)
        for name, message in found.items():
            at = _AT.match(name)
            line = by_place.get(int(at[1]), self.lines[0]) if at else self.lines[0]
            line.wrong(_ROW.sub("", message))

    def reports(self, given: ProductInput) -> list[RowReport]:
        whole = self._product_changes(given)
        found = []
        for line in self.lines:
            place = self.place.get(line.number)
            sku = given.skus[place] if place is not None else None
            is_new = line.number in self.opened
            changes = [] if is_new or sku is None else self._sku_changes(place, sku)
            if line is self.lines[0] and self.before:
                changes = whole + changes
            found.append(
                RowReport(
                    line.number,
                    line.text("code") or line.text("sku"),
                    given.title,
                    " ".join(sku.values) if sku else "",
                    "error"
                    if line.errors
                    else "new"
                    if is_new
                    else "change"
                    if changes
                    else "same",
                    tuple(changes),
                    tuple(line.errors),
                    self._note(line, sku),
                )
            )
        return found

    def _note(self, line: Line, sku: SkuInput | None) -> str:
        if line.number not in self.opened or sku is None:
            return "库存不改，请用“库存导入”" if line.text("stock") else ""
        price = f"售价 {format_yuan(sku.price_fen)}"
        known = self._retired().get(sku.values)
        if known is not None:
            return f"{price}，恢复以前的规格，库存 {known} 不改"
        return f"{price}，库存 {sku.opening_stock}"

    def _retired(self) -> dict[tuple[str, ...], int]:
        """SKUs that are not offered any more, with their stock: a new one revives them."""
        if self.product is None:
            return {}
        rows = db.session.scalars(
            sa.select(Sku).where(Sku.product_id == self.product.id, ~Sku.is_active)
        )
        return {tuple(sku.chosen): sku.stock for sku in rows}

    def _product_changes(self, given: ProductInput) -> list[Change]:
        before = self.base
        found = [
            Change(label, _said(getattr(before, name)), _said(getattr(given, name)))
            for name, label in _WORDS.items()
            if getattr(before, name) != getattr(given, name)
        ]
        if before.category_id != given.category_id:
            titles = self.names.titles
            found.append(
                Change(
                    "分类",
                    titles.get(before.category_id or 0, "—"),
                    titles.get(given.category_id or 0, "—"),
                )
            )
        if before.freight_template_id != given.freight_template_id:
            titles = {ids[0]: name for name, ids in self.names.freights.items()}
            found.append(
                Change(
                    "运费",
                    titles.get(before.freight_template_id or 0, "包邮"),
                    titles.get(given.freight_template_id or 0, "包邮"),
                )
            )
        return found

    def _sku_changes(self, place: int | None, sku: SkuInput) -> list[Change]:
        known = self.base.skus[place or 0]
        return [
            Change(
                label,
                _said(getattr(known, name), is_money=name in _MONEY),
                _said(getattr(sku, name), is_money=name in _MONEY),
            )
            for name, label in _SKU_WORDS.items()
            if getattr(known, name) != getattr(sku, name)
        ]


def _named(line: Line, name: str, known: dict[str, list[int]], missing: str) -> int | None:
    text = line.text(name)
    if text == NOTHING:
        return None
    ids = known.get("/".join(part.strip() for part in text.replace("＞", "/").split("/")), [])
    title = import_sheet.COLUMN_OF[name].title
    if len(ids) != 1:
        line.wrong(f"“{title}”{text[:20]}：{'有几个同名的，请写上一级' if ids else missing}")
        return None
    return ids[0]


def _said(value: Any, *, is_money: bool = False) -> str:
    if is_money:
        return "—" if value is None else format_yuan(value)
    if isinstance(value, tuple):
        return "、".join(value) or "—"
    return str(value or "—")
