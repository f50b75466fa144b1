"""Plans and scenarios as JSON documents: reading them strictly, writing results.

A document that does not fit is refused with an InvalidInput whose `field` is the
path of the value at fault, such as `levels.gold.1.bps`.
"""

from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeVar

from app.commission.quote import (
    Base,
    InactiveUpline,
    Line,
    Mode,
    Person,
    Plan,
    Rate,
    SelfPurchase,
    Step,
    Table,
    TierBy,
    after_refund,
    quote,
)
from app.core.errors import InvalidInput

E = TypeVar("E", bound=StrEnum)

BPS_MAX = 10_000
DEPTH_MAX = 3
_INT_MAX = 2**53


def read_plan(document: object, *, hard_cap: int = DEPTH_MAX) -> Plan:
    """A plan from its document. Raises InvalidInput.

    `hard_cap` is the depth that the server's own configuration allows.
    """
    doc = _mapping(document, "plan")
    known = set(Plan.__dataclass_fields__)
    for name in doc:
        if name not in known:
            raise InvalidInput(str(name), f"方案中有不认识的字段 {name}")
    depth_cap = _int(doc, "depth_cap", least=1, most=DEPTH_MAX)
    if depth_cap > hard_cap:
        raise InvalidInput("depth_cap", f"分佣层级不能超过 {hard_cap} 级")
    return Plan(
        depth_cap=depth_cap,
        base=_choice(doc, "base", Base),
        mode=_choice(doc, "mode", Mode),
        self_purchase=_choice(doc, "self_purchase", SelfPurchase),
        inactive_upline=_choice(doc, "inactive_upline", InactiveUpline),
        line_cap_bps=_int(doc, "line_cap_bps", least=0, most=BPS_MAX),
        default=_table(doc.get("default", {}), "default"),
        levels={
            str(level): _table(table, f"levels.{level}")
            for level, table in _mapping(doc.get("levels", {}), "levels").items()
        },
        categories={
            _key(key, "categories"): _table(table, f"categories.{key}")
            for key, table in _mapping(doc.get("categories", {}), "categories").items()
        },
        products={
            _key(key, "products"): _product_table(table, f"products.{key}")
            for key, table in _mapping(doc.get("products", {}), "products").items()
        },
    )


def quote_scenario(document: object) -> dict[str, Any]:
    """The result of one scenario, as `commission_vectors.json` has them.

    Raises InvalidInput.
    """
    doc = _mapping(document, "scenario")
    plan = read_plan(doc.get("plan"))
    lines = [
        _line(row, f"order.lines.{i}")
        for i, row in enumerate(_list(_mapping(doc.get("order"), "order"), "lines", "order"))
    ]
    if len({line.id for line in lines}) != len(lines):
        raise InvalidInput("order.lines", "订单行编号重复")
    refunded = _refunds(doc, {line.id: line.paid_fen for line in lines})
    results = quote(
        plan,
        buyer=_person(doc.get("buyer"), "buyer"),
        uplines=[_person(p, f"uplines.{i}") for i, p in enumerate(_list(doc, "uplines"))],
        lines=lines,
    )
    total = 0
    rows = []
    for result in results:
        commissions = []
        for share in result.shares:
            total += share.amount_fen
            row: dict[str, Any] = {
                "depth": share.depth,
                "beneficiary": share.beneficiary_id,
                "source": share.source,
                "uncapped_fen": share.uncapped_fen,
                "amount_fen": share.amount_fen,
            }
            if result.line.id in refunded:
                row["after_refund_fen"] = after_refund(
                    share.amount_fen,
                    paid_fen=result.line.paid_fen,
                    refunded_fen=refunded[result.line.id],
                )
            commissions.append(row)
        rows.append({"id": result.line.id, "base_fen": result.base_fen, "commissions": commissions})
    return {"lines": rows, "total_fen": total}


def write_rate(rate: Rate) -> dict[str, Any]:
    """A rate as its document, for the commission row that keeps it."""
    if rate.tier_by is not None:
        steps = [
            {"from": s.start, **({"bps": s.bps} if s.bps is not None else {"fen": s.fen})}
            for s in rate.steps
        ]
        return {"tiers": {"by": rate.tier_by.value, "steps": steps}}
    return {"bps": rate.bps} if rate.bps is not None else {"fen": rate.fen}


def _person(value: object, path: str) -> Person:
    doc = _mapping(value, path)
    level = doc.get("level")
    if level is not None and not isinstance(level, str):
        raise InvalidInput(f"{path}.level", "等级应为文字")
    active = doc.get("active")
    if not isinstance(active, bool):
        raise InvalidInput(f"{path}.active", "active 应为 true 或 false")
    return Person(_int(doc, "id", least=1, path=path), level, active)


def _line(value: object, path: str) -> Line:
    doc = _mapping(value, path)
    return Line(
        id=str(doc.get("id", "")),
        product_id=_int(doc, "product", least=1, path=path),
        category_ids=[
            _whole(c, f"{path}.categories.{i}", least=1)
            for i, c in enumerate(_list(doc, "categories", path))
        ],
        quantity=_int(doc, "qty", least=1, path=path),
        paid_fen=_int(doc, "paid_fen", least=0, path=path),
        unit_cost_fen=_int(doc, "unit_cost_fen", least=0, path=path),
    )


def _refunds(doc: Mapping[str, Any], paid: Mapping[str, int]) -> dict[str, int]:
    refunded: dict[str, int] = {}
    for i, row in enumerate(_list(doc, "refunds")):
        path = f"refunds.{i}"
        item = _mapping(row, path)
        line_id = str(item.get("line", ""))
        if line_id not in paid:
            raise InvalidInput(f"{path}.line", f"没有编号为 {line_id} 的订单行")
        refunded[line_id] = _int(item, "refunded_fen", least=0, most=paid[line_id], path=path)
    return refunded


def _product_table(value: object, path: str) -> Table | None:
    if isinstance(value, Mapping) and "excluded" in value:
        if value["excluded"] is not True or len(value) != 1:
            raise InvalidInput(f"{path}.excluded", "排除商品时只能写 excluded: true")
        return None
    return _table(value, path)


def _table(value: object, path: str) -> Table:
    return {
        _key(depth, path, least=1, most=DEPTH_MAX): _rate(rate, f"{path}.{depth}")
        for depth, rate in _mapping(value, path).items()
    }


def _rate(value: object, path: str) -> Rate:
    doc = _mapping(value, path)
    if len(doc) != 1:
        raise InvalidInput(path, "费率应是 bps、fen、tiers 三者之一")
    if "bps" in doc:
        return Rate(bps=_int(doc, "bps", least=0, most=BPS_MAX, path=path))
    if "fen" in doc:
        return Rate(fen=_int(doc, "fen", least=0, path=path))
    if "tiers" not in doc:
        raise InvalidInput(path, "费率应是 bps、fen、tiers 三者之一")
    tiers = _mapping(doc["tiers"], f"{path}.tiers")
    steps = tuple(
        _step(step, f"{path}.tiers.steps.{i}")
        for i, step in enumerate(_list(tiers, "steps", f"{path}.tiers"))
    )
    if not steps or any(a.start >= b.start for a, b in pairwise(steps)):
        raise InvalidInput(f"{path}.tiers.steps", "阶梯的起点应从小到大且不重复")
    return Rate(tier_by=_choice(tiers, "by", TierBy, f"{path}.tiers"), steps=steps)


def _step(value: object, path: str) -> Step:
    doc = _mapping(value, path)
    start = _int(doc, "from", path=path)
    if ("bps" in doc) == ("fen" in doc):
        raise InvalidInput(path, "每档应写 bps 或 fen 之一")
    if "bps" in doc:
        return Step(start, bps=_int(doc, "bps", least=0, most=BPS_MAX, path=path))
    return Step(start, fen=_int(doc, "fen", least=0, path=path))


def _mapping(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(path, f"{path} 应为对象")
    return value


def _list(doc: Mapping[str, Any], name: str, path: str = "") -> list[Any]:
    value = doc.get(name, [])
    if not isinstance(value, list):
        raise InvalidInput(_join(path, name), f"{_join(path, name)} 应为列表")
    return value


def _int(
    doc: Mapping[str, Any],
    name: str,
    *,
    least: int = -_INT_MAX,
    most: int = _INT_MAX,
    path: str = "",
) -> int:
    return _whole(doc.get(name), _join(path, name), least=least, most=most)


def _whole(value: object, path: str, *, least: int = -_INT_MAX, most: int = _INT_MAX) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(path, f"{path} 应为整数")
    if not least <= value <= most:
        raise InvalidInput(path, f"{path} 应在 {least} 到 {most} 之间")
    return value


def _key(text: object, path: str, *, least: int = 1, most: int = _INT_MAX) -> int:
    if not isinstance(text, str) or not text.isascii() or not text.isdigit():
        raise InvalidInput(f"{path}.{text}", f"{path} 的键应为整数")
    return _whole(int(text), f"{path}.{text}", least=least, most=most)


def _choice(doc: Mapping[str, Any], name: str, cls: type[E], path: str = "") -> E:
    try:
        return cls(doc.get(name, ""))
    except (ValueError, TypeError):
        allowed = "、".join(item.value for item in cls)
        raise InvalidInput(_join(path, name), f"{_join(path, name)} 应是 {allowed} 之一") from None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
