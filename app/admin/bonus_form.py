"""The editor's form of a bonus: what was typed, and the document it describes.

Refusals name the document's paths, and so are the fields named: `steps.0.from`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import request

from app.admin.plan_form import percent_bps, percent_text
from app.commission import bonus
from app.commission.bonus import BonusInput, BonusVersion
from app.commission.bonus.rules import COUNTS, STEPS_MAX, Metric, Reward
from app.core import web
from app.core.errors import InvalidInput
from app.core.money import parse_yuan, plain_yuan

ROWS_LEAST, ROWS_SPARE = 4, 2
CHOICES = ("metric", "period", "tier_mode", "reward")
BLANK: Mapping[str, str] = {
    "metric": "personal_sales",
    "period": "month",
    "tier_mode": "whole",
    "reward": "cash",
}


@dataclass
class StepText:
    """One step as typed: from what on, how much, `bps` or `fen`."""

    start: str = ""
    value: str = ""
    unit: str = "bps"


@dataclass
class BonusForm:
    """What was typed, and what is wrong with it by the path of its field."""

    name: str = ""
    note: str = ""
    facts: dict[str, str] = field(default_factory=lambda: dict(BLANK))
    steps: list[StepText] = field(default_factory=list)
    min_level: str = ""
    min_recruits: str = ""
    clean_record: bool = False
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> list[StepText]:
        """The steps with some empty ones to fill in."""
        wanted = min(STEPS_MAX, max(ROWS_LEAST, len(self.steps) + ROWS_SPARE))
        return [*self.steps, *(StepText() for _ in range(wanted - len(self.steps)))]

    def errors_at(self, path: str) -> list[str]:
        """What is wrong with a row or anything inside it."""
        return [said for at, said in self.errors.items() if at == path or at.startswith(f"{path}.")]


def of_version(version: BonusVersion) -> BonusForm:
    """A stored version as the form's fields hold it."""
    program = bonus.programs.program_of(version)
    is_count, in_points = program.metric in COUNTS, program.reward is Reward.POINTS
    asked = program.conditions
    return BonusForm(
        version.name,
        version.note,
        {name: str(getattr(program, name).value) for name in CHOICES},
        [
            StepText(
                str(step.start) if is_count else _yuan(step.start),
                percent_text(step.bps)
                if step.bps is not None
                else str(step.fen)
                if in_points
                else _yuan(step.fen or 0),
                "bps" if step.bps is not None else "fen",
            )
            for step in program.steps
        ],
        asked.min_level,
        str(asked.min_recruits or ""),
        asked.clean_record,
    )


def typed() -> BonusForm:
    """The request's form as it came; rows left empty fall out."""
    columns = zip(_column("from"), _column("value"), _column("unit"), strict=False)
    rows = [StepText(start, value, unit) for start, value, unit in columns]
    return BonusForm(
        web.form_text("name", 60).strip(),
        web.form_text("note", 400).strip(),
        {name: web.form_text(name, 20) for name in CHOICES},
        [row for row in rows if row.start or row.value],
        web.form_text("min_level", 20),
        web.form_text("min_recruits", 10).strip(),
        web.form_text("clean_record", 2) == "1",
    )


def read(form: BonusForm) -> BonusInput:
    """What the service takes. Raises InvalidInput naming the field."""
    metric, reward = form.facts["metric"], form.facts["reward"]
    conditions: dict[str, Any] = {"clean_record": form.clean_record}
    if form.min_level:
        conditions["min_level"] = form.min_level
    if form.min_recruits:
        conditions["min_recruits"] = _count(
            form.min_recruits, "conditions.min_recruits", "发展人数"
        )
    document = {
        **form.facts,
        "steps": [
            _step(step, f"steps.{i}", i + 1, metric, reward) for i, step in enumerate(form.steps)
        ],
        "conditions": conditions,
    }
    return BonusInput(form.name, document, form.note)


def _step(step: StepText, path: str, number: int, metric: str, reward: str) -> dict[str, int]:
    at, label = f"{path}.from", f"第 {number} 档的起点"
    if metric in [found.value for found in COUNTS]:
        start = _count(step.start, at, label)
    else:
        start = parse_yuan(_plain(step.start), field=at, label=label)
    at, label = f"{path}.value", f"第 {number} 档的奖励"
    if step.unit != "fen":
        try:
            bps = percent_bps(_plain(step.value), label)
        except InvalidInput as error:
            raise InvalidInput(at, error.message) from None
        return {"from": start, "bps": bps}
    if reward == Reward.POINTS.value:
        return {"from": start, "fen": _count(step.value, at, label)}
    return {"from": start, "fen": parse_yuan(_plain(step.value), field=at, label=label)}


def metrics() -> list[tuple[str, str, str]]:
    """What may be counted here, for a choice of the form."""
    hints = {
        Metric.PERSONAL_SALES: "直推好友本期收货的金额，减去退款，不含运费",
        Metric.PERSONAL_PROFIT: "上面的金额再减去成本，单件亏损按 0 计",
        Metric.ORDERS: "直推好友本期收货、没有全部退款的订单",
        Metric.TEAM_SALES: "各级下线本期收货的金额，减去退款",
        Metric.RECRUITS: "本期新成为分销员的直属下线",
    }
    return [
        (metric.value, bonus.wording.METRIC[metric], hints[metric])
        for metric in Metric
        if bonus.allows_team() or metric not in bonus.rules.TEAM_METRICS
    ]


def _column(name: str) -> list[str]:
    texts = request.form.getlist(f"step.{name}")[:STEPS_MAX]
    return [text[:20].replace("\x00", "").strip() for text in texts]


def _count(text: str, path: str, label: str) -> int:
    number = web.whole_number(_plain(text))
    if number is None:
        raise InvalidInput(path, f"{label}应为整数")
    return number


def _plain(text: str) -> str:
    return text.replace(",", "").strip()


def _yuan(fen: int) -> str:
    return plain_yuan(fen).removesuffix(".00")
