"""What each benchmark shall reach, the table that says whether it did, and its JSON.

`scripts/bench` merges what it measured into `instance/bench.json`, prints the table at the
end and `scripts/docs figures` puts both into docs/benchmarks.md.
"""

import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from config import ROOT

RESULTS = ROOT / "instance" / "bench.json"


@dataclass(frozen=True)
class Goal:
    """`field` of a benchmark's line is at least, or at most, `number`."""

    field: str
    is_least: bool
    number: float

    def holds(self, line: Mapping[str, Any]) -> bool:
        found = float(line[self.field])
        return found >= self.number if self.is_least else found <= self.number

    def __str__(self) -> str:
        return f"{self.field} {'≥' if self.is_least else '≤'} {self.number:g}"


def _least(number: float, field: str = "ratio") -> Goal:
    return Goal(field, True, number)


def _most(number: float, field: str = "value") -> Goal:
    return Goal(field, False, number)


GOALS: dict[str, tuple[Goal, ...]] = {
    "callbacks": (_least(200, "value"), _most(1000, "p99_ms"), _most(0, "lost")),
    "quote": (_least(20_000, "value"),),
    "accrue": (_least(0.3),),
    "settle": (_least(0.5), _least(300, "times_row_by_row")),
    "settle_sqlite": (_least(0.5),),
    "verify": (_most(60),),
    "ask": (_least(0.3),),
    "reconcile": (_most(60),),
    "poster": (_most(1.5, "ratio"), _most(5, "warm_ms")),
    "team": (_most(50), _most(2, "ratio")),
    "bind": (_least(0.5),),
    "chain": (_most(30),),
    "list": (_least(0.5),),
    "product": (_least(1.0),),
    "place_hot": (_least(0.5),),
    "place_wide": (_least(0.5),),
    "purchase": (_least(0.02),),
    "oversell": (_least(20, "value"), _most(20), _most(0, "broken")),
    "desk": (_most(150), _most(300, "dashboard_cold_ms")),
    # Ten times the rows, the same memory.
    "export": (_most(1.2, "ratio"),),
}


def machine() -> str:
    """Where figures were taken, in words."""
    cores = os.cpu_count()
    return f"{cores} cores, {platform.machine()}, Python {platform.python_version()}"


def keep(line: Mapping[str, Any], at: datetime, file: Path = RESULTS) -> None:
    """Merge one benchmark's line into the file, with the moment and the machine."""
    kept = read(file)
    kept[line["name"]] = {**line, "at": at.isoformat(timespec="minutes"), "machine": machine()}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read(file: Path = RESULTS) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def rows(lines: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Name, value, baseline, ratio, goals, whether met; in the order of the goals."""
    for name, goals in GOALS.items():
        line = lines.get(name)
        if line is None:
            continue
        yield (
            name,
            f"{line['value']:g} {line['unit']}",
            f"{line['baseline']:g}",
            f"{line['ratio']:g}",
            ", ".join(str(goal) for goal in goals),
            "yes" if all(goal.holds(line) for goal in goals) else "NO",
        )


HEAD = ("name", "value", "baseline", "ratio", "goal", "met")


def table(lines: Mapping[str, Mapping[str, Any]]) -> str:
    """For a terminal."""
    every = [HEAD, *rows(lines)]
    widths = [max(len(row[at]) for row in every) for at in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in every
    )


def markdown(lines: Mapping[str, Mapping[str, Any]]) -> str:
    """For docs/benchmarks.md."""
    every = [HEAD, ("---",) * len(HEAD), *rows(lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in every)
