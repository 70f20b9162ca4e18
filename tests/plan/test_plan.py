"""A plan in memory and on disk: the same figures, the same money of media, and what a reader needs to trust it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import optimizer as opt
from optimizer.commands.verify import changed_inputs, run_verify
from optimizer.plan.read import read_plan

KEYS: dict[str, Any] = {
    "name": "evenings and screens",
    "customers": pd.DataFrame({"customer_id": ["007", "7", "é"], "value": [100.0, 60.0, 80.0], "ü": ["a", "b", "a"]}),
    "appetence": pd.DataFrame({"customer_id": ["007", "7", "é"], "email": [0.10, 0.20, 0.05]}),
    "consent": pd.DataFrame({"customer_id": ["007", "7"], "email": [True, True]}),
    "channels": {"email": {"unit_cost": 0.25}},
    "offers": {"spring": {"gross_margin": "value"}},
    "media": {
        "display": {
            "spend": {"min": 10, "max": 90, "or_zero": True},
            "curve": {"hill": {"top": 150, "half": 30, "slope": 1.8}},
            "fixed_cost": 7,
        },
        "tv": {"spend": {"min": 50, "max": 90, "or_zero": True}, "curve": {"log": {"scale": 5, "half": 40}}},
    },
    "rules": [{"name": "all money", "budget": {"max": 50}}],
}


@pytest.fixture(scope="module")
def plan() -> opt.Plan:
    return opt.solve(opt.Scenario(**KEYS))


def write_inputs(folder: Path) -> Path:
    """The same scenario as files."""
    keys = dict(KEYS)
    for name in ("customers", "appetence", "consent"):
        keys[name].to_csv(folder / f"{name}.csv", index=False)
        keys[name] = f"{name}.csv"
    (folder / "scenario.json").write_text(json.dumps(keys), encoding="utf-8")
    return folder / "scenario.json"


def test_the_summary_says_who_was_left_out_and_what_was_read(plan: opt.Plan) -> None:
    summary = plan.summary
    assert summary["customers"] == 3
    assert summary["contacts"] == 2
    assert any(
        "consent" in part["reason"] and part["count"] == 1 and part["examples"] == ["é"] for part in summary["left_out"]
    )
    assert summary["versions"]["highspy"]
    assert summary["cost"] == pytest.approx(2 * 0.25 + 7 + plan.spend["display"])
    assert summary["objective"] == pytest.approx(summary["gross_margin"] - summary["cost"])


def test_the_money_of_media_stands_apart_from_their_fixed_costs(plan: opt.Plan) -> None:
    media = plan.budget.set_index("channel").loc[["display", "tv"]]
    assert media["spend"].to_dict() == plan.spend
    assert media.loc["display", "cost"] == pytest.approx(plan.spend["display"] + 7)
    assert plan.spend["tv"] == 0
    assert media.loc["tv", "cost"] == 0
    assert plan.budget.loc[plan.budget["channel"] == "email", "spend"].isna().all()


def test_a_written_plan_reads_back_to_the_last_bit(plan: opt.Plan, tmp_path: Path) -> None:
    plan.save(tmp_path / "plan")
    written = read_plan(tmp_path / "plan")
    assert written.spend == plan.spend
    assert written.contacts["customer_id"].tolist() == ["007", "7"]
    assert written.summary["objective"] == plan.objective
    assert written.summary["bound"] == plan.certificate.bound
    assert written.scenario_file is None
    again = opt.evaluate(plan.scenario, written.contacts, written.spend)
    assert again.objective == plan.objective
    rules = pd.read_csv(tmp_path / "plan" / "rules.csv", dtype=str)
    assert [float(text) for text in rules["value"]] == plan.rules["value"].tolist()


def test_a_plan_made_in_memory_is_verified_against_a_file(plan: opt.Plan, tmp_path: Path) -> None:
    plan.save(tmp_path / "plan")
    with pytest.raises(opt.ScenarioError, match="--scenario"):
        run_verify(tmp_path / "plan", None, as_json=True)
    assert run_verify(tmp_path / "plan", write_inputs(tmp_path), as_json=True)


@pytest.mark.parametrize("more", [0.02, -0.02])
def test_verify_finds_two_cents_moved_between_media(
    tmp_path: Path, more: float, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = opt.solve(opt.load(write_inputs(tmp_path)))
    plan.save(tmp_path / "plan")
    assert run_verify(tmp_path / "plan", None, as_json=True)
    budget = pd.read_csv(tmp_path / "plan" / "budget.csv")
    budget.loc[budget["cell"] == "display", "spend"] += more
    budget.to_csv(tmp_path / "plan" / "budget.csv", index=False)
    capsys.readouterr()
    assert not run_verify(tmp_path / "plan", None, as_json=True)
    assert "objective" in " ".join(json.loads(capsys.readouterr().out)["failures"])


def test_changed_inputs_are_those_whose_content_changed(plan: opt.Plan, tmp_path: Path) -> None:
    file = write_inputs(tmp_path)
    opt.solve(opt.load(file)).save(tmp_path / "plan")
    (tmp_path / "consent.csv").write_text((tmp_path / "consent.csv").read_text() + "é,True\n", encoding="utf-8")
    scenario = opt.load(file)
    assert len(scenario.facts.customers) == 3
    assert changed_inputs(read_plan(tmp_path / "plan"), scenario.input_hashes) == ["consent.csv"]


def test_a_plan_without_customers_is_written_too(tmp_path: Path) -> None:
    keys = {key: KEYS[key] for key in ("name", "media", "rules")}
    plan = opt.solve(opt.Scenario(**keys))
    folder = plan.save(tmp_path / "plan", excel=True)
    assert len(read_plan(folder).contacts) == 0
    assert plan.summary["customers"] == 0
    assert "display" in (folder / "report.html").read_text(encoding="utf-8")
