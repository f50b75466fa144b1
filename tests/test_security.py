"""tests/SECURITY.md names tests that exist, for every line of the checklist."""

import re

from config import ROOT

ROWS = re.findall(
    r"^\| (\d+) \| [^|]+ \| (.+) \|$", (ROOT / "tests/SECURITY.md").read_text(), re.MULTILINE
)


def test_every_line_is_led_to_tests_that_exist():
    missing = [
        (number, name)
        for number, proofs in ROWS
        for name in re.findall(r"`([\w/]+\.py::test_\w+)`", proofs)
        if not _exists(*name.split("::"))
    ]

    assert missing == []
    assert [int(number) for number, _ in ROWS] == list(range(1, 50))
    assert [n for n, proofs in ROWS if "::test_" not in proofs or "open:" in proofs] == []


def _exists(file: str, test: str) -> bool:
    path = ROOT / "tests" / file
    return path.is_file() and f"\ndef {test}(" in path.read_text()


def test_an_error_shows_an_id_and_nothing_of_itself(app, session, client, monkeypatch):
    def broken():
        raise RuntimeError("SELECT secret FROM /srv/mall/app")

    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setitem(app.view_functions, "health.alive", broken)

    answer = client.get("/healthz", headers={"Accept": "application/json"})

    assert answer.status_code == 500
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    for word in ("SELECT", "/srv", "RuntimeError", "Traceback"):
        assert word not in answer.text
