"""The configuration reference, from the code that reads the configuration."""

import base64
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import config as configuration
from app.admin.settings import GROUPS, bounds_words, shown
from app.settings.registry import ALL, Setting
from config import ROOT

TARGET = ROOT / "docs" / "configuration.md"
# What gives whoever reads it a way in, beside what `config.py` holds to a length.
SECRET = {*configuration.SECRETS, *configuration.SHORTEST, "BACKUP_PASSPHRASE"}
_HOLDS_PASSWORD = {"DATABASE_URL", "REDIS_URL"}
_OTHERS = "其他"

HEAD = """\
# Configuration

Written by `scripts/docs` from `.env.example`, `config.py` and `app/settings/registry.py`: change it there.

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
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{TARGET.relative_to(ROOT)}\n")
    return 0


def text() -> str:
    """The whole reference in Markdown."""
    return HEAD + "".join(_environment()) + SETTINGS + "".join(_settings())


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
