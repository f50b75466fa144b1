"""The reference's worked cases, through the function and through the command."""

import json

import pytest

from app.commission.documents import quote_scenario


@pytest.fixture(scope="module")
def cases(vectors_folder):
    file = vectors_folder / "commission_vectors.json"
    if not file.is_file():
        pytest.skip(f"{file.name} does not lie beside this checkout")
    return json.loads(file.read_text(encoding="utf-8"))


def test_every_case_gives_its_result_to_the_fen(cases):
    assert len(cases) >= 20

    results = {case["name"]: quote_scenario(case["scenario"]) for case in cases}

    assert results == {case["name"]: case["expect"] for case in cases}


def test_the_command_prints_a_list_for_a_list(app, cases, tmp_path):
    file = tmp_path / "scenarios.json"
    file.write_text(json.dumps([case["scenario"] for case in cases]), encoding="utf-8")

    ran = app.test_cli_runner().invoke(args=["commissions", "quote", str(file)])

    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.output) == [case["expect"] for case in cases]


def test_the_command_prints_one_result_for_one_scenario(app, cases, tmp_path):
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps(cases[1]["scenario"]), encoding="utf-8")

    ran = app.test_cli_runner().invoke(args=["commissions", "quote", str(file)])

    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.output) == cases[1]["expect"]


def test_the_command_names_the_value_at_fault(app, cases, tmp_path):
    broken = {**cases[1]["scenario"], "plan": {**cases[1]["scenario"]["plan"], "mode": "both"}}
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps(broken), encoding="utf-8")

    ran = app.test_cli_runner().invoke(args=["commissions", "quote", str(file)])

    assert ran.exit_code == 1
    assert "mode: mode 应是 fixed、differential 之一" in ran.output


def test_the_command_refuses_what_is_not_json(app, tmp_path):
    file = tmp_path / "scenario.json"
    file.write_text("{", encoding="utf-8")

    ran = app.test_cli_runner().invoke(args=["commissions", "quote", str(file)])

    assert ran.exit_code == 1
    assert "scenario.json is not JSON" in ran.output


def test_the_command_for_bonuses_prints_a_list_for_a_list(app, tmp_path):
    steps = [{"from": start, "bps": bps} for start, bps in ((0, 200), (10_000_000, 300))]
    program = {"metric": "personal_sales", "period": "month", "tier_mode": "whole", "steps": steps}
    file = tmp_path / "bonus.json"
    file.write_text(
        json.dumps([{"program": program, "value": value} for value in (9_999_999, 10_000_000)]),
        encoding="utf-8",
    )

    ran = app.test_cli_runner().invoke(args=["commissions", "bonus", str(file)])

    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.output) == [
        {"tier": 1, "amount_fen": 199_999},
        {"tier": 2, "amount_fen": 300_000},
    ]
