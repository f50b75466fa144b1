"""The configuration reference, from the code that reads the configuration.

`scripts/docs figures` also takes what `scripts/bench` and `scripts/load` measured last into
docs/figures and fills the tables of docs/benchmarks.md from there.
"""

import base64
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import config as configuration
from app.admin.settings import GROUPS, bounds_words, shown
from app.settings.registry import ALL, Setting
from config import ROOT
from scripts import bench_goals

BENCHMARKS = ROOT / "docs" / "benchmarks.md"
FIGURES = ROOT / "docs" / "figures"
TARGET = ROOT / "docs" / "configuration.md"
# What gives whoever reads it a way in, beside what `config.py` holds to a length.
SECRET = {*configuration.SECRETS, *configuration.SHORTEST, "BACKUP_PASSPHRASE"}
_HOLDS_PASSWORD = {"DATABASE_URL", "REDIS_URL"}
_OTHERS = "其他"

HEAD = """\
# Configuration

Written by `scripts/docs` from `.env.example`, `config.py` and `app/settings/registry`: change it there.

## Environment

Read when a process starts. **Needed**: production refuses to start without it. **Secret**: keep it out of tickets and logs; none has a default.

| name | meaning | default | |
| --- | --- | --- | --- |
"""
SETTINGS = """
## Business settings

Changed in the admin panel under 设置, at once and for all processes; each change is kept with who made it. The words are the panel's.
"""


def main() -> int:
    if "figures" in sys.argv[1:]:
        FIGURES.mkdir(exist_ok=True)
        for name in ("bench.json", "load.json"):
            if (made := ROOT / "instance" / name).exists():
                shutil.copyfile(made, FIGURES / name)
    BENCHMARKS.write_text(benchmarks(), encoding="utf-8")
    TARGET.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{TARGET.relative_to(ROOT)}\n")
    return 0


def text() -> str:
    """The whole reference in Markdown."""
    return HEAD + "".join(_environment()) + SETTINGS + "".join(_settings())


# --- figures ---------------------------------------------------------------------------

_PLACE = "<!-- {name}: written by scripts/docs figures -->"


def benchmarks() -> str:
    """docs/benchmarks.md with its two tables as docs/figures says."""
    found = BENCHMARKS.read_text(encoding="utf-8")
    bench = bench_goals.read(FIGURES / "bench.json")
    load = bench_goals.read(FIGURES / "load.json")
    for name, table in (("bench", _bench(bench)), ("load", _load(load))):
        begin, end = _PLACE.format(name=name), _PLACE.format(name=f"end of {name}")
        head, _, rest = found.partition(begin)
        found = f"{head}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return found


def _bench(lines: dict[str, dict[str, str]]) -> str:
    if not lines:
        return "Nothing measured yet."
    taken = sorted({f"{line['at'][:10]} on {line['machine']}" for line in lines.values()})
    return f"{bench_goals.markdown(lines)}\n\nTaken {'; '.join(taken)}."


def _load(found: dict[str, Any]) -> str:
    if not found:
        return "Nothing measured yet."
    head = ("scenario", "requests/s", "p50 ms", "p95 ms", "p99 ms", "requests", "errors")
    keys = ("a_second", "p50_ms", "p95_ms", "p99_ms", "requests", "errors")
    rows = [
        (name, *(f"{facts[key]:g}" if key != "requests" else str(facts[key]) for key in keys))
        for name, facts in found["scenarios"].items()
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in [head, ("---",) * len(head), *rows])
    lost = found["lost_notices"]
    grown = "; ".join(
        f"{who} {held['before']} > {held['after']} MB" for who, held in found["memory_mb"].items()
    )
    return (
        f"{table}\n\nMemory: {grown}. Lost notices: {lost['lost']}, not booked {lost['not_booked']}, "
        f"longest gap {lost['longest_gap_s']} s (goal {lost['goal_s']} s). "
        f"Taken {found['at'][:10]} for {found['minutes']:g} minutes on {found['machine']}."
    )


# --- environment -----------------------------------------------------------------------


def meanings(example: Path = ROOT / ".env.example") -> dict[str, str]:
    """What each name of `.env.example` means: the comment right above it."""
    found: dict[str, str] = {}
    said: list[str] = []
    for line in example.read_text(encoding="utf-8").splitlines():
        name, is_value, _ = line.partition("=")
        if line.startswith(("#   ", "# ---")):
            # A command to copy, or a heading.
            continue
        if line.startswith("#"):
            said.append(line.removeprefix("#").strip())
        elif is_value:
            found[name] = " ".join(said)
            said = []
        else:
            said = []
    return found


def _environment() -> Iterator[str]:
    defaults = _defaults()
    for name, meaning in meanings().items():
        marks = [
            word
            for word, is_so in (
                ("needed", name in configuration.NEEDED),
                ("secret", name in SECRET),
                ("holds a password", name in _HOLDS_PASSWORD),
            )
            if is_so
        ]
        default = defaults.get(name, "")
        shown_default = f"`{default}`" if default else ""
        yield f"| `{name}` | {_cell(meaning)} | {shown_default} | {', '.join(marks)} |\n"


def _defaults() -> dict[str, str]:
    """What `config.py` takes where the environment says nothing; no path of this machine."""
    key = "k1:" + base64.b64encode(bytes(32)).decode()
    given = {"SECRET_KEY": "-", "DATA_KEYS": key}
    made = configuration.load(given)
    values = {
        field.name.upper(): _plain(getattr(made, field.name))
        for field in fields(made)
        if field.name.upper() not in given
    }
    # Follows another name.
    return values | {"WXPAY_NOTIFY_BASE": ""}


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value).replace(f"{ROOT}/", "")


# --- settings --------------------------------------------------------------------------


def _settings() -> Iterator[str]:
    titles = dict(GROUPS)
    groups: dict[str, list[Setting[int] | Setting[str] | Setting[bool]]] = {
        title: [] for title in [*titles.values(), _OTHERS]
    }
    for key, item in ALL.items():
        groups[titles.get(key.partition(".")[0], _OTHERS)].append(item)
    for title, items in groups.items():
        if not items:
            continue
        yield f"\n### {title}\n\n| 设置 | 说明 | 默认 | 范围 |\n| --- | --- | --- | --- |\n"
        for item in items:
            name = f"**{item.title}**<br>`{item.key}`"
            default = shown(item.key, item.default)
            yield f"| {name} | {_cell(item.help)} | {_cell(default)} | {_cell(_range(item))} |\n"


def _range(item: Setting[int] | Setting[str] | Setting[bool]) -> str:
    if item.choices:
        return "<br>".join(f"`{value}` {words}" for value, words in item.choices)
    if isinstance(item.default, bool):
        return "是 / 否"
    return bounds_words(item) or (f"`{item.pattern}`" if item.pattern else "")


def _cell(words: str) -> str:
    """One line of a table; a bar inside would end its cell."""
    return re.sub(r"\s+", " ", words).replace("|", "\\|").strip()


if __name__ == "__main__":
    sys.exit(main())
