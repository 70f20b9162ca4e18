"""The scenarios that ship: made by their scripts, readable, and true to what the README tells of them."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import optimizer as opt
from optimizer.rules import lint

ROOT = Path(__file__).parents[1]
#: Those with a build.py lie without their tables: these are built from published data, and tested with them.
SCENARIOS = sorted(
    file for file in (ROOT / "scenarios").glob("*/scenario.yaml") if not (file.parent / "build.py").is_file()
)
EVENINGS = ROOT / "scenarios" / "privilege_evenings"
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def evenings() -> opt.Plan:
    """The privilege evenings, solved to a thousandth."""
    return opt.solve(opt.load(EVENINGS / "scenario.yaml"), gap=1e-3, time_limit=200)


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.parent.name)
def test_a_shipped_scenario_reads_and_contradicts_nothing(file: Path) -> None:
    scenario = opt.load(file)
    assert len(scenario.facts.customers)
    assert [finding for finding in lint(scenario) if finding.kind == "contradictory"] == []
    schema = re.search(r"\$schema=(\S+)", file.read_text(encoding="utf-8"))
    assert schema is not None
    assert (file.parent / schema.group(1)).is_file()


def test_the_script_makes_the_tables_it_lies_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = runpy.run_path(str(EVENINGS / "generate.py"))
    script["main"].__globals__["FOLDER"] = tmp_path
    script["main"]()
    made = sorted(file.name for file in tmp_path.iterdir())
    assert made == sorted(file.name for file in EVENINGS.glob("*.csv"))
    for name in made:
        assert (tmp_path / name).read_bytes() == (EVENINGS / name).read_bytes(), name
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 1_000_000


def test_at_least_eight_rules_bind_and_one_customer_in_ten_gets_two_channels(evenings: opt.Plan) -> None:
    assert evenings.binding()["rule"].nunique() >= 8
    several = evenings.contacts.groupby("customer_id")["channel"].nunique() >= 2
    assert several.mean() >= 0.10


def test_the_joint_plan_beats_the_ranked_lists_by_as_much_as_the_readme_says(
    evenings: opt.Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(EVENINGS), *sys.path])
    from greedy import ranked_plan  # type: ignore[import-not-found]

    keys: dict[str, Any] = yaml.safe_load((EVENINGS / "scenario.yaml").read_text(encoding="utf-8"))
    earned = {"joint": evenings.objective}
    for ranking in ("score", "margin"):
        found = opt.evaluate(evenings.scenario, ranked_plan(evenings.scenario, keys, ranking))
        assert found.failures == [], ranking
        earned[ranking] = found.objective
    assert earned["score"] < earned["margin"] < earned["joint"]
    told = [
        float(figure.replace(",", "")) for figure in re.findall(r"(\d,\d{3}) EUR", README.split("## A quick tour")[0])
    ]
    assert told[0] == pytest.approx(earned["joint"], rel=1e-3)
    assert told[1] == pytest.approx(earned["score"], abs=1)
    assert told[2] == pytest.approx(earned["margin"], abs=1)
    assert evenings.certificate.bound >= told[0] - 1


def test_the_readme_points_at_files_that_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
    for command in re.findall(r"python (scenarios/\S+\.py)", README):
        assert (ROOT / command).is_file()


def test_the_readme_shows_the_two_commands_as_they_are_run() -> None:
    lines = [line.strip() for line in README.splitlines()]
    assert "python3 -m pip install . && optimizer solve scenarios/privilege_evenings/scenario.yaml" in lines
    assert 'python3 -m pip install ".[test]" && python3 -m pytest' in lines
