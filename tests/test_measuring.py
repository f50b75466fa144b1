"""What `scripts/bench` and `scripts/load` say of what they measured."""

from datetime import UTC, datetime

import pytest

from scripts import audit, bench_goals, benchmarks, docs_made, load_run
from scripts.bench_load import Answer, Request

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
LINE = {"name": "accrue", "value": 500.0, "unit": "orders/s", "baseline": 1000.0, "ratio": 0.5}


def test_every_benchmark_has_a_goal():
    assert set(bench_goals.GOALS) == set(benchmarks.BENCHMARKS)


@pytest.mark.parametrize(
    ("name", "changed", "met"),
    [
        ("accrue", {"ratio": 0.3}, "yes"),
        ("accrue", {"ratio": 0.29}, "NO"),
        ("chain", {"value": 30.0}, "yes"),
        ("chain", {"value": 30.1}, "NO"),
        ("oversell", {"value": 20.0, "broken": 0}, "yes"),
        ("oversell", {"value": 21.0, "broken": 0}, "NO"),
        ("oversell", {"value": 20.0, "broken": 1}, "NO"),
    ],
)
def test_a_goal_is_met_at_its_bound_and_not_beyond(name, changed, met):
    (row,) = bench_goals.rows({name: {**LINE, "name": name, **changed}})

    assert row[-1] == met


def test_the_table_is_in_the_order_of_the_goals_and_lines_up():
    lines = {"bind": {**LINE, "name": "bind"}, "accrue": LINE}

    assert bench_goals.table(lines).splitlines() == [
        "name    value         baseline  ratio  goal         met",
        "accrue  500 orders/s  1000      0.5    ratio ≥ 0.3  yes",
        "bind    500 orders/s  1000      0.5    ratio ≥ 0.5  yes",
    ]


def test_a_second_run_keeps_what_the_first_measured(tmp_path):
    file = tmp_path / "bench.json"

    bench_goals.keep(LINE, NOON, file)
    bench_goals.keep({**LINE, "name": "bind"}, NOON, file)
    bench_goals.keep({**LINE, "ratio": 0.6}, NOON, file)

    kept = bench_goals.read(file)
    assert {name: line["ratio"] for name, line in kept.items()} == {"accrue": 0.6, "bind": 0.5}
    assert kept["accrue"]["at"] == "2026-11-21T04:00+00:00"


def test_the_documented_figures_are_those_of_the_files():
    assert docs_made.BENCHMARKS.read_text(encoding="utf-8") == docs_made.benchmarks()


@pytest.mark.parametrize("host", ["mall.example.com", "10.0.0.1", "127.0.0.2", "0.0.0.0", ""])
def test_a_load_is_refused_for_any_other_host(host, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["load", "--host", host])
    monkeypatch.setattr(load_run, "shop", lambda: pytest.fail("it began"))

    with pytest.raises(SystemExit) as refused:
        load_run.main()

    assert refused.value.code == 2
    assert "127.0.0.1 only" in capsys.readouterr().err


def test_percentiles_and_errors_are_those_of_the_answers():
    seen = load_run.Seen(done=100)
    for number in range(1, 101):
        answer = Answer(Request("/p/1?a=b"), number / 1000, 200 if number < 100 else 503, b"", "")
        seen.note(answer, (200,))

    assert seen.facts(10.0) == {
        "requests": 100,
        "a_second": 10.0,
        "rounds": 100,
        "p50_ms": 51.0,
        "p95_ms": 96.0,
        "p99_ms": 100.0,
        "errors": 1,
        "which": {"503 GET /p/1": 1},
    }


def test_weaknesses_of_packages_are_told_with_what_mends_them():
    pip = {
        "dependencies": [
            {"name": "flask", "version": "3.1.0", "vulns": []},
            {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}]},
            {"name": "b", "version": "2", "vulns": [{"id": "CVE-2", "fix_versions": []}]},
        ]
    }
    npm = {"vulnerabilities": {"c": {"range": "<3", "severity": "high"}}}

    assert audit.of_python(pip) == [
        "a 1: CVE-1, mended in 1.1",
        "b 2: CVE-2, mended in no version yet",
    ]
    assert audit.of_npm(npm) == ["c <3: high"]


def test_packages_that_nobody_looked_up_are_not_called_sound():
    skipped = {"name": "flask", "skip_reason": "Dependency not found on PyPI"}

    with pytest.raises(ValueError, match="not every package"):
        audit.of_python({"dependencies": [skipped]})


@pytest.mark.parametrize(
    ("answers", "flags", "code"),
    [
        ([[], []], [], 0),
        ([["a 1: CVE-1"], []], [], 1),
        ([None, None], [], 0),
        ([None, []], ["--strict"], 1),
    ],
)
def test_no_network_stops_nothing_and_a_weakness_does(answers, flags, code, monkeypatch, capsys):
    left = list(answers)
    monkeypatch.setattr("sys.argv", ["audit", *flags])
    monkeypatch.setattr(audit, "ensure_venv", lambda dev: None)
    monkeypatch.setattr(audit, "_asked", lambda *_: left.pop(0))

    assert audit.main() == code
    assert capsys.readouterr().out.count("not checked") == answers.count(None)
