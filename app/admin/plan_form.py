"""The plan editor's form: tables of rates as they were typed, and as a document.

A row is named by its path in the document (`default`, `levels.gold`, `products.7`),
a cell by its row and depth (`levels.gold.1`): the paths that refusals name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import request

from app import commission
from app.core import web
from app.core.errors import InvalidInput
from app.core.money import parse_yuan, plain_yuan

# Rows of levels, categories and products of one plan, and steps of one rate.
ROWS_MAX = 200
STEPS_MAX = 10
FACTS = ("depth_cap", "base", "mode", "self_purchase", "inactive_upline")
GROUPS = ("levels", "categories", "products")
_PERCENT = re.compile(r"(-?)(0|[1-9]\d{0,4})(?:\.(\d{1,2}))?", re.ASCII)
_ROW = re.compile(r"default|levels\.[a-z][a-z0-9_]{0,19}|(?:categories|products)\.[1-9]\d{0,14}")

BLANK: Mapping[str, Any] = {
    "depth_cap": 2,
    "base": "paid",
    "mode": "fixed",
    "self_purchase": "off",
    "inactive_upline": "skip",
    "line_cap_bps": 3000,
    "default": {},
}


@dataclass
class StepText:
    """One step of a tiered rate: from what on, how much, `bps` or `fen`."""

    start: str = ""
    value: str = ""
    unit: str = "bps"


@dataclass
class Cell:
    """A rate at one depth: `kind` is "", "bps", "fen" or "tiers"."""

    kind: str = ""
    value: str = ""
    by: str = "order_paid"
    steps: list[StepText] = field(default_factory=list)


@dataclass
class Row:
    path: str
    cells: dict[int, Cell]
    is_excluded: bool = False

    @property
    def group(self) -> str:
        return self.path.partition(".")[0]

    @property
    def key(self) -> str:
        return self.path.partition(".")[2]


@dataclass
class PlanForm:
    """What was typed, and what is wrong with it by the path of its field."""

    name: str
    facts: dict[str, str]
    line_cap: str
    rows: list[Row]
    depths: range
    errors: dict[str, str] = field(default_factory=dict)

    def of(self, group: str) -> list[Row]:
        return [row for row in self.rows if row.group == group]

    def errors_at(self, path: str) -> list[str]:
        """What is wrong with a cell or anything inside it."""
        return [said for at, said in self.errors.items() if at == path or at.startswith(f"{path}.")]

    def add(self, path: str) -> None:
        """One more row; at most one of a kind. Raises InvalidInput where there are too many."""
        if not _ROW.fullmatch(path) or any(row.path == path for row in self.rows):
            return
        if len(self.rows) >= ROWS_MAX:
            raise InvalidInput(path.partition(".")[0], f"一个方案最多 {ROWS_MAX} 行费率")
        self.rows.append(Row(path, {depth: Cell() for depth in self.depths}))

    def act(self, what: str) -> None:
        """Do what a button of the tables says: `drop:levels.gold`, `step:default.1`."""
        verb, _, path = what.partition(":")
        if verb == "drop":
            self.rows = [row for row in self.rows if row.path != path or path == "default"]
        elif verb == "add":
            self.add(path)
        elif verb in ("step", "unstep"):
            place, _, depth = path.rpartition(".")
            cells = [
                row.cells.get(web.whole_number(depth) or 0)
                for row in self.rows
                if row.path == place
            ]
            for cell in cells:
                if cell is not None and verb == "step" and len(cell.steps) < STEPS_MAX:
                    cell.steps.append(StepText())
                elif cell is not None and verb == "unstep" and len(cell.steps) > 1:
                    cell.steps.pop()


def of_document(name: str, document: Mapping[str, Any]) -> PlanForm:
    """A stored document as the form's fields hold it."""
    tables: dict[str, Mapping[str, Any]] = {"default": document.get("default", {})}
    for group in GROUPS:
        tables |= {f"{group}.{key}": table for key, table in document.get(group, {}).items()}
    # A rate deeper than this server pays today is kept for the day it may.
    deepest = max(
        (int(depth) for table in tables.values() for depth in table if depth != "excluded"),
        default=1,
    )
    depths = range(1, max(deepest, commission.hard_cap()) + 1)
    return PlanForm(
        name,
        {fact: str(document.get(fact, BLANK[fact])) for fact in FACTS},
        percent_text(int(document.get("line_cap_bps", 0))),
        [
            Row(
                path,
                {depth: _cell_of(table.get(str(depth))) for depth in depths},
                is_excluded=bool(table.get("excluded")),
            )
            for path, table in tables.items()
        ],
        depths,
    )


def typed() -> PlanForm:
    """The request's form as it came."""
    depths = range(1, max(commission.hard_cap(), web.whole_number(_text("depths")) or 1) + 1)[:3]
    rows = [
        Row(
            path,
            {depth: _typed_cell(f"{path}.{depth}") for depth in depths},
            is_excluded=_text(f"{path}.excluded") == "1",
        )
        for path in dict.fromkeys(["default", *request.form.getlist("row")[:ROWS_MAX]])
        if _ROW.fullmatch(path)
    ]
    return PlanForm(
        web.form_text("name", 60).strip(),
        {fact: web.form_text(fact, 20) for fact in FACTS},
        _text("line_cap_bps"),
        rows,
        depths,
    )


def document(form: PlanForm) -> dict[str, Any]:
    """The document that the form describes; what cannot be read goes to its errors."""
    made: dict[str, Any] = {
        **form.facts,
        "depth_cap": web.whole_number(form.facts["depth_cap"]) or 0,
        "line_cap_bps": _read(
            form, "line_cap_bps", lambda: percent_bps(form.line_cap, "单行佣金上限")
        ),
        "default": {},
    }
    for row in form.rows:
        table: dict[str, Any] = {}
        if row.is_excluded and row.group == "products":
            table["excluded"] = True
        else:
            for depth, cell in row.cells.items():
                rate = _rate(form, f"{row.path}.{depth}", cell)
                if rate is not None:
                    table[str(depth)] = rate
            if row.path != "default" and not table:
                form.errors.setdefault(row.path, "这一行还没有填写费率；不需要请移除")
        if row.path == "default":
            made["default"] = table
        else:
            made.setdefault(row.group, {})[row.key] = table
    return made


def percent_text(bps: int) -> str:
    """Basis points as a field shows them: `12.5`."""
    return plain_yuan(bps).removesuffix(".00")


# --- reading -----------------------------------------------------------------------


def _text(name: str) -> str:
    return web.form_text(name, 20).strip()


def _column(name: str) -> list[str]:
    texts = request.form.getlist(name)[:STEPS_MAX]
    return [text[:20].replace("\x00", "").strip() for text in texts]


def _typed_cell(path: str) -> Cell:
    kind = _text(f"{path}.kind")
    steps = [
        StepText(*column)
        for column in zip(_column(f"{path}.from"), _column(f"{path}.get"), _column(f"{path}.unit"))
    ]
    if kind == "tiers" and not steps:
        steps = [StepText("0"), StepText()]
    by = "margin" if _text(f"{path}.by") == "margin" else "order_paid"
    return Cell(kind, _text(f"{path}.value"), by, steps)


def _cell_of(rate: Mapping[str, Any] | None) -> Cell:
    if rate is None:
        return Cell()
    if "tiers" not in rate:
        kind = "bps" if "bps" in rate else "fen"
        return Cell(kind, _amount_text(rate))
    by = rate["tiers"]["by"]
    start = percent_text if by == "margin" else lambda fen: plain_yuan(fen).removesuffix(".00")
    return Cell(
        "tiers",
        "",
        by,
        [
            StepText(start(step["from"]), _amount_text(step), "bps" if "bps" in step else "fen")
            for step in rate["tiers"]["steps"]
        ],
    )


def _amount_text(rate: Mapping[str, Any]) -> str:
    if "bps" in rate:
        return percent_text(rate["bps"])
    return plain_yuan(rate["fen"]).removesuffix(".00")


def _rate(form: PlanForm, path: str, cell: Cell) -> dict[str, Any] | None:
    match cell.kind:
        case "bps" | "fen":
            return _read(form, path, lambda: _amount(cell.kind, cell.value))
        case "tiers":
            return {"tiers": {"by": cell.by, "steps": _steps(form, path, cell)}}
        case _:
            if cell.value:
                form.errors.setdefault(path, "填写了数值，请选择按比例还是按每件")
            return None


def _steps(form: PlanForm, path: str, cell: Cell) -> list[dict[str, Any]]:
    steps = []
    for number, step in enumerate(cell.steps):
        if not step.start and not step.value:
            continue
        at = f"{path}.tiers.steps.{number}"
        start = _read(form, at, lambda step=step: _start(cell.by, step.start))
        amount = _read(form, at, lambda step=step: _amount(step.unit, step.value))
        if start is not None and amount is not None:
            steps.append({"from": start, **amount})
    if not steps and not form.errors_at(path):
        form.errors[path] = "阶梯费率至少要有一档"
    return steps


def _read(form: PlanForm, path: str, read: Any) -> Any:
    try:
        return read()
    except InvalidInput as error:
        form.errors.setdefault(path, error.message)
        return None


def _amount(unit: str, text: str) -> dict[str, int]:
    if unit == "fen":
        return {"fen": parse_yuan(text.replace(",", ""), field="fen", label="每件金额")}
    return {"bps": percent_bps(text, "比例")}


def _start(by: str, text: str) -> int:
    if by == "margin":
        return _percent(text, "起点毛利率")
    return parse_yuan(text.replace(",", ""), field="from", label="起点金额")


def percent_bps(text: str, label: str) -> int:
    """A share that was typed in percent, as basis points. Raises InvalidInput."""
    bps = _percent(text, label)
    if not 0 <= bps <= 10_000:
        raise InvalidInput("bps", f"{label}应在 0% 到 100% 之间")
    return bps


def _percent(text: str, label: str) -> int:
    """Percent with two decimals at most as basis points, exactly."""
    cleaned = text.removesuffix("%").strip()
    if not cleaned:
        raise InvalidInput("bps", f"请填写{label}")
    match = _PERCENT.fullmatch(cleaned)
    if match is None:
        raise InvalidInput("bps", f"{label}格式不正确，请输入最多两位小数的百分数，例如 12.5")
    bps = int(match[2]) * 100 + int((match[3] or "").ljust(2, "0"))
    return -bps if match[1] else bps
