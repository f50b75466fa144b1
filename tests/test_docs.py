"""What the documentation takes from the code is what the code says."""

import re
from pathlib import Path

import pytest

from app.ledger import verify
from app.ledger.models import AccountKind
from config import ROOT, Config
from scripts import docs_made

DOCS = sorted((ROOT / "docs").glob("*.md"))


def test_the_configuration_reference_is_what_the_generator_writes():
    assert docs_made.TARGET.read_text(encoding="utf-8") == docs_made.text(), "run scripts/docs"


def test_every_name_that_is_read_has_a_meaning():
    said = docs_made.meanings()

    assert {name.upper() for name in Config.__dataclass_fields__} <= set(said)
    assert [name for name, meaning in said.items() if not meaning] == []


@pytest.mark.parametrize("page", [*DOCS, ROOT / "README.md", ROOT / "README.zh-CN.md"], ids=str)
def test_links_and_paths_lead_somewhere(page: Path):
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)]
    paths = re.findall(r"`((?:app|scripts|tests|deploy|docs)/[\w./-]+)`", text)

    assert [x for x in links if x and "://" not in x and not (page.parent / x).exists()] == []
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_money_book_has_every_account_and_invariant(session):
    text = (ROOT / "docs/money.md").read_text(encoding="utf-8")
    codes = {result.code for result in verify()}

    assert [kind.value for kind in AccountKind if f"`{kind.value}`" not in text] == []
    assert [code for code in sorted(codes) if not _covers(text, code)] == []


def _covers(text: str, code: str) -> bool:
    rows = re.findall(r"^\| ([A-Z]\d(?:(?:, | to )[A-Z]\d)*) \|", text, re.MULTILINE)
    for row in rows:
        first, last = row[:2], row[-2:]
        if first[0] == code[0] and first <= code <= last:
            return True
    return False


def test_every_alert_is_in_the_handbook():
    alerts = re.findall(
        r"alert: (\w+)", (ROOT / "deploy/prometheus-alerts.yml").read_text(encoding="utf-8")
    )
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")

    assert [alert for alert in alerts if f"`{alert}`" not in text] == []


def test_the_readmes_show_every_picture_and_all_are_small():
    pictures = sorted((ROOT / "docs/pictures").glob("*"))
    shown = {
        page: re.findall(r'src="(docs/pictures/[\w.-]+)"', (ROOT / page).read_text("utf-8"))
        for page in ("README.md", "README.zh-CN.md")
    }

    assert len(pictures) == 10
    assert {tuple(sorted(found)) for found in shown.values()} == {
        tuple(str(picture.relative_to(ROOT)) for picture in pictures)
    }
    assert sum(picture.stat().st_size for picture in pictures) < 1_000_000


def test_the_map_of_packages_is_the_import_contract():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    layers = project.partition("layers = [")[2].partition("\n]\n")[0]
    contract = [name for name in re.findall(r"\w+", layers) if (ROOT / "app" / name).is_dir()]
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| ([^|]*`[^|]*) \|", text, re.MULTILINE)

    assert [
        name for row in rows for name in re.findall(r"`(\w+)`", row) if name != "commands"
    ] == contract
