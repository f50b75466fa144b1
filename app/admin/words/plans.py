"""A plan in words (措辞): its tables, what differs between two, a quote's steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app import catalog
from app.admin.words import commissions
from app.admin.words.base import percent
from app.commission import Explanation, SeatStep
from app.commission.documents import write_rate
from app.core.money import format_yuan
from app.distribution import levels

KINDS: Mapping[str, str] = {
    "default": "默认",
    "levels": "等级",
    "categories": "分类",
    "products": "商品",
}
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """A table of rates in one of two plans; None where it has no such table."""

    rates: list[str]
    is_excluded: bool


@dataclass(frozen=True)
class Pair:
    """The same table of rates in two plans."""

    kind: str
    name: str
    old: Side | None
    new: Side | None

    @property
    def is_changed(self) -> bool:
        return self.old != self.new


@dataclass(frozen=True)
class Comparison:
    """Two plans side by side; `changes` says each difference in a sentence."""

    depths: list[int]
    facts: list[tuple[str, str, str]]
    rows: list[Pair]
    changes: list[str]


def tables(document: Document) -> dict[str, Mapping[str, Any]]:
    """The tables of a document by their paths, the most general first."""
    found: dict[str, Mapping[str, Any]] = {"default": document.get("default", {})}
    for group in list(KINDS)[1:]:
        found |= {f"{group}.{key}": table for key, table in document.get(group, {}).items()}
    return found


def names_of(*documents: Document) -> dict[str, str]:
    """What the tables of these documents are for, by path."""
    called = {"default": "全部商品"}
    called |= {f"levels.{code}": name for code, name in levels.names().items()}
    titles = catalog.titles_of(int(key) for doc in documents for key in doc.get("products", {}))
    called |= {f"products.{key}": title for key, title in titles.items()}
    if any(doc.get("categories") for doc in documents):
        called |= {f"categories.{key}": name for key, name in category_names().items()}
    return called


def category_names() -> dict[int, str]:
    """Each category with those above it: `茶饮 / 绿茶`."""
    own = {row.id: row.name for row in catalog.categories()}
    parents = catalog.category_parents()
    return {key: " / ".join(own[at] for at in catalog.path_of(key, parents)[::-1]) for key in own}


def name_of(path: str, called: Mapping[str, str]) -> str:
    group, _, key = path.partition(".")
    return called.get(path, f"{KINDS[group]} {key}")


def readable(document: Document) -> dict[str, object]:
    """A plan's document as rows of words for the table of its rates."""
    called = names_of(document)
    depths = list(range(1, int(document.get("depth_cap", 1)) + 1))
    return {
        "depths": depths,
        "rows": [
            {
                "kind": KINDS[path.partition(".")[0]],
                "name": name_of(path, called),
                "excluded": bool(table.get("excluded")),
                "rates": _rates(table, depths),
            }
            for path, table in tables(document).items()
        ],
        "facts": commissions.plan_facts(document),
    }


def compare(old: Document | None, new: Document) -> Comparison:
    """What would change; `old` is None where no plan is in force."""
    before = old or {}
    deepest = max(int(before.get("depth_cap", 1)), int(new.get("depth_cap", 1)))
    depths = list(range(1, deepest + 1))
    facts = [
        (label, was if old is not None else "—", now)
        for (label, was), (_, now) in zip(
            commissions.plan_facts(before), commissions.plan_facts(new)
        )
    ]
    called = names_of(before, new)
    sides = tables(before) if old is not None else {}, tables(new)
    paths = sorted({**sides[0], **sides[1]}, key=lambda p: list(KINDS).index(p.partition(".")[0]))
    rows = [
        Pair(
            KINDS[path.partition(".")[0]],
            name_of(path, called),
            *(_side(side.get(path), depths) for side in sides),
        )
        for path in paths
    ]
    changes = [f"{label}：{was} → {now}" for label, was, now in facts if was != now]
    changes += [_change(row) for row in rows if row.is_changed]
    return Comparison(depths, facts, rows, changes)


def explained(
    found: Explanation, document: Document, people: Mapping[int, str]
) -> list[tuple[str, str]]:
    """A quote's steps as pairs of what is done and what comes out.

    `people` says who each person of the chain is.
    """
    line = found.line
    said = [("商品实付", _yuan(line.paid_fen))]
    if found.is_excluded:
        return [*said, ("这件商品不参与分佣", _yuan(0))]
    if document.get("base") == "profit":
        cost = f"{_yuan(line.unit_cost_fen)} × {line.quantity}"
        said.append((f"计佣基数：利润，实付减成本 {cost}，不足零按零", _yuan(found.base_fen)))
    else:
        said.append(("计佣基数：实付金额", _yuan(found.base_fen)))
    cap = percent(int(document.get("line_cap_bps", 0)))
    said.append((f"各级合计最多：实付的 {cap}", _yuan(found.cap_fen)))
    if not found.seats:
        said.append(("没有可以得佣金的人", _yuan(0)))
    called = names_of(document)
    for seat in found.seats:
        who = f"{commissions.DEPTH[seat.depth]}，{people[seat.person.id]}"
        said.append((f"{who}：{_seat(seat, found, called)}", _yuan(seat.amount_fen)))
    return said


def _seat(seat: SeatStep, found: Explanation, called: Mapping[str, str]) -> str:
    if not seat.person.is_active:
        return "不是有效的分销员，占着这一级，不得佣金"
    if found.base_fen == 0:
        return "计佣基数为零，不得佣金"
    if seat.rate is None:
        return "没有适用的费率，不得佣金"
    text = f"{_source(seat.source, called)} {commissions.rate(write_rate(seat.rate))}"
    if seat.full_fen != seat.amount_fen or seat.nearer_fen:
        text += f"，得 {_yuan(seat.full_fen)}"
    if seat.nearer_fen:
        text += f"，级差减去更近的 {_yuan(seat.nearer_fen)}，剩 {_yuan(seat.uncapped_fen)}"
    if seat.amount_fen < seat.uncapped_fen:
        text += f"，上限只剩 {_yuan(seat.left_fen)}"
    return text


def _source(source: str, called: Mapping[str, str]) -> str:
    kind, _, key = source.partition(":")
    if not key:
        return "默认费率"
    group = {"product": "products", "category": "categories", "level": "levels"}[kind]
    return f"{KINDS[group]}费率（{name_of(f'{group}.{key}', called)}）"


def _rates(table: Mapping[str, Any], depths: list[int]) -> list[str]:
    return [commissions.rate(table[str(depth)]) if str(depth) in table else "" for depth in depths]


def _side(table: Mapping[str, Any] | None, depths: list[int]) -> Side | None:
    return None if table is None else Side(_rates(table, depths), bool(table.get("excluded")))


def _change(row: Pair) -> str:
    return f"{row.kind}费率（{row.name}）：{_said(row.old)} → {_said(row.new)}"


def _said(side: Side | None) -> str:
    if side is None:
        return "没有"
    if side.is_excluded:
        return "不参与分佣"
    return "、".join(
        f"{commissions.DEPTH[depth]} {rate or '沿用'}"
        for depth, rate in enumerate(side.rates, start=1)
    )


def _yuan(fen: int) -> str:
    return f"¥{format_yuan(fen)}"
